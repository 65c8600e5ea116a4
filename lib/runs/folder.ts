import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { EznasError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { writeFileAtomic } from './atomic-file.ts';
import { RunLock } from './lock.ts';

/** Version of a run folder's layout. */
export const RUN_FORMAT = 1;

/** What a run is of: the command that makes and resumes it. */
export type RunKind = 'evolve' | 'search' | 'grow';

/** Everything that decides a run's result, as plain JSON. */
export type RunConfig = Readonly<Record<string, unknown>>;

const CONFIG = 'config.json';
const REPORT = 'report.json';
const LOCK = 'lock';

/** What a folder may hold before its configuration is written: a run that was killed at once. */
const BEFORE_CONFIG = [LOCK, `${CONFIG}.tmp`];

const configFile = z.strictObject({
  format: z.literal(RUN_FORMAT),
  version: z.string(),
  kind: z.enum(['evolve', 'search', 'grow']).default('evolve'),
  config: z.record(z.string(), z.unknown()),
});

type ConfigFile = z.output<typeof configFile>;

/**
 * A folder that belongs to one run, and to one process at a time: `config.json` (resolved configuration, kind and version), `report.json` (at
 * the end), `lock`, and the files of its kind.
 */
export class LockedFolder {
  readonly path: string;
  readonly config: RunConfig;
  readonly #lock: RunLock;

  private constructor(path: string, config: RunConfig, lock: RunLock) {
    this.path = path;
    this.config = config;
    this.#lock = lock;
  }

  /**
   * Begins a run in a new or empty folder.
   *
   * @param config a value that JSON keeps
   * @throws EznasError INVALID_RUN when the folder holds anything, cannot be written, or is in use
   */
  static create(path: string, kind: RunKind, config: RunConfig): LockedFolder {
    const folder = resolve(path);
    return withFiles(folder, () => {
      makeFolder(folder);
      const inhabitants = readdirSync(folder).filter((name) => !BEFORE_CONFIG.includes(name));
      if (inhabitants.includes(CONFIG)) {
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
        if (existsSync(join(folder, CONFIG))) {
          throw new EznasError('INVALID_RUN', `${folder} already holds a run; resume it, or take another folder`);
        }
        const document: z.input<typeof configFile> = { format: RUN_FORMAT, version: VERSION, kind, config };
        writeFileAtomic(join(folder, CONFIG), toJson(document));
        return new LockedFolder(folder, config, lock);
      });
    });
  }

  /**
   * Opens a run to continue it.
   *
   * @param config when given, must be the run's own; an empty folder, as a run leaves that is killed at once, begins with it
   * @throws EznasError INVALID_RUN when the folder holds no run, one of another kind, version or configuration, one that is damaged, or is in
   *   use
   */
  static resume(path: string, kind: RunKind, config?: RunConfig): LockedFolder {
    const folder = resolve(path);
    if (!existsSync(join(folder, CONFIG))) {
      const inhabitants = existsSync(folder) ? withFiles(folder, () => readdirSync(folder)) : undefined;
      const unborn = inhabitants?.every((name) => BEFORE_CONFIG.includes(name));
      if (unborn && config !== undefined) return LockedFolder.create(folder, kind, config);
      throw new EznasError('INVALID_RUN', `${folder} holds no ${CONFIG}: there is no run to resume; start a new one`);
    }
    return withFiles(folder, () =>
      locked(folder, (lock) => {
        const stored = readConfig(join(folder, CONFIG));
        if (stored.kind !== kind) {
          throw new EznasError(
            'INVALID_RUN',
            `${folder} holds a run of eznas ${stored.kind}, not of eznas ${kind}; continue it with: eznas ${stored.kind} --resume`,
          );
        }
        if (config !== undefined) requireSame(stored.config, config, folder);
        return new LockedFolder(folder, stored.config, lock);
      }),
    );
  }

  /** Path of a file in the folder. */
  file(name: string): string {
    return join(this.path, name);
  }

  /** Text of a file in the folder; undefined where there is none. */
  read(name: string): string | undefined {
    const path = this.file(name);
    return withFiles(this.path, () => (existsSync(path) ? readFileSync(path, 'utf8') : undefined));
  }

  /** Writes a file in the folder, all of it or nothing. */
  write(name: string, text: string): void {
    withFiles(this.path, () => writeFileAtomic(this.file(name), text));
  }

  /** Adds a line to a file in the folder; a killed process may leave it half-written. */
  append(name: string, line: string): void {
    withFiles(this.path, () => appendFileSync(this.file(name), line));
  }

  /** Writes the report, plain JSON, that ends a run. */
  saveReport(report: unknown): void {
    this.write(REPORT, toJson(report));
  }

  /** Does the rest of opening a run, and lets go of the folder if that fails. */
  whileOpening<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Lets go of the folder. */
  close(): void {
    this.#lock.release();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * What a run folder's run is of; `evolve` where the folder has no configuration.
 *
 * @throws EznasError INVALID_RUN when the configuration is damaged
 */
export function runKind(folder: string): RunKind {
  const path = join(folder, CONFIG);
  if (!existsSync(path)) return 'evolve';
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new EznasError('INVALID_RUN', `${path} is damaged (${(error as Error).message}); restore it from a copy`);
  }
  // Of any version and format: a report only reads.
  const result = z.looseObject({ kind: configFile.shape.kind }).safeParse(value);
  return result.success ? result.data.kind : 'evolve';
}

function readConfig(path: string): ConfigFile {
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
  return result.data;
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
