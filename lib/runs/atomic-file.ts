import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Writes a file so that at any moment, a power cut included, the path holds all of the old content or all of the new: written beside it,
 * flushed, then renamed over it. For one writer at a time.
 */
export function writeFileAtomic(path: string, content: string | Uint8Array): void {
  const temporary = `${path}.tmp`;
  withFile(temporary, 'w', (file) => {
    const bytes = Buffer.from(content);
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
    fsyncSync(file);
  });
  renameSync(temporary, path);
  // The rename itself is only on the disk once the folder is; Windows can neither open nor flush one.
  if (process.platform !== 'win32') withFile(dirname(path), 'r', fsyncSync);
}

function withFile(path: string, flags: string, work: (file: number) => void): void {
  const file = openSync(path, flags);
  try {
    work(file);
  } finally {
    closeSync(file);
  }
}
