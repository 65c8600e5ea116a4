import { Store, type StoreKind } from '../runs/store.ts';

/** A score as it was computed. */
export interface CachedScore {
  /** NaN where the score is not finite. */
  readonly value: number;
  /** Seconds that it took. */
  readonly seconds: number;
}

/** value: float64, little-endian, since the library does not keep every REAL: it makes the smallest 0. */
const SCHEMA = `
  CREATE TABLE scorings (
    id INTEGER PRIMARY KEY,
    description TEXT NOT NULL UNIQUE
  ) STRICT;

  CREATE TABLE scores (
    scoring INTEGER NOT NULL REFERENCES scorings,
    architecture TEXT NOT NULL,
    value BLOB NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (scoring, architecture)
  ) STRICT, WITHOUT ROWID;
`;

const CACHE: StoreKind = {
  what: 'a cache of scores',
  // "ezns"
  applicationId: 0x657a6e73,
  version: 1,
  schema: SCHEMA,
  code: 'INVALID_FILE',
  mend: 'delete it, and scores are computed again',
  otherVersion: 'delete it, or name another file',
  afterwards: 'scores kept so far are not lost',
  durable: false,
};

/**
 * Scores of networks in an SQLite file, kept from one process to the next; several processes may use one file. A score is found by its scoring,
 * a text that names everything that decides it besides the architecture, and the architecture's text.
 */
export class ScoreCache {
  readonly #store: Store;

  /** @throws EznasError INVALID_FILE when the file is another, damaged or of another version, or cannot be opened */
  constructor(path: string) {
    this.#store = new Store(path, CACHE);
  }

  /** The scores of architectures; undefined for those that are not here. */
  find(scoring: string, architectures: readonly string[]): (CachedScore | undefined)[] {
    return this.#store.typed(() => {
      const id = this.#store.value('SELECT id FROM scorings WHERE description = ?', scoring) as number | undefined;
      if (id === undefined) return architectures.map(() => undefined);
      const select = this.#store.database.prepare(
        'SELECT value, seconds FROM scores WHERE scoring = ? AND architecture = ?',
      );
      return architectures.map((architecture) => {
        const row = select.get(id, architecture) as { value: Uint8Array; seconds: number } | undefined;
        return row && { value: decode(row.value), seconds: row.seconds };
      });
    });
  }

  /** Keeps scores, all at once; one that is here already stays. */
  keep(scoring: string, scores: readonly (CachedScore & { readonly architecture: string })[]): void {
    if (scores.length === 0) return;
    this.#store.transaction(() => {
      const { database } = this.#store;
      database.prepare('INSERT OR IGNORE INTO scorings (description) VALUES (?)').run(scoring);
      const insert = database.prepare(
        'INSERT OR IGNORE INTO scores SELECT id, ?, ?, ? FROM scorings WHERE description = ?',
      );
      for (const { architecture, value, seconds } of scores) {
        insert.run(architecture, encode(value), seconds, scoring);
      }
    });
  }

  close(): void {
    this.#store.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function encode(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

function decode({ buffer, byteOffset, byteLength }: Uint8Array): number {
  return new DataView(buffer, byteOffset, byteLength).getFloat64(0, true);
}
