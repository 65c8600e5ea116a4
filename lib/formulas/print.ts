import { printProgram } from '../programs/print.ts';
import { canonicalText } from '../programs/tree.ts';
import { asProgram, type Formula, type Term } from './tree.ts';

/** A formula's text; parsing it gives an equal formula. A program with its mean over the units is written without the aggregator. */
export function printFormula(formula: Formula): string {
  if (formula.kind === 'forest') return `${formula.combiner}(${formula.terms.map(printFormula).join(', ')})`;
  const program = asProgram(formula);
  return program ? printProgram(program) : printTerm(formula, printProgram);
}

/** Text that is equal for formulas which differ in the order of commutative operands, or of a forest's terms, alone. */
export function canonicalFormula(formula: Formula): string {
  if (formula.kind === 'forest') return `${formula.combiner}(${formula.terms.map(canonicalFormula).sort().join(', ')})`;
  return printTerm(formula, canonicalText, true);
}

function printTerm(term: Term, program: typeof printProgram, ordered = false): string {
  switch (term.kind) {
    case 'aggregate':
      return `${term.aggregator}(${program(term.program)})`;
    case 'matrix':
      return `${term.operator}(${term.aggregator}(${program(term.program)}))`;
    case 'number':
      return term.name;
    case 'constant':
      return String(term.value);
    case 'operation': {
      const operands = term.operands.map((operand) => printTerm(operand, program, ordered));
      if (ordered && (term.operator === 'add' || term.operator === 'mul')) operands.sort();
      return `${term.operator}(${operands.join(', ')})`;
    }
  }
}
