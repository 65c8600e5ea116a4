import { EznasError } from '../errors.ts';
import { parseFormula } from '../formulas/parse.ts';
import { asProgram } from '../formulas/tree.ts';
import { describeTensor } from '../programs/describe.ts';
import { toLatex } from '../programs/export.ts';
import { operatorOf } from '../programs/operators.ts';
import { printProgram } from '../programs/print.ts';
import { symbolicSignature } from '../programs/symbols.ts';
import { TENSORS, type TensorName } from '../programs/tensors.ts';
import { canonicalText, isLeaf, type Program, subtrees, tensorsRead } from '../programs/tree.ts';
import { formatShape, inferShapes } from '../programs/typing.ts';
import { latexToUnicode } from '../programs/unicode.ts';
import { PROXIES } from '../proxies/catalogue.ts';
import type { NamedProxy, Passes } from '../proxies/description.ts';
import { tensorPasses } from '../proxies/program-proxies.ts';

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

/** What a program or proxy is, in words, symbols and costs. */
export interface Explanation {
  /** Of the catalogue; null for a program that is not in it. */
  readonly proxy: Pick<NamedProxy, 'name' | 'kind' | 'definition' | 'paper' | 'direction' | 'note'> | null;
  /** The program and what follows from it; null for a proxy that is none. */
  readonly program: {
    /** Parses back. */
    readonly text: string;
    readonly latex: string;
    readonly unicode: string;
    /** In preorder. */
    readonly nodes: readonly ExplainedNode[];
    readonly leaves: readonly { readonly tensor: TensorName; readonly meaning: string }[];
    /** Why it cannot be evaluated on every unit; null where it can. */
    readonly problem: string | null;
  } | null;
  readonly cost: Passes & {
    /** Operators evaluated for each unit, equal subtrees once; null for a proxy that is no program. */
    readonly operations: number | null;
  };
}

/**
 * Explains a program or a proxy of the catalogue.
 *
 * @param given program text or proxy name
 * @param batch images in the minibatch, for the passes
 * @throws EznasError INVALID_PROGRAM for text that does not parse; INVALID_ARGUMENT for a formula of several units' values, which is more than a
 *   program
 */
export function explain(given: string, batch = 1): Explanation {
  const proxy = PROXIES.find(({ name }) => name === given.trim());
  const program = proxy ? programOf(proxy) : parseOne(given);
  const about = proxy && pick(proxy);
  if (program === undefined) {
    return { proxy: about ?? null, program: null, cost: { ...proxy!.passes(batch), operations: null } };
  }
  const mask = tensorsRead(program);
  const latex = toLatex(program);
  const { nodes, problem } = explainNodes(program);
  const distinct = new Set([...subtrees(program)].filter((node) => !isLeaf(node)).map(canonicalText));
  return {
    proxy: about ?? null,
    program: {
      text: printProgram(program),
      latex,
      unicode: latexToUnicode(latex),
      nodes,
      leaves: TENSORS.filter((_, index) => (mask >> index) & 1).map((tensor) => ({
        tensor,
        meaning: describeTensor(tensor),
      })),
      problem,
    },
    cost: { ...tensorPasses(mask, batch), operations: distinct.size },
  };
}

/** The program that a name or text stands for. @throws EznasError INVALID_ARGUMENT for a proxy that is none, and what {@link explain} throws */
export function programNamed(given: string): Program {
  const proxy = PROXIES.find(({ name }) => name === given.trim());
  const program = proxy ? programOf(proxy) : parseOne(given);
  if (program) return program;
  const programs = PROXIES.filter(({ kind }) => kind === 'program').map(({ name }) => name);
  throw new EznasError(
    'INVALID_ARGUMENT',
    `${given} is no program of a unit's tensors, so it has no PyTorch module; programs are ${programs.join(', ')}, or texts such as frobenius_norm(T3)`,
  );
}

function programOf(proxy: NamedProxy): Program | undefined {
  return proxy.kind === 'program' ? proxy.program : undefined;
}

function parseOne(text: string): Program {
  const program = asProgram(parseFormula(text));
  if (program) return program;
  throw new EznasError(
    'INVALID_ARGUMENT',
    `${text} is a formula over whole networks; explain its programs, such as frobenius_norm(T3), one at a time`,
  );
}

function pick({ name, kind, definition, paper, direction, note }: NamedProxy) {
  return { name, kind, definition, paper, direction, note };
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
