import { EznasError } from '../errors.ts';
import { type Program, tensorsRead } from '../programs/tree.ts';
import { type AggregatorName, findAggregator } from './aggregators.ts';
import { findMatrixOperator, type MatrixOperatorName } from './matrix-operators.ts';
import { findNetworkNumber, type NetworkNumberName } from './numbers.ts';
import { findScalarOperator, type ScalarOperatorName } from './scalar-operators.ts';

/** The largest term, in nodes above its unit programs, and the most terms of a forest. */
export const MAX_TERM_NODES = 256;
export const MAX_TERMS = 32;

/** A program of one unit, its values on a network's units made one number. */
export interface Aggregate {
  readonly kind: 'aggregate';
  readonly aggregator: AggregatorName;
  readonly program: Program;
}

/**
 * A number of one matrix of the network. The program's values on all units are matrices over the samples, such as Gram matrices; the aggregator makes
 * one of them element by element.
 */
export interface MatrixNumber {
  readonly kind: 'matrix';
  readonly operator: MatrixOperatorName;
  readonly aggregator: AggregatorName;
  readonly program: Program;
}

/** A number of the network itself. */
export interface NumberNode {
  readonly kind: 'number';
  readonly name: NetworkNumberName;
}

export interface Constant {
  readonly kind: 'constant';
  readonly value: number;
}

export interface Operation {
  readonly kind: 'operation';
  readonly operator: ScalarOperatorName;
  readonly operands: readonly Term[];
}

/** One number of a network: a tree over aggregated unit programs and numbers of the network. */
export type Term = Aggregate | MatrixNumber | NumberNode | Constant | Operation;

/**
 * How the terms of a forest become one score: `rank_sum`, the sum of the logarithms of their ranks among the networks as shares (AZ-NAS, Lee and
 * Ham, CVPR 2024, section 3.4); `share_sum`, the sum of these ranks themselves (a Borda count); `z_sum`, the sum of their distances from the mean in
 * standard deviations.
 */
export const COMBINERS = ['rank_sum', 'share_sum', 'z_sum'] as const;
export type Combiner = (typeof COMBINERS)[number];

/** What a combiner does, in words. */
export const COMBINER_MEANINGS: Readonly<Record<Combiner, string>> = {
  rank_sum: 'Sum of the logarithms of the ranks that each term gives a network among those scored together, as shares.',
  share_sum:
    'Sum of the ranks that each term gives a network among those scored together, as shares: from 0 for the worst to 1 for the best.',
  z_sum: "Sum of each term's distance from its mean over the networks scored together, in standard deviations.",
};

/** Terms whose ranks or z-scores among networks are added; higher is better for every term. */
export interface Forest {
  readonly kind: 'forest';
  readonly combiner: Combiner;
  readonly terms: readonly Term[];
}

/** What scores networks: a single term, or several combined. */
export type Formula = Term | Forest;

/** A unit program aggregated. @throws EznasError INVALID_PROGRAM for an unknown aggregator */
export function aggregateOf(aggregator: AggregatorName, program: Program): Aggregate {
  if (!findAggregator(aggregator)) throw new EznasError('INVALID_PROGRAM', `unknown aggregator '${aggregator}'`);
  return Object.freeze({ kind: 'aggregate', aggregator, program });
}

/** A number of an aggregated matrix. @throws EznasError INVALID_PROGRAM for an unknown operator or aggregator */
export function matrixNumberOf(
  operator: MatrixOperatorName,
  aggregator: AggregatorName,
  program: Program,
): MatrixNumber {
  if (!findMatrixOperator(operator)) {
    throw new EznasError('INVALID_PROGRAM', `unknown operator '${operator}' over matrices of a network`);
  }
  return Object.freeze({ ...aggregateOf(aggregator, program), kind: 'matrix', operator });
}

/** A number of the network. @throws EznasError INVALID_PROGRAM for an unknown name */
export function numberOf(name: NetworkNumberName): NumberNode {
  if (!findNetworkNumber(name)) throw new EznasError('INVALID_PROGRAM', `unknown number of a network '${name}'`);
  return Object.freeze({ kind: 'number', name });
}

/** @throws EznasError INVALID_PROGRAM for what is not finite */
export function constant(value: number): Constant {
  if (!Number.isFinite(value)) throw new EznasError('INVALID_PROGRAM', `a constant must be finite, got ${value}`);
  return Object.freeze({ kind: 'constant', value });
}

/** @throws EznasError INVALID_PROGRAM for an unknown operator, a wrong number of operands, or a term beyond {@link MAX_TERM_NODES} */
export function operation(operator: ScalarOperatorName, ...operands: readonly Term[]): Operation {
  const row = findScalarOperator(operator);
  if (!row) throw new EznasError('INVALID_PROGRAM', `unknown operator '${operator}' over numbers of a network`);
  if (row.arity !== operands.length) {
    throw new EznasError('INVALID_PROGRAM', `${operator} takes ${row.arity} operands, got ${operands.length}`);
  }
  const node: Operation = Object.freeze({ kind: 'operation', operator, operands: Object.freeze([...operands]) });
  if (termNodes(node) > MAX_TERM_NODES) {
    throw new EznasError(
      'INVALID_PROGRAM',
      `a term of more than ${MAX_TERM_NODES} nodes above its programs is too large`,
    );
  }
  return node;
}

/** @throws EznasError INVALID_PROGRAM without terms or with more than {@link MAX_TERMS} */
export function forest(combiner: Combiner, terms: readonly Term[]): Forest {
  if (terms.length === 0 || terms.length > MAX_TERMS) {
    throw new EznasError('INVALID_PROGRAM', `a forest has 1 to ${MAX_TERMS} terms, got ${terms.length}`);
  }
  return Object.freeze({ kind: 'forest', combiner, terms: Object.freeze([...terms]) });
}

/** The terms of a formula: itself, or those of a forest. */
export function termsOf(formula: Formula): readonly Term[] {
  return formula.kind === 'forest' ? formula.terms : [formula];
}

/** Nodes of a term, a unit program counting as one. */
export function termNodes(term: Term): number {
  return term.kind === 'operation' ? term.operands.reduce((sum, operand) => sum + termNodes(operand), 1) : 1;
}

/** Nodes of a formula, those of its programs and the aggregators included; a program with its mean over the units has those of the program alone. */
export function formulaSize(formula: Formula): number {
  if (asProgram(formula)) return asProgram(formula)!.size;
  switch (formula.kind) {
    case 'forest':
      return formula.terms.reduce((sum, term) => sum + termSize(term), 1);
    default:
      return termSize(formula);
  }
}

function termSize(term: Term): number {
  if (term.kind === 'aggregate') return 1 + term.program.size;
  if (term.kind === 'matrix') return 2 + term.program.size;
  return term.kind === 'operation' ? term.operands.reduce((sum, operand) => sum + termSize(operand), 1) : 1;
}

/** Edges on the longest way from a term's root to a leaf; a program with its mean over the units has its own height. */
export function termHeight(term: Term): number {
  if (term.kind === 'aggregate') return term.program.height + (term.aggregator === 'unit_mean' ? 0 : 1);
  if (term.kind === 'matrix') return term.program.height + 2;
  return term.kind === 'operation' ? 1 + Math.max(...term.operands.map(termHeight)) : 0;
}

/** Every term within a term in preorder, the term itself first; unit programs are part of their aggregates. */
export function subterms(term: Term): Term[] {
  return term.kind === 'operation' ? [term, ...term.operands.flatMap(subterms)] : [term];
}

/** The term with that at an index of {@link subterms} exchanged. @throws EznasError INVALID_PROGRAM when the result is too large */
export function replaceSubterm(term: Term, index: number, replacement: Term): Term {
  if (index === 0 || term.kind !== 'operation') return replacement;
  let rest = index - 1;
  const operands = term.operands.map((operand) => {
    const nodes = termNodes(operand);
    const result = rest >= 0 && rest < nodes ? replaceSubterm(operand, rest, replacement) : operand;
    rest -= nodes;
    return result;
  });
  return operation(term.operator, ...operands);
}

/** The unit programs of a formula, in order, equal ones as often as they stand there. */
export function unitPrograms(formula: Formula): Program[] {
  switch (formula.kind) {
    case 'aggregate':
    case 'matrix':
      return [formula.program];
    case 'operation':
      return formula.operands.flatMap(unitPrograms);
    case 'forest':
      return formula.terms.flatMap(unitPrograms);
    default:
      return [];
  }
}

/** The numbers of matrices within a formula, in order. */
export function matrixNumbers(formula: Formula): MatrixNumber[] {
  return termsOf(formula)
    .flatMap(subterms)
    .filter((term) => term.kind === 'matrix');
}

/** The program, where a formula is nothing but a program of a unit with its mean over the units: a program of the paper. */
export function asProgram(formula: Formula): Program | undefined {
  return formula.kind === 'aggregate' && formula.aggregator === 'unit_mean' ? formula.program : undefined;
}

/** The tensors that a formula reads, as a bit mask (see tensorsRead). */
export function formulaTensors(formula: Formula): number {
  return unitPrograms(formula).reduce((mask, program) => mask | tensorsRead(program), 0);
}

/** Whether a formula reads a number of the network itself, such as its parameters. */
export function readsNumbers(formula: Formula): boolean {
  switch (formula.kind) {
    case 'number':
      return true;
    case 'operation':
      return formula.operands.some(readsNumbers);
    case 'forest':
      return formula.terms.some(readsNumbers);
    default:
      return false;
  }
}
