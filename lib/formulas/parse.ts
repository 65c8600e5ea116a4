import { didYouMean } from '../nearest.ts';
import { findOperator, OPERATORS } from '../programs/operators.ts';
import { readProgram } from '../programs/parse.ts';
import { TENSORS } from '../programs/tensors.ts';
import { quote, TokenReader } from '../programs/tokens.ts';
import type { Program } from '../programs/tree.ts';
import { AGGREGATORS, findAggregator } from './aggregators.ts';
import { findMatrixOperator, MATRIX_OPERATORS, type MatrixOperatorName } from './matrix-operators.ts';
import { findNetworkNumber, NETWORK_NUMBERS } from './numbers.ts';
import { findScalarOperator, SCALAR_OPERATORS } from './scalar-operators.ts';
import {
  aggregateOf,
  COMBINERS,
  type Combiner,
  constant,
  type Formula,
  forest,
  MAX_TERM_NODES,
  MAX_TERMS,
  matrixNumberOf,
  numberOf,
  operation,
  type Term,
} from './tree.ts';

const NETWORK_LEVEL = new Set<string>([...AGGREGATORS, ...NETWORK_NUMBERS].map(({ name }) => name));

const KNOWN = [
  ...new Set<string>([
    ...COMBINERS,
    ...NETWORK_LEVEL,
    ...SCALAR_OPERATORS.map(({ name }) => name),
    ...OPERATORS.map(({ name }) => name),
    ...TENSORS,
  ]),
];

/**
 * Reads a formula: a program of a unit alone, which stands for its mean over the units; a term such as
 * `add(unit_sum(frobenius_norm(sign(T3GD))), log(params))`; or a forest such as `rank_sum(unit_max(mean(T4D)), neg(flops))`.
 *
 * @throws ProgramSyntaxError INVALID_PROGRAM, naming the token, its place and what would be right
 */
export function parseFormula(text: string): Formula {
  const reader = new TokenReader(text);
  const calls = networkCalls(text);
  const formula = (COMBINERS as readonly string[]).includes(reader.current.text)
    ? readForest(reader, calls)
    : readTerm(reader, calls, true);
  reader.end();
  return formula;
}

function readForest(reader: TokenReader, calls: NetworkCalls): Formula {
  const combiner = reader.next().text as Combiner;
  const terms: Term[] = [];
  expectOpening(reader, combiner);
  for (;;) {
    terms.push(readTerm(reader, calls, true));
    const separator = reader.next();
    if (separator.text === ')') return forest(combiner, terms);
    if (separator.text !== ',') reader.fail(`expected ',' or ')', found ${quote(separator.text)}`, separator);
    if (terms.length === MAX_TERMS) reader.fail(`a forest has at most ${MAX_TERMS} terms`, separator);
  }
}

/** @param outermost a program alone stands for its mean over the units */
function readTerm(reader: TokenReader, calls: NetworkCalls, outermost: boolean, nodes = { count: 0 }): Term {
  const name = reader.current;
  if (++nodes.count > MAX_TERM_NODES) {
    reader.fail(`the term has more than ${MAX_TERM_NODES} nodes above its programs`, name);
  }
  if (name.text === '-' || /^\d/.test(name.text)) return readConstant(reader);
  const number = findNetworkNumber(name.text);
  if (number) {
    reader.next();
    if (reader.current.text === '(') reader.fail(`${number.name} takes no operands`, reader.current);
    return numberOf(number.name);
  }
  const aggregator = findAggregator(name.text);
  if (aggregator) {
    return aggregateOf(aggregator.name, readAggregated(reader));
  }
  if ((COMBINERS as readonly string[]).includes(name.text)) {
    reader.fail(`${name.text} can only be the outermost of a formula`, name);
  }
  return readOperation(reader, calls, outermost, nodes);
}

/** The program in the parentheses of the aggregator at hand. */
function readAggregated(reader: TokenReader): Program {
  const { text: aggregator } = reader.next();
  expectOpening(reader, aggregator);
  const inner = reader.current;
  if (NETWORK_LEVEL.has(inner.text)) {
    reader.fail(`${aggregator} takes a program of a unit, found ${quote(inner.text)}`, inner);
  }
  const program = readProgram(reader);
  expectClosing(reader);
  return program;
}

/** An operator over a matrix of the network: the units' matrices, aggregated. */
function readMatrixNumber(reader: TokenReader, operator: MatrixOperatorName): Term {
  reader.next();
  expectOpening(reader, operator);
  const name = reader.current;
  const aggregator = findAggregator(name.text);
  if (!aggregator) {
    reader.fail(
      `${operator} over a network takes matrices of its units in an aggregator, such as unit_sum(…), found ${quote(name.text)}`,
      name,
    );
  }
  const program = readAggregated(reader);
  expectClosing(reader);
  return matrixNumberOf(operator, aggregator.name, program);
}

/** An operator over numbers of the network, or a program of a unit: they share names, and what they hold tells them apart. */
function readOperation(reader: TokenReader, calls: NetworkCalls, outermost: boolean, nodes: { count: number }): Term {
  const name = reader.current;
  const operator = findScalarOperator(name.text);
  const ofUnits = findOperator(name.text) !== undefined || (TENSORS as readonly string[]).includes(name.text);
  const ofNetwork = calls.has(name.offset);
  if (outermost && !ofNetwork && ofUnits) return aggregateOf('unit_mean', readProgram(reader));
  const ofMatrices = findMatrixOperator(name.text);
  if (ofMatrices && ofNetwork) return readMatrixNumber(reader, ofMatrices.name);
  if (!operator || (ofUnits && !ofNetwork)) {
    if (!/^\w/.test(name.text)) reader.fail(`expected a term, found ${quote(name.text)}`, name);
    if (!ofUnits) reader.fail(`unknown name ${quote(name.text)}${didYouMean(name.text, KNOWN)}`, name);
    const known = [...SCALAR_OPERATORS, ...MATRIX_OPERATORS].map((row) => row.name).join(', ');
    reader.fail(
      ofNetwork
        ? `${name.text} is an operator over tensors of a unit; over a network there are ${known}`
        : `${quote(name.text)} is of a unit and needs an aggregator around it, such as unit_mean(…)`,
      name,
    );
  }
  reader.next();
  expectOpening(reader, operator.name);
  const operands: Term[] = [];
  const arity = `${operator.name} takes ${operator.arity} operand${operator.arity === 1 ? '' : 's'}`;
  for (;;) {
    operands.push(readTerm(reader, calls, false, nodes));
    const separator = reader.next();
    if (separator.text === ')') {
      if (operands.length < operator.arity) reader.fail(`${arity}, got ${operands.length}`, separator);
      return operation(operator.name, ...operands);
    }
    if (separator.text !== ',') reader.fail(`expected ',' or ')', found ${quote(separator.text)}`, separator);
    if (operands.length === operator.arity) reader.fail(`${arity}, got more`, separator);
  }
}

/** Offsets of the names whose parentheses hold something of the network: a number of it, an aggregator or a constant. */
type NetworkCalls = ReadonlySet<number>;

function networkCalls(text: string): NetworkCalls {
  const calls = new Set<number>();
  const open: { readonly name: number; readonly before: number }[] = [];
  let found = 0;
  let last = -1;
  for (const { 0: word, index } of text.matchAll(/\w+|[^\s\w]/gu)) {
    if (word === '(') open.push({ name: last, before: found });
    else if (word === ')') {
      const call = open.pop();
      if (call && found > call.before) calls.add(call.name);
    } else if (NETWORK_LEVEL.has(word) || /^\d/.test(word)) found += 1;
    last = index;
  }
  for (const { name, before } of open) if (found > before) calls.add(name);
  return calls;
}

function readConstant(reader: TokenReader): Term {
  const first = reader.next();
  const negative = first.text === '-';
  const token = negative ? reader.next() : first;
  if (!/^\d+(\.\d+)?([eE][+-]?\d+)?$/.test(token.text)) {
    reader.fail(`expected a number such as 0.5 or 1.5e-3, found ${quote(token.text)}`, token);
  }
  const value = Number(token.text);
  if (!Number.isFinite(value)) reader.fail(`${quote(token.text)} is beyond what a number can hold`, token);
  return constant(negative ? -value : value);
}

function expectClosing(reader: TokenReader): void {
  const closing = reader.next();
  if (closing.text !== ')') reader.fail(`expected ')', found ${quote(closing.text)}`, closing);
}

function expectOpening(reader: TokenReader, name: string): void {
  const opening = reader.next();
  if (opening.text !== '(') reader.fail(`${name} takes operands in parentheses, found ${quote(opening.text)}`, opening);
}
