import { EznasError } from '../errors.ts';
import { parseFormula } from '../formulas/parse.ts';
import { formulaToPyTorchModule } from '../formulas/pytorch.ts';
import { aggregateOf, asProgram, type Formula, formulaTensors } from '../formulas/tree.ts';
import { flops } from '../graph/counts.ts';
import { describeTensor } from '../programs/describe.ts';
import { toLatex } from '../programs/export.ts';
import { operatorOf } from '../programs/operators.ts';
import { printProgram } from '../programs/print.ts';
import { symbolicSignature } from '../programs/symbols.ts';
import { TENSORS, type TensorName } from '../programs/tensors.ts';
import { canonicalText, isLeaf, type Program, subtrees } from '../programs/tree.ts';
import { formatShape, inferShapes } from '../programs/typing.ts';
import { latexToUnicode } from '../programs/unicode.ts';
import { PROXIES } from '../proxies/catalogue.ts';
import type { NamedProxy, Passes } from '../proxies/description.ts';
import { tensorPasses } from '../proxies/program-proxies.ts';
import { measureToPyTorchModule } from '../proxies/pytorch-measures.ts';
import { nasbench201 } from '../spaces/nasbench201.ts';
import { type ExplainedPart, explainFormula } from './formula.ts';

/** One node of an explained program. */
export interface ExplainedNode {
  /** Operator or tensor. */
  readonly name: string;
  /** Edges from the root. */
  readonly depth: number;
  /** Shape in symbols such as `B×Cin×H×H`; null where a node below does not fit. */
  readonly shape: string | null;
  readonly meaning: string;
}

/** A program or formula, and what follows from its text. */
export interface ExplainedProgram {
  /** Parses back. */
  readonly text: string;
  readonly latex: string;
  readonly unicode: string;
  /** In preorder. */
  readonly nodes: readonly ExplainedNode[];
  /** The tensors read. */
  readonly leaves: readonly { readonly tensor: TensorName; readonly meaning: string }[];
  /** Why it cannot be evaluated on every unit; null where it can. */
  readonly problem: string | null;
}

/** What a program, formula or proxy is, in words, symbols and costs. */
export interface Explanation {
  /** Of the catalogue; null for what is not in it. LaTeX where it is no program, whose own stands below. */
  readonly proxy:
    | (Pick<NamedProxy, 'name' | 'kind' | 'definition' | 'paper' | 'reads' | 'direction' | 'note'> & {
        readonly latex: string | null;
      })
    | null;
  /** A program of a unit, whose mean over the units scores a network; null for all else. */
  readonly program: ExplainedProgram | null;
  /** A formula over whole networks: aggregated programs, numbers of the network, forests of these; null for all else. */
  readonly formula:
    | (ExplainedProgram & {
        /** How the terms of a forest are combined; null without one. */
        readonly combiner: ExplainedPart | null;
        readonly aggregators: readonly ExplainedPart[];
        /** The numbers of the network that it reads. */
        readonly numbers: readonly ExplainedPart[];
      })
    | null;
  readonly cost: Passes & {
    /** Operators evaluated for each unit, equal subtrees once; null for a proxy that is no program. */
    readonly operations: number | null;
    /**
     * Multiply-adds of the passes, a backward image counting as two forward, on the largest network of NAS-Bench-201, whose cells are 3 × 3 convolutions
     * alone.
     */
    readonly multiplyAdds: number;
  };
}

/**
 * Explains a program, a formula over whole networks, or a proxy of the catalogue.
 *
 * @param given text of a program or formula, or proxy name
 * @param batch images in the minibatch, for the passes
 * @throws EznasError INVALID_PROGRAM for text that does not parse
 */
export function explain(given: string, batch = 1): Explanation {
  const proxy = PROXIES.find(({ name }) => name === given.trim());
  const formula = formulaNamed(given, proxy);
  const about = proxy ? pick(proxy) : null;
  if (formula === undefined) {
    const passes = proxy!.passes(batch);
    return { proxy: about, program: null, formula: null, cost: { ...passes, operations: null, ...workOf(passes) } };
  }
  const mask = formulaTensors(formula);
  const passes = tensorPasses(mask, batch);
  const leaves = TENSORS.filter((_, index) => (mask >> index) & 1).map((tensor) => ({
    tensor,
    meaning: describeTensor(tensor),
  }));
  const program = asProgram(formula);
  if (program === undefined) {
    const { operations, ...explained } = explainFormula(formula, explainNodes);
    const cost = { ...passes, operations, ...workOf(passes) };
    return { proxy: about, program: null, formula: { ...explained, leaves }, cost };
  }
  const latex = toLatex(program);
  const distinct = new Set([...subtrees(program)].filter((node) => !isLeaf(node)).map(canonicalText));
  return {
    proxy: about,
    program: {
      text: printProgram(program),
      latex,
      unicode: latexToUnicode(latex),
      ...explainNodes(program),
      leaves,
    },
    formula: null,
    cost: { ...passes, operations: distinct.size, ...workOf(passes) },
  };
}

/**
 * Source of a standalone Python module that computes a program, formula or proxy in PyTorch.
 *
 * @throws EznasError INVALID_ARGUMENT for a proxy that combines others, and what {@link explain} throws
 */
export function toPyTorchSource(given: string): string {
  const proxy = PROXIES.find(({ name }) => name === given.trim());
  switch (proxy?.kind) {
    case 'native':
    case 'structural':
      return measureToPyTorchModule(proxy);
    case 'combined':
      throw new EznasError(
        'INVALID_ARGUMENT',
        `${proxy.name} compares networks, so no module scores one alone; export its parts: ${proxy.reads.join(', ')}`,
      );
    default:
      return formulaToPyTorchModule(formulaNamed(given, proxy)!);
  }
}

/** Undefined for a proxy that is no program. */
function formulaNamed(given: string, proxy: NamedProxy | undefined): Formula | undefined {
  if (proxy === undefined) return parseFormula(given);
  return proxy.kind === 'program' ? aggregateOf('unit_mean', proxy.program) : undefined;
}

/** A network for the scale of costs. */
const LARGEST = '|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|';

function workOf({ forward, backward }: Passes): { multiplyAdds: number } {
  return { multiplyAdds: (forward + 2 * backward) * flops(nasbench201.build(nasbench201.parse(LARGEST))) };
}

function pick({ name, kind, definition, latex, paper, reads, direction, note }: NamedProxy) {
  return { name, kind, definition, latex: latex ?? null, paper, reads, direction, note };
}

function explainNodes(program: Program): { nodes: ExplainedNode[]; problem: string | null } {
  const signature = symbolicSignature();
  const shapes = inferShapes(program, signature);
  const nodes: ExplainedNode[] = [];
  const visit = (node: Program, depth: number) => {
    const shape = Array.isArray(shapes) ? formatShape(shapes[nodes.length]!, signature.symbols) : null;
    const name = isLeaf(node) ? node.tensor : node.operator;
    const meaning = isLeaf(node) ? describeTensor(node.tensor) : operatorOf(node.operator).documentation;
    nodes.push({ name, depth, shape, meaning });
    if (!isLeaf(node)) for (const operand of node.operands) visit(operand, depth + 1);
  };
  visit(program, 0);
  return { nodes, problem: Array.isArray(shapes) ? null : shapes.message };
}
