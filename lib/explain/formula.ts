import { findAggregator, matrixDocumentation } from '../formulas/aggregators.ts';
import { formulaToLatex } from '../formulas/latex.ts';
import { findNetworkNumber } from '../formulas/numbers.ts';
import { printFormula } from '../formulas/print.ts';
import { findScalarOperator } from '../formulas/scalar-operators.ts';
import { COMBINER_MEANINGS, type Formula, type Term, unitPrograms } from '../formulas/tree.ts';
import { matrixProblem } from '../formulas/validity.ts';
import { operatorOf } from '../programs/operators.ts';
import { symbolicSignature } from '../programs/symbols.ts';
import { canonicalText, isLeaf, type Program, subtrees } from '../programs/tree.ts';
import { latexToUnicode } from '../programs/unicode.ts';
import type { ExplainedNode } from './explain.ts';

/** A part of a formula by name, and what it means. */
export interface ExplainedPart {
  readonly name: string;
  readonly meaning: string;
}

/** Explains the nodes of a program. */
type ProgramExplainer = (program: Program) => {
  readonly nodes: readonly ExplainedNode[];
  readonly problem: string | null;
};

/** A formula over whole networks, explained; `operations` counts the operators evaluated for each unit, equal subtrees once. */
export function explainFormula(formula: Formula, explainProgram: ProgramExplainer) {
  const nodes: ExplainedNode[] = [];
  const aggregators = new Map<string, ExplainedPart>();
  const numbers = new Map<string, ExplainedPart>();
  let problem: string | null = null;

  const add = (name: string, depth: number, meaning: string) => {
    nodes.push({ name, depth, shape: 'number', meaning });
    return { name, meaning };
  };
  const visit = (term: Term, depth: number): void => {
    switch (term.kind) {
      case 'aggregate': {
        const { name, documentation } = findAggregator(term.aggregator)!;
        aggregators.set(name, add(name, depth, documentation));
        const inner = explainProgram(term.program);
        nodes.push(...inner.nodes.map((node) => ({ ...node, depth: node.depth + depth + 1 })));
        problem ??= inner.problem;
        return;
      }
      case 'matrix': {
        add(term.operator, depth, operatorOf(term.operator).documentation);
        const meaning = matrixDocumentation(term.aggregator);
        nodes.push({ name: term.aggregator, depth: depth + 1, shape: 'B×B', meaning });
        aggregators.set(term.aggregator, { name: term.aggregator, meaning });
        const inner = explainProgram(term.program);
        nodes.push(...inner.nodes.map((node) => ({ ...node, depth: node.depth + depth + 2 })));
        problem ??= inner.problem ?? matrixProblem(term, symbolicSignature()) ?? null;
        return;
      }
      case 'number':
        numbers.set(term.name, add(term.name, depth, findNetworkNumber(term.name)!.documentation));
        return;
      case 'constant':
        add(String(term.value), depth, 'A constant.');
        return;
      case 'operation':
        add(term.operator, depth, `${findScalarOperator(term.operator)!.formula}, of numbers of the network.`);
        for (const operand of term.operands) visit(operand, depth + 1);
    }
  };
  let combiner: ExplainedPart | null = null;
  if (formula.kind === 'forest') {
    combiner = add(formula.combiner, 0, COMBINER_MEANINGS[formula.combiner]);
    for (const term of formula.terms) visit(term, 1);
  } else visit(formula, 0);

  const operators = unitPrograms(formula).flatMap((program) => [...subtrees(program)].filter((node) => !isLeaf(node)));
  const latex = formulaToLatex(formula);
  return {
    text: printFormula(formula),
    latex,
    unicode: latexToUnicode(latex),
    nodes,
    problem,
    combiner,
    aggregators: [...aggregators.values()],
    numbers: [...numbers.values()],
    operations: new Set(operators.map(canonicalText)).size,
  };
}
