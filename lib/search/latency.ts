import { readFileSync } from 'node:fs';
import { EznasError } from '../errors.ts';
import type { NetworkGraph } from '../graph/graph.ts';

/**
 * The latency of an architecture on the user's device, in any unit. The same architecture must always have the same.
 *
 * @param architecture as its space prints it
 * @param graph makes its network
 */
export type Latency = (architecture: string, graph: () => NetworkGraph) => number | Promise<number>;

/**
 * Latencies from a file: lines of an architecture's text and a number, between them a comma, semicolon or tab; a first line without a number at
 * its end may name the columns.
 *
 * @returns a function that throws EznasError INVALID_FILE for an architecture that the file does not have
 * @throws EznasError INVALID_FILE when the file cannot be read or a line is another
 */
export function readLatencyTable(path: string): Latency {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new EznasError('INVALID_FILE', `latency table ${path} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
  const table = new Map<string, number>();
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const [, quoted, number] = /^(.*)[,;\t]\s*([^,;\t]*)$/.exec(line) ?? [];
    const architecture = quoted?.trim().replace(/^"(.*)"$/, '$1');
    const value = number === undefined || number.trim() === '' ? Number.NaN : Number(number);
    if (architecture !== undefined && Number.isFinite(value) && value >= 0) table.set(architecture, value);
    else if (at > 0 || Number.isFinite(value)) {
      throw new EznasError(
        'INVALID_FILE',
        `latency table ${path}, line ${at + 1}: expected an architecture, a comma and a number of at least 0, got '${line.slice(0, 200)}'`,
      );
    }
  }
  if (table.size === 0) throw new EznasError('INVALID_FILE', `latency table ${path} has no architectures`);
  return (architecture) => {
    const value = table.get(architecture);
    if (value === undefined) {
      throw new EznasError(
        'INVALID_FILE',
        `latency table ${path} has no architecture ${architecture}; it needs every one that the search may meet`,
      );
    }
    return value;
  };
}
