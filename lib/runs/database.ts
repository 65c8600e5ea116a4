/**
 * SQLite files. The library has the interface of node:sqlite, which Node.js 20 lacks, and brings its binaries in its tarball: installing it takes
 * neither a compiler nor a download besides npm's own.
 */
import { createRequire } from 'node:module';
import type { DatabaseSyncInstance } from '@photostructure/sqlite';
import { EznasError } from '../errors.ts';

export type Database = DatabaseSyncInstance;

/** Primary result codes of SQLite that callers tell apart. */
export const SQLITE = { busy: 5, locked: 6, corrupt: 11, notADatabase: 26 } as const;

export interface OpenOptions {
  /** Requires the file to be there, and writes nothing. */
  readonly readonly?: boolean;
  /** Milliseconds to wait for another process that holds the file. */
  readonly timeout?: number;
}

/**
 * Opens a file, or makes one. Whether it is a database shows on its first use.
 *
 * @throws SQLite's error when it cannot be opened; EznasError ADDON_UNAVAILABLE when the library does not load
 */
export function openDatabase(path: string, { readonly = false, timeout = 5000 }: OpenOptions = {}): Database {
  const { DatabaseSync } = sqlite();
  return new DatabaseSync(path, { readOnly: readonly, timeout });
}

/** Version of SQLite. @throws EznasError ADDON_UNAVAILABLE when it does not load */
export function sqliteVersion(): string {
  const database = openDatabase(':memory:');
  const { version } = database.prepare('SELECT sqlite_version() AS version').get() as { version: string };
  database.close();
  return version;
}

/** The primary result code of an error by SQLite, undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return typeof code === 'number' ? code & 0xff : undefined;
}

/** Runs work in a transaction that can write: all of it is durable on return, nothing of it when it throws. */
export function inTransaction(database: Database, work: () => void): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    work();
    database.exec('COMMIT');
  } catch (error) {
    // Some errors, such as a full disk, have ended the transaction already.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** Loaded on first use, so that where its binary does not fit, whatever keeps no run folder still works. */
function sqlite(): typeof import('@photostructure/sqlite') {
  try {
    return createRequire(import.meta.url)('@photostructure/sqlite') as typeof import('@photostructure/sqlite');
  } catch (cause) {
    const { platform, arch, version } = process;
    throw new EznasError(
      'ADDON_UNAVAILABLE',
      `SQLite, which keeps run folders, does not load on ${platform}-${arch} with Node ${version}: ${(cause as Error).message}\n` +
        'Build it from source with "npm rebuild @photostructure/sqlite --build-from-source" (needs Python and a C++ compiler).',
      { cause },
    );
  }
}
