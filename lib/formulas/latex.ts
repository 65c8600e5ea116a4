import { toLatex } from '../programs/export.ts';
import { operatorOf } from '../programs/operators.ts';
import { findAggregator } from './aggregators.ts';
import { findScalarOperator } from './scalar-operators.ts';
import { asProgram, type Formula, type Term } from './tree.ts';

/**
 * A formula in LaTeX, for math mode with amsmath. A program with its mean over the units is written as the program; r is a network's rank as a share
 * among the networks, z its distance from their mean in standard deviations, u counts the units from 1 to U.
 */
export function formulaToLatex(formula: Formula): string {
  if (formula.kind !== 'forest') {
    const program = asProgram(formula);
    return program ? toLatex(program) : termLatex(formula);
  }
  const name = { rank_sum: '\\ln r', share_sum: 'r', z_sum: 'z' }[formula.combiner];
  return formula.terms.map((term) => `${name}\\left(${termLatex(term)}\\right)`).join(' + ');
}

function termLatex(term: Term): string {
  switch (term.kind) {
    case 'aggregate':
      return fill(findAggregator(term.aggregator)!.latex, [toLatex(term.program)]);
    case 'matrix': {
      const matrix = fill(findAggregator(term.aggregator)!.latex, [toLatex(term.program)]);
      return fill(operatorOf(term.operator).latex, [matrix]);
    }
    case 'number':
      return `\\mathrm{${term.name}}`;
    case 'constant':
      return number(term.value);
    case 'operation':
      return fill(findScalarOperator(term.operator)!.latex, term.operands.map(termLatex));
  }
}

function fill(latex: string, operands: readonly string[]): string {
  return latex.replace(/#([12])/g, (_, place) => operands[Number(place) - 1]!);
}

function number(value: number): string {
  const [mantissa, exponent] = String(value).split('e') as [string, string | undefined];
  return exponent === undefined ? mantissa : `${mantissa} \\cdot 10^{${Number(exponent)}}`;
}
