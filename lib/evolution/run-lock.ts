import Database from 'better-sqlite3';
import { EznasError } from '../errors.ts';

/**
 * Holds a run folder for one user at a time. The lock is the operating system's on an open file, by way of SQLite: it ends with the
 * process however that ends, so no lock is ever stale.
 */
export class RunLock {
  readonly #database: Database.Database;

  /** @throws EznasError INVALID_RUN when the lock is held, here or in another process, or the file cannot be made */
  constructor(path: string, folder: string) {
    let database: Database.Database | undefined;
    try {
      database = new Database(path, { timeout: 0 });
      // Nothing is ever written, so no journal file should appear.
      database.pragma('journal_mode = MEMORY');
      database.exec('BEGIN EXCLUSIVE');
    } catch (cause) {
      database?.close();
      const busy = cause instanceof Database.SqliteError && cause.code.startsWith('SQLITE_BUSY');
      const reason = busy
        ? 'is in use by another process; wait until that ends, or take another folder'
        : `cannot be locked: ${(cause as Error).message}; see that it can be written`;
      throw new EznasError('INVALID_RUN', `run folder ${folder} ${reason}`, { cause });
    }
    this.#database = database;
  }

  release(): void {
    this.#database.close();
  }
}
