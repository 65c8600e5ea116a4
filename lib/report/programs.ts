import { findAggregator, matrixDocumentation } from '../formulas/aggregators.ts';
import { formulaToLatex } from '../formulas/latex.ts';
import { findNetworkNumber } from '../formulas/numbers.ts';
import { parseFormula } from '../formulas/parse.ts';
import { findScalarOperator } from '../formulas/scalar-operators.ts';
import { asProgram, COMBINER_MEANINGS, type Formula, formulaSize } from '../formulas/tree.ts';
import { describeTensor } from '../programs/describe.ts';
import { operatorOf } from '../programs/operators.ts';
import { isLeaf, type Program } from '../programs/tree.ts';
import type { ProgramCard, TreeNode } from './report.ts';

/** Larger formulas are not drawn: nobody reads them, and browsers take long. */
const MAX_FORMULA = 200;

/** A program's or formula's text as a card. */
export function programCard(
  text: string,
  found: Pick<ProgramCard, 'fitness' | 'sign' | 'generation'> = { fitness: null, sign: null, generation: null },
): ProgramCard {
  const formula = parseFormula(text);
  return { text, latex: formulaOf(formula), tree: treeOf(formula), size: formulaSize(formula), ...found };
}

/** LaTeX of a formula that can be read; empty for one too large. */
export function formulaOf(formula: Formula): string {
  return formulaSize(formula) > MAX_FORMULA ? '' : formulaToLatex(formula);
}

/** A formula as a tree to draw. A program with its mean over the units is drawn without the aggregator. */
export function treeOf(formula: Formula): TreeNode {
  const program = asProgram(formula);
  if (program) return programTree(program);
  switch (formula.kind) {
    case 'forest':
      return inner(formula.combiner, COMBINER_MEANINGS[formula.combiner], formula.terms.map(aggregatedTree));
    default:
      return aggregatedTree(formula);
  }
}

function aggregatedTree(term: Exclude<Formula, { kind: 'forest' }>): TreeNode {
  switch (term.kind) {
    case 'aggregate':
      return inner(term.aggregator, findAggregator(term.aggregator)!.documentation, [programTree(term.program)]);
    case 'matrix':
      return inner(term.operator, operatorOf(term.operator).documentation, [
        inner(term.aggregator, matrixDocumentation(term.aggregator), [programTree(term.program)]),
      ]);
    case 'number':
      return leaf(term.name, findNetworkNumber(term.name)!.documentation);
    case 'constant':
      return leaf(String(term.value), 'A constant.');
    case 'operation':
      return inner(term.operator, findScalarOperator(term.operator)!.formula, term.operands.map(aggregatedTree));
  }
}

function programTree(program: Program): TreeNode {
  if (isLeaf(program)) return leaf(program.tensor, describeTensor(program.tensor));
  return inner(program.operator, operatorOf(program.operator).documentation, program.operands.map(programTree));
}

const leaf = (label: string, note: string): TreeNode => ({ label, note, leaf: true, operands: [] });

const inner = (label: string, note: string, operands: readonly TreeNode[]): TreeNode => ({
  label,
  note,
  leaf: false,
  operands,
});
