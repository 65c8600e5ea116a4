import { createHash } from 'node:crypto';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import type { NetworkFiles } from '../benchmarks/benchmark.ts';
import { EznasError } from '../errors.ts';
import { fileBytes } from '../images/files.ts';

/** Bytes hashed at a time. */
const PIECE = 2 ** 24;

/**
 * The files of a table of networks.
 *
 * @param table path of the table
 * @param models paths of the models from the table's folder on, and from each model's folder on the files that its weights are read from
 * @throws EznasError INVALID_FILE
 */
export function networkFiles(
  table: string,
  weights: NetworkFiles['weights'],
  models: readonly { readonly path: string; readonly dataFiles: readonly string[] }[],
): NetworkFiles {
  const paths = models.flatMap(({ path, dataFiles }) => [path, ...dataFiles.map((file) => join(dirname(path), file))]);
  const folder = dirname(table);
  const hashes = [basename(table), ...new Set(paths)].map((path) => [path, hashOf(folder, path)] as const);
  return { table: resolve(table), weights, sha256: Object.fromEntries(hashes) };
}

/**
 * Requires that files are what they were.
 *
 * @throws EznasError INVALID_FILE naming the first that is missing or another
 */
export function requireSame({ table, sha256 }: NetworkFiles): void {
  const folder = dirname(table);
  for (const [path, before] of Object.entries(sha256)) {
    const now = hashOf(folder, path);
    if (now === before) continue;
    throw new EznasError(
      'INVALID_FILE',
      `${placeOf(folder, path)} is not the file that the result was made with: its SHA-256 is ${now}, not ${before}; restore it, or evaluate anew`,
    );
  }
}

const placeOf = (folder: string, path: string) => (isAbsolute(path) ? path : join(folder, path));

function hashOf(folder: string, path: string): string {
  const bytes = fileBytes(placeOf(folder, path));
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.size; at += PIECE) hash.update(bytes.read(at, Math.min(PIECE, bytes.size - at)));
  return hash.digest('hex');
}
