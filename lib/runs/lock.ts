import { EznasError } from '../errors.ts';
import { type Database, openDatabase, SQLITE, sqliteCode } from './database.ts';

/**
 * Holds a run folder for one user at a time. The lock is the operating system's on an open file, by way of SQLite: it ends with the
 * process however that ends, so no lock is ever stale.
 */
export class RunLock {
  readonly #database: Database;

  /** @throws EznasError INVALID_RUN when the lock is held, here or in another process, or the file cannot be made */
  constructor(path: string, folder: string) {
    let database: Database | undefined;
    try {
      database = openDatabase(path, { timeout: 0 });
      // Nothing is ever written, so no journal file should appear.
      database.exec('PRAGMA journal_mode = MEMORY');
      database.exec('BEGIN EXCLUSIVE');
    } catch (cause) {
      database?.close();
      if (cause instanceof EznasError) throw cause;
      const reason =
        sqliteCode(cause) === SQLITE.busy
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
