import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ErrorCode, EznasError } from '../../lib/errors.ts';
import type { Normalization } from '../../lib/images/normalization.ts';

/** Leaves pixel values in 0..1. */
export const UNIT: Normalization = { mean: [0, 0, 0], std: [1, 1, 1] };

/** Leaves byte pixel values in 0..255. */
export const BYTES: Normalization = { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] };

/** A folder that the calling suite removes at its end. */
export class Scratch {
  readonly folder = mkdtempSync(join(tmpdir(), 'eznas-images-'));

  /** Writes a file in a sub-folder ('' for none) and returns its path. */
  write(subfolder: string, name: string, content: Uint8Array): string {
    mkdirSync(join(this.folder, subfolder), { recursive: true });
    const path = join(this.folder, subfolder, name);
    writeFileSync(path, content);
    return path;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** Asserts that the call throws an EznasError of the code whose message matches all patterns. */
export function rejects(call: () => unknown, code: ErrorCode, ...patterns: RegExp[]): void {
  assert.throws(call, (error: unknown) => {
    assert.ok(error instanceof EznasError, `not an EznasError: ${error}`);
    assert.equal(error.code, code, error.message);
    for (const pattern of patterns) {
      assert.match(error.message, pattern);
    }
    return true;
  });
}

/** Asserts that the call either returns or throws an EznasError. */
export function contained(call: () => unknown, what: string): void {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof EznasError, `${what}: ${(error as Error).stack}`);
  }
}

/** A .npy file of version 1, header padded as NumPy does. */
export function npy(descr: string, shape: readonly number[], data: Uint8Array, fortran = false): Uint8Array {
  const shapeText = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const dictionary = `{'descr': ${descr}, 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${shapeText}, }`;
  const padding = 64 - ((10 + dictionary.length + 1) % 64);
  const header = `${dictionary}${' '.repeat(padding)}\n`;
  const start = Uint8Array.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 0xff, header.length >> 8]);
  return Buffer.concat([start, Buffer.from(header, 'latin1'), data]);
}

/** The bytes of floats, little-endian. */
export function floatBytes(values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) {
    bytes.writeFloatLE(value, 4 * i);
  }
  return bytes;
}

/** Bytes that differ from image to image and place to place. */
export function pattern(length: number, start = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (start + 7 * i + (i >> 5)) % 256);
}
