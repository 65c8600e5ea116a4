import { Store, type StoreKind } from '../runs/store.ts';
import type { ProgramValues } from './candidates.ts';

const KIND: StoreKind = {
  what: 'a store of program values',
  applicationId: 0x657a6e76,
  version: 1,
  schema: `
    CREATE TABLE program_values (
      task TEXT NOT NULL,
      program TEXT NOT NULL,
      -- Units of each network, and the values of all in a row, little-endian; NULL where an operator rejects some unit.
      units BLOB,
      unit_values BLOB,
      PRIMARY KEY (task, program)
    ) WITHOUT ROWID`,
  code: 'INVALID_RUN',
  mend: 'start a new run in another folder',
  otherVersion: 'finish the run with the eznas that began it, or start a new one',
  afterwards: 'then resume the run',
  durable: false,
};

/**
 * Values of programs on the units of tasks' networks, in a file: what a forest search spends its time on. A search that is run again finds them
 * here, and so comes quickly to where it was stopped, and to the same result.
 */
export class ValueStore {
  readonly #store: Store;

  /** @throws EznasError INVALID_RUN when the file is no such store, is damaged or cannot be opened */
  constructor(path: string) {
    this.#store = new Store(path, KIND);
  }

  /** Values of a program on a task: null where it is invalid, undefined where it is not known. */
  get(task: string, program: string): ProgramValues | null | undefined {
    return this.#store.typed(() => {
      const row = this.#store.database
        .prepare('SELECT units, unit_values FROM program_values WHERE task = ? AND program = ?')
        .get(task, program) as { units: Uint8Array | null; unit_values: Uint8Array | null } | undefined;
      if (row === undefined) return undefined;
      if (row.units === null || row.unit_values === null) return null;
      const units = new Uint32Array(row.units.slice().buffer);
      const values = new Float64Array(row.unit_values.slice().buffer);
      let next = 0;
      return Array.from(units, (count) => {
        next += count;
        return values.slice(next - count, next);
      });
    });
  }

  /** Keeps values of programs on a task, all or none. */
  put(task: string, found: ReadonlyMap<string, ProgramValues | undefined>): void {
    this.#store.transaction(() => {
      const insert = this.#store.database.prepare('INSERT OR REPLACE INTO program_values VALUES (?, ?, ?, ?)');
      for (const [program, values] of found) {
        if (values === undefined) {
          insert.run(task, program, null, null);
          continue;
        }
        const units = Uint32Array.from(values, (row) => row.length);
        const all = Float64Array.from(values.flatMap((row) => [...row]));
        insert.run(task, program, bytes(units), bytes(all));
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

function bytes(array: Uint32Array | Float64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
