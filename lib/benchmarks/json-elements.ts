import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { EznasError } from '../errors.ts';

/** Bytes read at a time. */
const CHUNK = 1 << 22;
/** Longer objects are not those of any benchmark. */
const MAX_OBJECT = 1 << 26;
/** What stands around the objects: brackets, commas and names of lists. */
const MAX_OUTLINE = 1 << 22;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [OPEN_BRACE, CLOSE_BRACE] = [0x7b, 0x7d];
const [OPEN_BRACKET, CLOSE_BRACKET] = [0x5b, 0x5d];

/** Strings, which are kept, and Python's numbers that JSON does not have. */
const NO_JSON_NUMBER = /("(?:[^"\\]|\\.)*")|-?\b(?:NaN|Infinity)\b/g;

/** An object of a file, with the name of its list where the file has named ones. */
export interface JsonElement {
  readonly list: string | undefined;
  readonly value: unknown;
}

/**
 * The objects of a JSON file that is a list of objects, or an object of such lists, one after the other: files of hundreds of megabytes need no more
 * memory than their longest object. Numbers may be NaN or infinite, as Python writes them; they become null.
 *
 * @param onProgress called with the bytes read and the file's size
 * @throws EznasError INVALID_FILE when the file cannot be read, is something else, or ends in the middle
 */
export function* readJsonElements(
  path: string,
  onProgress?: (done: number, total: number) => void,
): Generator<JsonElement> {
  const fail = (problem: string, cause?: unknown): never => {
    throw new EznasError('INVALID_FILE', `${path}: ${problem}`, cause === undefined ? {} : { cause });
  };
  const file = open(path, fail);
  try {
    const total = fstatSync(file).size;
    const chunk = Buffer.allocUnsafe(CHUNK);
    const scan = new Scan(fail);
    let done = 0;
    for (let length = readSync(file, chunk); length > 0; length = readSync(file, chunk)) {
      yield* scan.objects(chunk.subarray(0, length));
      done += length;
      onProgress?.(done, total);
    }
    scan.finish();
  } catch (error) {
    if (error instanceof EznasError) throw error;
    fail(`cannot be read (${(error as NodeJS.ErrnoException).code})`, error);
  } finally {
    closeSync(file);
  }
}

function open(path: string, fail: (problem: string, cause?: unknown) => never): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    return fail(`cannot be read (${(error as NodeJS.ErrnoException).code})`, error);
  }
}

/** Splits bytes into the objects of the lists; only brackets and strings are looked at. */
class Scan {
  readonly #fail: (problem: string, cause?: unknown) => never;
  /** Parts of the object under way that stood in earlier chunks. */
  #parts: Buffer[] = [];
  #length = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** Depth at which objects stand: 1 in a list, 2 in lists of an object. */
  #level = 0;
  #outline = '';
  #list: string | undefined;
  #found = 0;

  constructor(fail: (problem: string, cause?: unknown) => never) {
    this.#fail = fail;
  }

  *objects(chunk: Buffer): Generator<JsonElement> {
    // Where the object under way begins in this chunk, or else what stands around objects.
    let begin = 0;
    let inside = this.#level > 0 && this.#depth > this.#level;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
        continue;
      }
      if (byte === QUOTE) {
        this.#inString = true;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (this.#depth === 0) this.#level = byte === OPEN_BRACE ? 2 : 1;
        if (this.#depth === 1 && this.#level === 2) {
          this.#addOutline(chunk, begin, at);
          begin = at;
          this.#list = /"(\w+)"\s*:\s*$/.exec(this.#outline.slice(-1000))?.[1];
        }
        if (byte === OPEN_BRACE && this.#depth === this.#level && !inside) {
          this.#addOutline(chunk, begin, at);
          begin = at;
          inside = true;
        }
        this.#depth++;
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        if (--this.#depth < 0) this.#fail('is no JSON: it closes a bracket that it did not open');
        if (inside && this.#depth === this.#level) {
          yield this.#object(chunk.subarray(begin, at + 1));
          begin = at + 1;
          inside = false;
        }
      }
    }
    if (!inside) {
      this.#addOutline(chunk, begin, chunk.length);
      return;
    }
    this.#length += chunk.length - begin;
    if (this.#length > MAX_OBJECT) this.#fail(`object ${this.#found} has more than ${MAX_OBJECT} bytes`);
    // The chunk's memory is used again.
    this.#parts.push(Buffer.from(chunk.subarray(begin)));
  }

  /** The file must have ended, and what stood around its objects must have been a list, or lists in an object. */
  finish(): void {
    if (this.#depth !== 0 || this.#inString) this.#fail('ends in the middle: it is not whole');
    const list = '\\[[\\s,]*\\]';
    const lists = `\\{\\s*"\\w+"\\s*:\\s*${list}(?:\\s*,\\s*"\\w+"\\s*:\\s*${list})*\\s*\\}`;
    if (!new RegExp(`^\\s*(?:${list}|${lists})\\s*$`).test(this.#outline)) this.#fail('is no JSON list of objects');
  }

  #addOutline(chunk: Buffer, begin: number, end: number): void {
    if (end === begin) return;
    this.#outline += chunk.toString('utf8', begin, end);
    if (this.#outline.length > MAX_OUTLINE) this.#fail('is no JSON list of objects');
  }

  #object(last: Buffer): JsonElement {
    const text = (this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last])).toString('utf8');
    this.#parts = [];
    this.#length = 0;
    const value = this.#parse(text);
    this.#found++;
    return { list: this.#list, value };
  }

  #parse(text: string): unknown {
    const python = text.includes('NaN') || text.includes('Infinity');
    try {
      return JSON.parse(python ? text.replace(NO_JSON_NUMBER, (_, string?: string) => string ?? 'null') : text);
    } catch (error) {
      return this.#fail(`object ${this.#found} is no JSON: ${(error as Error).message.slice(0, 200)}`, error);
    }
  }
}
