import { type ErrorCode, EznasError } from '../errors.ts';
import { type Database, inTransaction, openDatabase, SQLITE, sqliteCode } from './database.ts';

/** A kind of SQLite file of ours. */
export interface StoreKind {
  /** What a file is, with its article, for messages. */
  readonly what: string;
  /** SQLite's `application_id`, which tells our files from others. */
  readonly applicationId: number;
  /** SQLite's `user_version`: that of the schema. */
  readonly version: number;
  /** Statements that make the tables. */
  readonly schema: string;
  /** Code of the errors. */
  readonly code: ErrorCode;
  /** What to do about a damaged file. */
  readonly mend: string;
  /** What to do about one of another version. */
  readonly otherVersion: string;
  /** What is to be had again when writing fails, as for a full disk. */
  readonly afterwards: string;
  /** Whether what is written must outlive a power cut before the work goes on; else only the end of the process. */
  readonly durable: boolean;
}

/** An SQLite file of one kind, with write-ahead logging: a killed process leaves all of a transaction or nothing. */
export class Store {
  readonly path: string;
  readonly database: Database;
  readonly #kind: StoreKind;
  readonly #readonly: boolean;

  /**
   * Opens a file, or makes one where there is none yet.
   *
   * @throws EznasError of the kind's code when the file is another, one of another version, damaged, or cannot be opened; ADDON_UNAVAILABLE when
   *   SQLite does not load
   */
  constructor(path: string, kind: StoreKind, readonly = false) {
    this.path = path;
    this.#kind = kind;
    this.#readonly = readonly;
    try {
      this.database = openDatabase(path, { readonly });
    } catch (cause) {
      if (cause instanceof EznasError) throw cause;
      const reason = `cannot be opened: ${(cause as Error).message}; see that the folder exists and can be written`;
      throw new EznasError(kind.code, `${path} ${reason}`, { cause });
    }
    try {
      this.typed(() => this.#prepare());
    } catch (error) {
      this.database.close();
      throw error;
    }
  }

  /** The first value of the first row; undefined where there is none. */
  value(sql: string, ...parameters: readonly string[]): unknown {
    const row = this.database.prepare(sql).get(...parameters) as Record<string, unknown> | undefined;
    return row && Object.values(row)[0];
  }

  /** Runs work in a transaction that can write, with errors typed. */
  transaction(work: () => void): void {
    this.typed(() => inTransaction(this.database, work));
  }

  /** Runs database work with its errors typed. */
  typed<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      const code = sqliteCode(error);
      if (code === undefined) throw error;
      const advice =
        code === SQLITE.notADatabase || code === SQLITE.corrupt
          ? `it is damaged or no SQLite file; ${this.#kind.mend}`
          : code === SQLITE.busy || code === SQLITE.locked
            ? 'another process uses it; wait until that ends'
            : `see that its folder can be written and that the disk has room; ${this.#kind.afterwards}`;
      throw new EznasError(this.#kind.code, `${this.path}: ${(error as Error).message}; ${advice}`, { cause: error });
    }
  }

  close(): void {
    try {
      // A store at rest is one file. Closing alone would leave the log until the library's statements are collected.
      if (!this.#readonly) this.database.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE');
    } catch {
      // Someone reads it: the log stays beside it, and nothing is lost.
    }
    this.database.close();
  }

  #prepare(): void {
    const { what, applicationId, version: expected, schema, code, otherVersion, durable } = this.#kind;
    const { database } = this;
    const version = this.value('PRAGMA user_version') as number;
    const application = this.value('PRAGMA application_id') as number;
    const empty = this.value('SELECT count(*) = 0 FROM sqlite_schema') === 1;
    if (empty && version === 0 && !this.#readonly) {
      inTransaction(database, () => {
        database.exec(schema);
        database.exec(`PRAGMA application_id = ${applicationId}`);
        database.exec(`PRAGMA user_version = ${expected}`);
      });
    } else if (application !== applicationId) {
      throw new EznasError(code, `${this.path} is an SQLite file, but not ${what}`);
    } else if (version !== expected) {
      throw new EznasError(
        code,
        `${this.path} is ${what} of version ${version}, this eznas reads version ${expected}; ${otherVersion}`,
      );
    }
    if (this.#readonly) return;
    database.exec('PRAGMA journal_mode = WAL');
    database.exec(`PRAGMA synchronous = ${durable ? 'FULL' : 'NORMAL'}`);
    database.exec('PRAGMA foreign_keys = ON');
  }
}
