import { closeSync, openSync, readFileSync, readSync, type Stats, statSync } from 'node:fs';
import { EznasError } from '../errors.ts';

/** An INVALID_FILE error that names the file, what is wrong with it, and what would be right. */
export function invalidFile(path: string, problem: string, expected: string, cause?: unknown): EznasError {
  return new EznasError('INVALID_FILE', `${path}: ${problem}; expected ${expected}`, { cause });
}

/** @throws EznasError INVALID_FILE when the path cannot be examined. */
export function statFile(path: string): Stats {
  return attempt(path, () => statSync(path));
}

/** The whole file. @throws EznasError INVALID_FILE when unreadable, TOO_LARGE when over `limit` bytes. */
export function readWhole(path: string, limit: number): Uint8Array {
  const size = regularSize(path);
  if (size > limit) {
    throw new EznasError('TOO_LARGE', `${path} has ${size} bytes; at most ${limit} are read`);
  }
  return attempt(path, () => readFileSync(path));
}

/** Bytes at any place of a file or of memory. */
export interface Bytes {
  readonly size: number;
  /**
   * `length` bytes from `position` on, in a buffer of their own.
   *
   * @throws EznasError INVALID_FILE when fewer are there.
   */
  read(position: number, length: number): Uint8Array;
}

/** A file read piecewise, so that a few images of a large file cost little. @throws EznasError INVALID_FILE. */
export function fileBytes(path: string): Bytes {
  const size = regularSize(path);
  return {
    size,
    read(position, length) {
      requireWithin(path, position, length, size);
      const bytes = new Uint8Array(length);
      const descriptor = attempt(path, () => openSync(path, 'r'));
      try {
        let done = 0;
        while (done < length) {
          const got = attempt(path, () => readSync(descriptor, bytes, done, length - done, position + done));
          if (got === 0) {
            throw invalidFile(path, 'the file became shorter while it was read', `${size} bytes`);
          }
          done += got;
        }
      } finally {
        closeSync(descriptor);
      }
      return bytes;
    },
  };
}

/** Bytes in memory; `path` names them in errors. */
export function memoryBytes(path: string, memory: Uint8Array): Bytes {
  return {
    size: memory.length,
    read(position, length) {
      requireWithin(path, position, length, memory.length);
      return new Uint8Array(memory.subarray(position, position + length));
    },
  };
}

/** The size of a regular file; a folder, pipe or device is refused. */
function regularSize(path: string): number {
  const stats = statFile(path);
  if (!stats.isFile()) {
    throw invalidFile(path, 'is not a regular file', 'a file');
  }
  return stats.size;
}

function requireWithin(path: string, position: number, length: number, size: number): void {
  if (position + length > size) {
    throw invalidFile(path, `truncated at ${size} bytes`, `at least ${position + length}`);
  }
}

/** Runs a file system call; its exception becomes an INVALID_FILE error that names the path. */
function attempt<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw invalidFile(path, `cannot be read (${(error as Error).message})`, 'a readable file', error);
  }
}
