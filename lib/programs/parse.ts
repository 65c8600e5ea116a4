import { didYouMean } from '../nearest.ts';
import { findOperator, OPERATORS } from './operators.ts';
import { TENSORS, type TensorName } from './tensors.ts';
import { quote, TokenReader } from './tokens.ts';
import { apply, leaf, MAX_HEIGHT, MAX_SIZE, type Program } from './tree.ts';

export { ProgramSyntaxError } from './tokens.ts';

/**
 * Reads a program from text such as `frobenius_norm(sigmoid(logdet(sign(T1GD))))`. White space between tokens is free.
 *
 * @throws ProgramSyntaxError INVALID_PROGRAM, naming the token, its place and what would be right
 */
export function parseProgram(text: string): Program {
  const reader = new TokenReader(text);
  const program = readProgram(reader);
  reader.end();
  return program;
}

const NAMES = [...OPERATORS.map((row) => row.name), ...TENSORS];

/** Reads the program that starts at the current token. */
export function readProgram(reader: TokenReader): Program {
  let nodes = 0;
  return expression(0);

  function expression(depth: number): Program {
    const name = reader.next();
    if (!/^\w/.test(name.text)) reader.fail(`expected an operator or a tensor, found ${quote(name.text)}`, name);
    if (depth > MAX_HEIGHT) reader.fail(`the program is higher than ${MAX_HEIGHT}`, name);
    if (++nodes > MAX_SIZE) reader.fail(`the program has more than ${MAX_SIZE} nodes`, name);
    const called = reader.current.text === '(';
    if ((TENSORS as readonly string[]).includes(name.text)) {
      if (called) reader.fail(`tensor ${quote(name.text)} takes no operands`, reader.current);
      return leaf(name.text as TensorName);
    }
    const operator = findOperator(name.text);
    if (!operator) {
      const kind = called ? 'operator' : 'tensor';
      reader.fail(`unknown ${kind} ${quote(name.text)}${didYouMean(name.text, NAMES)}`, name);
    }
    const arity = `${operator.name} takes ${operator.arity} operand${operator.arity === 1 ? '' : 's'}`;
    if (!called) reader.fail(`${arity} in parentheses, found ${quote(reader.current.text)}`, reader.current);
    reader.next();
    const operands: Program[] = [];
    for (;;) {
      operands.push(expression(depth + 1));
      const separator = reader.next();
      if (separator.text === ')') {
        if (operands.length < operator.arity) reader.fail(`${arity}, got ${operands.length}`, separator);
        return apply(operator.name, ...operands);
      }
      if (separator.text !== ',') reader.fail(`expected ',' or ')', found ${quote(separator.text)}`, separator);
      if (operands.length === operator.arity) reader.fail(`${arity}, got more`, separator);
    }
  }
}
