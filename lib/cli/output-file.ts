import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import { EznasError } from '../errors.ts';
import { writeFileAtomic } from '../runs/atomic-file.ts';

/** A file that appears whole or not at all. */
export interface OutputFile {
  /** @throws EznasError INVALID_FILE when the content cannot be written; an earlier file of that name is left as it was */
  commit(content: string | Uint8Array): void;
  /** Leaves no trace, except of what was committed. */
  discard(): void;
}

/**
 * Makes sure, before any work is done, that a file can be written: opens the temporary file that will be renamed to it.
 *
 * @param option that named it, for messages
 * @throws EznasError INVALID_FILE
 */
export function reserveOutput(path: string, option = '--out'): OutputFile {
  const attempt = (action: () => void) => {
    try {
      action();
    } catch (cause) {
      throw new EznasError(
        'INVALID_FILE',
        `option ${option}: cannot write '${path}': ${(cause as Error).message}; give the path of a file in a writable folder`,
        { cause },
      );
    }
  };
  attempt(() => {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a folder');
    closeSync(openSync(`${path}.tmp`, 'w'));
  });
  return {
    commit: (content) => attempt(() => writeFileAtomic(path, content)),
    discard: () => rmSync(`${path}.tmp`, { force: true }),
  };
}
