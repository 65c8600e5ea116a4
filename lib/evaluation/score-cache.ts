import { Store, type StoreKind } from '../runs/store.ts';

/** What was computed of one architecture. */
export interface CachedScore {
  /** Any numbers, NaN and infinities too; what they are, the scoring says. */
  readonly values: readonly number[];
  /** Seconds that it took. */
  readonly seconds: number;
}

/** A score to be kept. */
export interface NewScore extends CachedScore {
  readonly scoring: string;
  readonly architecture: string;
}

/** numbers: float64, little-endian, since the library does not keep every REAL: it makes the smallest 0. */
const SCHEMA = `
  CREATE TABLE scorings (
    id INTEGER PRIMARY KEY,
    description TEXT NOT NULL UNIQUE
  ) STRICT;

  CREATE TABLE scores (
    scoring INTEGER NOT NULL REFERENCES scorings,
    architecture TEXT NOT NULL,
    numbers BLOB NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (scoring, architecture)
  ) STRICT, WITHOUT ROWID;
`;

const CACHE: StoreKind = {
  what: 'a cache of scores',
  // "ezns"
  applicationId: 0x657a6e73,
  version: 2,
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
        'SELECT numbers, seconds FROM scores WHERE scoring = ? AND architecture = ?',
      );
      return architectures.map((architecture) => {
        const row = select.get(id, architecture) as { numbers: Uint8Array; seconds: number } | undefined;
        return row && { values: decode(row.numbers), seconds: row.seconds };
      });
    });
  }

  /** Keeps scores, all at once; one that is here already stays. */
  keep(scores: readonly NewScore[]): void {
    if (scores.length === 0) return;
    this.#store.transaction(() => {
      const { database } = this.#store;
      const name = database.prepare('INSERT OR IGNORE INTO scorings (description) VALUES (?)');
      for (const scoring of new Set(scores.map((score) => score.scoring))) name.run(scoring);
      const insert = database.prepare(
        'INSERT OR IGNORE INTO scores SELECT id, ?, ?, ? FROM scorings WHERE description = ?',
      );
      for (const { scoring, architecture, values, seconds } of scores) {
        insert.run(architecture, encode(values), seconds, scoring);
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

function encode(values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(8 * values.length);
  for (const [place, value] of values.entries()) bytes.writeDoubleLE(value, 8 * place);
  return bytes;
}

function decode({ buffer, byteOffset, byteLength }: Uint8Array): number[] {
  const view = new DataView(buffer, byteOffset, byteLength);
  return Array.from({ length: byteLength / 8 }, (_, place) => view.getFloat64(8 * place, true));
}
