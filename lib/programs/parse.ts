import { EznasError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import { findOperator, OPERATORS } from './operators.ts';
import { TENSORS, type TensorName } from './tensors.ts';
import { apply, leaf, MAX_HEIGHT, MAX_SIZE, type Program } from './tree.ts';

/** Program text that does not parse; knows where. */
export class ProgramSyntaxError extends EznasError {
  /** Position of the offending token in the text, in UTF-16 units from 0. */
  readonly offset: number;

  constructor(problem: string, text: string, offset: number) {
    const before = text.slice(0, offset).split('\n');
    const place = `line ${before.length}, column ${before.at(-1)!.length + 1}`;
    super('INVALID_PROGRAM', `${problem} (${place} of program '${abbreviate(text)}')`);
    this.offset = offset;
  }
}

/**
 * Reads a program from text such as `frobenius_norm(sigmoid(logdet(sign(T1GD))))`. White space between tokens is free.
 *
 * @throws ProgramSyntaxError INVALID_PROGRAM, naming the token, its place and what would be right
 */
export function parseProgram(text: string): Program {
  if (typeof text !== 'string') throw new EznasError('INVALID_PROGRAM', `a program is a text, got ${typeof text}`);
  return new Parser(text).parse();
}

interface Token {
  readonly text: string;
  readonly offset: number;
}

const NAMES = [...OPERATORS.map((row) => row.name), ...TENSORS];

class Parser {
  readonly #text: string;
  readonly #tokens: RegExp;
  #token: Token;
  #nodes = 0;

  constructor(text: string) {
    this.#text = text;
    // A name, a single other character or, again and again, the end: it matches everywhere.
    this.#tokens = /\s*(\w+|[^\s\w]|$)/uy;
    this.#token = this.#read();
  }

  parse(): Program {
    const program = this.#expression(0);
    if (this.#token.text !== '')
      this.#fail(`unexpected ${quote(this.#token.text)} after the end of the program`, this.#token);
    return program;
  }

  #expression(depth: number): Program {
    const name = this.#next();
    if (!/^\w/.test(name.text)) this.#fail(`expected an operator or a tensor, found ${quote(name.text)}`, name);
    if (depth > MAX_HEIGHT) this.#fail(`the program is higher than ${MAX_HEIGHT}`, name);
    if (++this.#nodes > MAX_SIZE) this.#fail(`the program has more than ${MAX_SIZE} nodes`, name);
    const called = this.#token.text === '(';
    if ((TENSORS as readonly string[]).includes(name.text)) {
      if (called) this.#fail(`tensor ${quote(name.text)} takes no operands`, this.#token);
      return leaf(name.text as TensorName);
    }
    const operator = findOperator(name.text);
    if (!operator) {
      const kind = called ? 'operator' : 'tensor';
      this.#fail(`unknown ${kind} ${quote(name.text)}${didYouMean(name.text, NAMES)}`, name);
    }
    const arity = `${operator.name} takes ${operator.arity} operand${operator.arity === 1 ? '' : 's'}`;
    if (!called) this.#fail(`${arity} in parentheses, found ${quote(this.#token.text)}`, this.#token);
    this.#next();
    const operands: Program[] = [];
    for (;;) {
      operands.push(this.#expression(depth + 1));
      const separator = this.#next();
      if (separator.text === ')') {
        if (operands.length < operator.arity) this.#fail(`${arity}, got ${operands.length}`, separator);
        return apply(operator.name, ...operands);
      }
      if (separator.text !== ',') this.#fail(`expected ',' or ')', found ${quote(separator.text)}`, separator);
      if (operands.length === operator.arity) this.#fail(`${arity}, got more`, separator);
    }
  }

  #next(): Token {
    const token = this.#token;
    this.#token = this.#read();
    return token;
  }

  #read(): Token {
    const token = this.#tokens.exec(this.#text)![1]!;
    return { text: token, offset: this.#tokens.lastIndex - token.length };
  }

  #fail(problem: string, token: Token): never {
    throw new ProgramSyntaxError(problem, this.#text, token.offset);
  }
}

function quote(token: string): string {
  return token === '' ? 'the end' : `'${abbreviate(token)}'`;
}

function abbreviate(text: string): string {
  const line = text.slice(0, 1000).replace(/\s+/gu, ' ');
  return text.length <= 80 ? line : `${line.slice(0, 77)}…`;
}
