import { EznasError } from '../errors.ts';
import { parseFormula } from '../formulas/parse.ts';
import { canonicalFormula } from '../formulas/print.ts';
import { formulaSize, type Term, termHeight } from '../formulas/tree.ts';
import { Store, type StoreKind } from '../runs/store.ts';
import type { Evaluation } from './assessment.ts';
import type { Generation } from './search.ts';
import type { FitnessTask } from './task.ts';

/** Version of the tables below (SQLite's `user_version`). */
export const ARCHIVE_VERSION = 1;

/** scores: float64, little-endian, one for each network of the task. */
const SCHEMA = `
  CREATE TABLE tasks (
    name TEXT PRIMARY KEY,
    space TEXT NOT NULL,
    networks TEXT NOT NULL,
    accuracies TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE programs (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    height INTEGER NOT NULL,
    generation INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX programs_generation ON programs (generation);

  CREATE TABLE generations (
    generation INTEGER PRIMARY KEY,
    tasks TEXT NOT NULL,
    drawn INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE individuals (
    generation INTEGER NOT NULL REFERENCES generations,
    slot INTEGER NOT NULL,
    program INTEGER NOT NULL REFERENCES programs,
    operation TEXT NOT NULL,
    parent1 INTEGER REFERENCES programs,
    parent2 INTEGER REFERENCES programs,
    fitness REAL,
    sign INTEGER,
    PRIMARY KEY (generation, slot)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX individuals_program ON individuals (program);
  CREATE INDEX individuals_fitness ON individuals (fitness);
  CREATE INDEX individuals_parent1 ON individuals (parent1);
  CREATE INDEX individuals_parent2 ON individuals (parent2);

  CREATE TABLE evaluations (
    program INTEGER NOT NULL REFERENCES programs,
    task TEXT NOT NULL REFERENCES tasks,
    generation INTEGER NOT NULL,
    tau REAL,
    scores BLOB NOT NULL,
    PRIMARY KEY (program, task)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX evaluations_generation ON evaluations (generation);
`;

const ARCHIVE: StoreKind = {
  what: 'an archive of eznas',
  // "ezna"
  applicationId: 0x657a6e61,
  version: ARCHIVE_VERSION,
  schema: SCHEMA,
  code: 'INVALID_RUN',
  mend: 'restore it from a copy, or start a new run in another folder',
  otherVersion: 'open it with the eznas that made it',
  afterwards: 'the run can then be resumed',
  // A checkpoint must never reach the disk before the generation it continues from.
  durable: true,
};

/** One program of one generation, as the archive tells it. */
export interface ArchivedIndividual {
  readonly generation: number;
  /** Place in its generation, from 0. */
  readonly slot: number;
  /** Canonical text. */
  readonly program: string;
  readonly size: number;
  readonly height: number;
  readonly operation: string;
  /** Canonical texts. */
  readonly parents: readonly string[];
  /** Null for the initial programs, which are not assessed. */
  readonly fitness: number | null;
  readonly sign: 1 | -1 | null;
}

/**
 * Every program of a search, in an SQLite file: tables `programs`, `individuals` (a program in a generation, with fitness, operation and
 * parents), `evaluations` (a program on a task, with τ and scores), `generations` and `tasks`. Write-ahead logging, and one durable transaction
 * for each generation: a killed process leaves all of a generation or nothing.
 */
export class Archive {
  readonly #store: Store;

  /**
   * Opens an archive, or makes one where there is no file yet.
   *
   * @throws EznasError INVALID_RUN when the file is no archive, one of another version, damaged, or cannot be opened
   */
  constructor(path: string, { readonly = false }: { readonly readonly?: boolean } = {}) {
    this.#store = new Store(path, ARCHIVE, readonly);
  }

  get path(): string {
    return this.#store.path;
  }

  /**
   * Records the evolution tasks, or checks that those recorded are the same.
   *
   * @throws EznasError INVALID_RUN naming a task that differs
   */
  recordTasks(tasks: readonly FitnessTask[]): void {
    const rows = tasks.map(({ name, space, indices, accuracies }) => ({
      name,
      space,
      networks: JSON.stringify(indices),
      accuracies: JSON.stringify([...accuracies]),
    }));
    this.#store.transaction(() => {
      const all = this.#store.database.prepare('SELECT * FROM tasks').all() as typeof rows;
      const recorded = new Map(all.map((row) => [row.name, row]));
      if (recorded.size === 0) {
        const insert = this.#store.database.prepare('INSERT INTO tasks VALUES (@name, @space, @networks, @accuracies)');
        for (const row of rows) insert.run(row);
        return;
      }
      const differing =
        rows.find((row) => JSON.stringify({ ...recorded.get(row.name) }) !== JSON.stringify(row))?.name ??
        (recorded.size === rows.length ? undefined : 'their number');
      if (differing !== undefined) {
        throw new EznasError(
          'INVALID_RUN',
          `${this.path}: the evolution tasks are not those the run began with (${differing} differs); ` +
            'resume it with the same space, datasets and seed, or start a new run in another folder',
        );
      }
    });
  }

  /** Records a generation, all at once. */
  recordGeneration({ state, tasks, candidates, evaluations, drawn }: Generation): void {
    const { generation } = state;
    this.#store.transaction(() => {
      this.#store.database
        .prepare('INSERT INTO generations VALUES (?, ?, ?)')
        .run(generation, JSON.stringify(tasks), drawn);
      const programId = this.#programIds(generation);
      const insert = this.#store.database.prepare(
        'INSERT INTO individuals VALUES (@generation, @slot, @program, @operation, @parent1, @parent2, @fitness, @sign)',
      );
      for (const [slot, candidate] of candidates.entries()) {
        const { fitness, sign } = 'fitness' in candidate ? candidate : { fitness: null, sign: null };
        const [parent1 = null, parent2 = null] = candidate.parents.map(programId);
        const program = programId(candidate.formula);
        insert.run({ generation, slot, program, operation: candidate.operation, parent1, parent2, fitness, sign });
      }
      this.#insertEvaluations(evaluations, generation);
    });
  }

  /** Records evaluations made after the last generation, in place of any recorded so before. */
  recordFinal(lastGeneration: number, evaluations: readonly Evaluation[]): void {
    this.#store.transaction(() => this.#insertEvaluations(evaluations, lastGeneration + 1));
  }

  /** Removes everything after a generation; −1 removes all but the tasks. */
  truncate(generation: number): void {
    this.#store.transaction(() => {
      for (const table of ['evaluations', 'individuals', 'generations', 'programs']) {
        this.#store.database.prepare(`DELETE FROM ${table} WHERE generation > ?`).run(generation);
      }
    });
  }

  /** The last generation recorded; −1 when there is none. */
  lastGeneration(): number {
    return this.#store.typed(() =>
      this.#store.value('SELECT coalesce(max(generation), -1) FROM generations'),
    ) as number;
  }

  /** The generations recorded, in order, each with its tasks and the programs made to get its valid ones. */
  generations(): { readonly generation: number; readonly tasks: readonly string[]; readonly drawn: number }[] {
    type Row = { generation: number; tasks: string; drawn: number };
    const select = 'SELECT generation, tasks, drawn FROM generations ORDER BY generation';
    const rows = this.#store.typed(() => this.#store.database.prepare(select).all() as Row[]);
    return rows.map(({ generation, tasks, drawn }) => ({ generation, tasks: JSON.parse(tasks) as string[], drawn }));
  }

  /** Every evaluation, without the scores. */
  evaluations(): Omit<Evaluation, 'scores'>[] {
    const select =
      'SELECT text AS program, task, tau FROM evaluations JOIN programs ON programs.id = program ORDER BY program, task';
    const rows = this.#store.typed(() => this.#store.database.prepare(select).all() as Omit<Evaluation, 'scores'>[]);
    return rows.map((row) => ({ ...row }));
  }

  /** Every evaluation with its scores, generation by generation. */
  evaluationsByGeneration(): Evaluation[][] {
    const select =
      'SELECT text AS program, task, tau, scores, evaluations.generation FROM evaluations ' +
      'JOIN programs ON programs.id = program ORDER BY evaluations.generation, program, task';
    type Row = Omit<Evaluation, 'scores'> & { scores: Uint8Array; generation: number };
    const rows = this.#store.typed(() => this.#store.database.prepare(select).all() as Row[]);
    const generations = new Map<number, Evaluation[]>();
    for (const { program, task, tau, scores, generation } of rows) {
      const made = generations.get(generation) ?? [];
      made.push({ program, task, tau, scores: float64Of(scores) });
      generations.set(generation, made);
    }
    return [...generations.values()];
  }

  /** Scores of a program (canonical text) on the networks of a task; undefined when it was not evaluated on it. */
  scores(program: string, task: string): Float64Array | undefined {
    const select = 'SELECT scores FROM evaluations JOIN programs ON programs.id = program WHERE text = ? AND task = ?';
    const blob = this.#store.typed(() => this.#store.value(select, program, task)) as Uint8Array | undefined;
    return blob && float64Of(blob);
  }

  /** All individuals in order, or those of one generation. */
  individuals(generation?: number): ArchivedIndividual[] {
    const select = `
      SELECT individuals.generation, slot, programs.text AS program, programs.size, programs.height, operation,
             first.text AS parent1, second.text AS parent2, fitness, sign
      FROM individuals
      JOIN programs ON programs.id = program
      LEFT JOIN programs AS first ON first.id = parent1
      LEFT JOIN programs AS second ON second.id = parent2
      WHERE @generation IS NULL OR individuals.generation = @generation
      ORDER BY individuals.generation, slot`;
    type Row = ArchivedIndividual & { parent1: string | null; parent2: string | null };
    const rows = this.#store.typed(
      () => this.#store.database.prepare(select).all({ generation: generation ?? null }) as Row[],
    );
    return rows.map(({ parent1, parent2, ...row }) => ({
      ...row,
      parents: [parent1, parent2].filter((parent) => parent !== null),
    }));
  }

  close(): void {
    this.#store.close();
  }

  #programIds(generation: number): (formula: Term) => number {
    const select = this.#store.database.prepare('SELECT id FROM programs WHERE text = ?');
    const insert = this.#store.database.prepare(
      'INSERT INTO programs (text, size, height, generation) VALUES (?, ?, ?, ?)',
    );
    return (formula) => {
      const text = canonicalFormula(formula);
      const known = select.get(text) as { id: number } | undefined;
      return (
        known?.id ?? Number(insert.run(text, formulaSize(formula), termHeight(formula), generation).lastInsertRowid)
      );
    };
  }

  #insertEvaluations(evaluations: readonly Evaluation[], generation: number): void {
    const known = this.#store.database.prepare('SELECT 1 FROM programs WHERE text = ?');
    const programId = this.#programIds(generation);
    const insert = this.#store.database.prepare(
      'INSERT INTO evaluations SELECT id, ?, ?, ?, ? FROM programs WHERE text = ?',
    );
    for (const { program, task, tau, scores } of evaluations) {
      // Formulas that were tried beside a candidate are no individuals.
      if (known.get(program) === undefined) programId(parseFormula(program) as Term);
      const blob = Buffer.alloc(8 * scores.length);
      for (const [index, score] of scores.entries()) blob.writeDoubleLE(score, 8 * index);
      insert.run(task, generation, tau, blob, program);
    }
  }
}

function float64Of(blob: Uint8Array): Float64Array {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  return Float64Array.from({ length: blob.length / 8 }, (_, index) => view.getFloat64(8 * index, true));
}
