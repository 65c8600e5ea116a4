import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { EznasError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { Archive } from './archive.ts';
import type { Evaluation } from './assessment.ts';
import { writeFileAtomic } from './atomic-file.ts';
import { parseCheckpoint, printCheckpoint } from './checkpoint.ts';
import { RunLock } from './run-lock.ts';
import type { Generation, SearchState } from './search.ts';
import type { FitnessTask } from './task.ts';

/** Version of a run folder's layout. */
export const RUN_FORMAT = 1;

/** Everything that decides a run's result, as plain JSON: search configuration, space, datasets, images and so on. */
export type RunConfig = Readonly<Record<string, unknown>>;

const FILES = {
  config: 'config.json',
  archive: 'archive.sqlite',
  checkpoint: 'checkpoint.json',
  report: 'report.json',
};
const LOCK = 'lock';

/** What a folder may hold before its configuration is written: a run that was killed at once. */
const BEFORE_CONFIG = [LOCK, `${FILES.config}.tmp`];

const configFile = z.strictObject({
  format: z.literal(RUN_FORMAT),
  version: z.string(),
  config: z.record(z.string(), z.unknown()),
});

/**
 * A run on disk: `config.json` (resolved configuration and version), `archive.sqlite` (every program, see {@link Archive}), `checkpoint.json`
 * (state after the last generation), `report.json` (at the end) and `lock`.
 *
 * Each generation goes into the archive in one transaction, then the checkpoint replaces the last one in one step. Whenever the process dies,
 * the archive is at the checkpoint or ahead of it; what is ahead is removed on opening, and made again exactly as it was.
 */
export class RunFolder {
  readonly path: string;
  readonly config: RunConfig;
  readonly archive: Archive;
  /** State after the last generation that was completed; undefined at the beginning. */
  readonly state: SearchState | undefined;
  readonly #lock: RunLock;

  private constructor(
    path: string,
    config: RunConfig,
    archive: Archive,
    state: SearchState | undefined,
    lock: RunLock,
  ) {
    this.path = path;
    this.config = config;
    this.archive = archive;
    this.state = state;
    this.#lock = lock;
  }

  /**
   * Begins a run in a new or empty folder.
   *
   * @param config a value that JSON keeps
   * @throws EznasError INVALID_RUN when the folder holds anything, cannot be written, or is in use
   */
  static create(path: string, config: RunConfig): RunFolder {
    const folder = resolve(path);
    return withFiles(folder, () => {
      makeFolder(folder);
      const inhabitants = readdirSync(folder).filter((name) => !BEFORE_CONFIG.includes(name));
      if (inhabitants.includes(FILES.config)) {
        throw new EznasError('INVALID_RUN', `${folder} already holds a run; resume it, or take another folder`);
      }
      if (inhabitants.length > 0) {
        throw new EznasError(
          'INVALID_RUN',
          `${folder} is not empty (it holds ${inhabitants[0]}) and not a run; take an empty or a new folder`,
        );
      }
      return locked(folder, (lock) => {
        // Another process may have begun here between the look and the lock.
        if (existsSync(join(folder, FILES.config))) {
          throw new EznasError('INVALID_RUN', `${folder} already holds a run; resume it, or take another folder`);
        }
        const document: z.input<typeof configFile> = { format: RUN_FORMAT, version: VERSION, config };
        writeFileAtomic(join(folder, FILES.config), toJson(document));
        return new RunFolder(folder, config, new Archive(join(folder, FILES.archive)), undefined, lock);
      });
    });
  }

  /**
   * Opens a run to continue it.
   *
   * @param config when given, must be the run's own; an empty folder, as a run leaves that is killed at once, begins with it
   * @throws EznasError INVALID_RUN when the folder holds no run, one of another version or configuration, one that is damaged, or is in use
   */
  static resume(path: string, config?: RunConfig): RunFolder {
    const folder = resolve(path);
    if (!existsSync(join(folder, FILES.config))) {
      const inhabitants = existsSync(folder) ? withFiles(folder, () => readdirSync(folder)) : undefined;
      const unborn = inhabitants?.every((name) => BEFORE_CONFIG.includes(name));
      if (unborn && config !== undefined) return RunFolder.create(folder, config);
      throw new EznasError(
        'INVALID_RUN',
        `${folder} holds no ${FILES.config}: there is no run to resume; start a new one`,
      );
    }
    return withFiles(folder, () =>
      locked(folder, (lock) => {
        const stored = readConfig(join(folder, FILES.config));
        if (config !== undefined) requireSame(stored, config, folder);
        const checkpoint = join(folder, FILES.checkpoint);
        const state = existsSync(checkpoint)
          ? parseCheckpoint(readFileSync(checkpoint, 'utf8'), checkpoint)
          : undefined;
        const archive = openArchive(folder, state?.generation ?? -1);
        return new RunFolder(folder, stored, archive, state, lock);
      }),
    );
  }

  /** Records the evolution tasks; on a resumed run, checks that they are the same. See {@link Archive.recordTasks}. */
  begin(tasks: readonly FitnessTask[]): void {
    this.archive.recordTasks(tasks);
  }

  /** Saves a generation and the state after it, durably. */
  save(generation: Generation): void {
    this.archive.recordGeneration(generation);
    withFiles(this.path, () => writeFileAtomic(join(this.path, FILES.checkpoint), printCheckpoint(generation.state)));
  }

  /** Saves evaluations of the final choice, made after the last generation. */
  saveFinal(lastGeneration: number, evaluations: readonly Evaluation[]): void {
    this.archive.truncate(lastGeneration);
    this.archive.recordFinal(lastGeneration, evaluations);
  }

  /** Writes the report, plain JSON, that ends a run. */
  saveReport(report: unknown): void {
    withFiles(this.path, () => writeFileAtomic(join(this.path, FILES.report), toJson(report)));
  }

  /** Lets go of the folder. */
  close(): void {
    this.archive.close();
    this.#lock.release();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function openArchive(folder: string, generation: number): Archive {
  const path = join(folder, FILES.archive);
  if (generation >= 0 && !existsSync(path)) {
    throw new EznasError(
      'INVALID_RUN',
      `${folder} is half-written: it has a ${FILES.checkpoint} but no ${FILES.archive}; restore it from a copy, or start a new run`,
    );
  }
  const archive = new Archive(path);
  try {
    const last = archive.lastGeneration();
    if (last < generation) {
      throw new EznasError(
        'INVALID_RUN',
        `${folder} is half-written: its checkpoint is of generation ${generation}, but its archive ends with ` +
          `${last < 0 ? 'none' : last}; restore both from one copy, or start a new run`,
      );
    }
    archive.truncate(generation);
  } catch (error) {
    archive.close();
    throw error;
  }
  return archive;
}

function readConfig(path: string): RunConfig {
  const damaged = (reason: string): never => {
    throw new EznasError(
      'INVALID_RUN',
      `${path} is damaged (${reason}); restore it from a copy, or start a new run in another folder`,
    );
  };
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return damaged(error.message);
    throw error;
  }
  const { format, version } = (value ?? {}) as { format?: unknown; version?: unknown };
  if (typeof format === 'number' && format !== RUN_FORMAT) {
    throw new EznasError(
      'INVALID_RUN',
      `${path} is of run format ${format}, this eznas (${VERSION}) uses format ${RUN_FORMAT}; resume it with eznas ${String(version)}`,
    );
  }
  const result = configFile.safeParse(value);
  if (!result.success) {
    const { path: field, message } = result.error.issues[0]!;
    return damaged(`${field.join('.') || 'the whole'}: ${message}`);
  }
  if (result.data.version !== VERSION) {
    throw new EznasError(
      'INVALID_RUN',
      `${path} is of a run of eznas ${result.data.version}, this is ${VERSION}, which may not give the same result; ` +
        `resume it with eznas ${result.data.version}, or start a new run in another folder`,
    );
  }
  return result.data.config;
}

function requireSame(stored: RunConfig, config: RunConfig, folder: string): void {
  // Compared as JSON keeps it, where fields that are undefined are left out.
  const given = JSON.parse(JSON.stringify(config)) as RunConfig;
  const fields = [...new Set([...Object.keys(stored), ...Object.keys(given)])];
  const differing = fields.filter((field) => !isDeepStrictEqual(stored[field], given[field]));
  if (differing.length === 0) return;
  const differences = differing.map(
    (field) => `${field} (the run's ${JSON.stringify(stored[field])}, now ${JSON.stringify(given[field])})`,
  );
  throw new EznasError(
    'INVALID_RUN',
    `${folder} holds a run of another configuration, which differs in ${differences.join(', ')}; ` +
      'resume it without these options, or start a new run in another folder',
  );
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** Makes a folder and those above it. Not with `recursive`, with which Node 20 never returns where the kernel forbids it, as in /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process was faster.
    if (!existsSync(path)) throw error;
  }
}

/** Takes the lock, and gives it back if the work fails. */
function locked<T>(folder: string, work: (lock: RunLock) => T): T {
  const lock = new RunLock(join(folder, LOCK), folder);
  try {
    return work(lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Runs file work with errors of the file system typed. */
function withFiles<T>(folder: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
    if (cause instanceof EznasError || code === undefined) throw cause;
    const advice =
      code === 'ENOSPC' ? 'free some room, then resume it' : 'see that it is a folder that can be read and written';
    throw new EznasError('INVALID_RUN', `run folder ${folder}: ${(cause as Error).message}; ${advice}`, { cause });
  }
}
