import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EznasError } from '../errors.ts';
import type { RunKind } from '../runs/folder.ts';

/** Options that a resumed run may be given anew: they do not change its result. */
const RESUMABLE: readonly string[] = ['resume', 'threads', 'device', 'out', 'json'];

/** Folder of a run that is given none. */
export function newRunFolder(): string {
  return join('runs', new Date().toISOString().replace(/[:.]/g, '-'));
}

/**
 * Refuses options that a resumed run cannot be given anew.
 *
 * @param also names of further options that do not change the result
 * @throws EznasError INVALID_ARGUMENT naming the first
 */
export function requireResumable(options: Readonly<Record<string, unknown>>, also: readonly string[] = []): void {
  const changed = Object.keys(options).find((name) => !RESUMABLE.includes(name) && !also.includes(name));
  if (changed === undefined) return;
  const flag = `--${changed.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new EznasError(
    'INVALID_ARGUMENT',
    `option ${flag} cannot be given with --resume: a run goes on as it was started; leave it out, or start a new run`,
  );
}

/** An error that ended a run, with how to go on where that is possible. */
export function withResumption(error: unknown, kind: RunKind, folder: string): unknown {
  const stopped = error instanceof EznasError && (error.code === 'ABORTED' || error.code === 'OUT_OF_MEMORY');
  if (!stopped || !existsSync(join(folder, 'config.json'))) return error;
  return new EznasError(error.code, `${error.message}; continue with: eznas ${kind} --resume ${quote(folder)}`, {
    cause: error,
  });
}

/** An error that ended work whose scores are kept, with how to go on. */
export function withCache(error: unknown, cache: string | undefined): unknown {
  if (cache === undefined || !(error instanceof EznasError) || error.code !== 'ABORTED') return error;
  const goOn = `scores so far are in ${cache}, and the same command goes on from there`;
  return new EznasError(error.code, `${error.message}; ${goOn}`, { cause: error });
}

function quote(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
