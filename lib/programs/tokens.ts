import { EznasError } from '../errors.ts';

/** Text of a program or formula that does not parse; knows where. */
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

export interface Token {
  /** Empty at the end of the text. */
  readonly text: string;
  readonly offset: number;
}

/** Reads a program's text token by token: names, numbers and single other characters; white space between them is free. */
export class TokenReader {
  readonly #text: string;
  readonly #tokens: RegExp;
  #current: Token;

  /** @throws EznasError INVALID_PROGRAM for what is no text */
  constructor(text: string) {
    if (typeof text !== 'string') throw new EznasError('INVALID_PROGRAM', `a program is a text, got ${typeof text}`);
    this.#text = text;
    // A number, a name, a single other character or, again and again, the end: it matches everywhere.
    this.#tokens = /\s*(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b|\w+|[^\s\w]|$)/uy;
    this.#current = this.#read();
  }

  /** The token that {@link TokenReader.next} will give. */
  get current(): Token {
    return this.#current;
  }

  next(): Token {
    const token = this.#current;
    this.#current = this.#read();
    return token;
  }

  /** Requires the text to be at its end. */
  end(): void {
    if (this.#current.text !== '')
      this.fail(`unexpected ${quote(this.#current.text)} after the end of the program`, this.#current);
  }

  fail(problem: string, token: Token): never {
    throw new ProgramSyntaxError(problem, this.#text, token.offset);
  }

  #read(): Token {
    const token = this.#tokens.exec(this.#text)![1]!;
    return { text: token, offset: this.#tokens.lastIndex - token.length };
  }
}

/** A token for a message. */
export function quote(token: string): string {
  return token === '' ? 'the end' : `'${abbreviate(token)}'`;
}

function abbreviate(text: string): string {
  const line = text.slice(0, 1000).replace(/\s+/gu, ' ');
  return text.length <= 80 ? line : `${line.slice(0, 77)}…`;
}
