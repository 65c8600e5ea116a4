import { existsSync } from 'node:fs';
import { EznasError } from '../errors.ts';
import { LockedFolder, type RunConfig } from '../runs/folder.ts';
import { printTime, type StageTime } from '../runs/times.ts';
import { Archive } from './archive.ts';
import type { Evaluation } from './assessment.ts';
import { parseCheckpoint, printCheckpoint } from './checkpoint.ts';
import type { Generation, SearchState } from './search.ts';
import type { FitnessTask } from './task.ts';

/** Every program of the run, see {@link Archive}. */
export const ARCHIVE = 'archive.sqlite';

/** What its parts took, see {@link StageTime}: one JSON object on each line. */
export const TIMES = 'times.jsonl';

const CHECKPOINT = 'checkpoint.json';

/**
 * A run of an evolution on disk: what {@link LockedFolder} has, `archive.sqlite` (every program, see {@link Archive}), `checkpoint.json` (state
 * after the last generation) and `times.jsonl` (what each part took).
 *
 * Each generation goes into the archive in one transaction, then the checkpoint replaces the last one in one step. Whenever the process dies,
 * the archive is at the checkpoint or ahead of it; what is ahead is removed on opening, and made again exactly as it was.
 */
export class RunFolder {
  readonly archive: Archive;
  /** State after the last generation that was completed; undefined at the beginning. */
  readonly state: SearchState | undefined;
  readonly #folder: LockedFolder;

  private constructor(folder: LockedFolder, archive: Archive, state: SearchState | undefined) {
    this.#folder = folder;
    this.archive = archive;
    this.state = state;
  }

  /**
   * Begins a run in a new or empty folder.
   *
   * @param config a value that JSON keeps
   * @throws EznasError INVALID_RUN when the folder holds anything, cannot be written, or is in use
   */
  static create(path: string, config: RunConfig): RunFolder {
    return RunFolder.#open(LockedFolder.create(path, 'evolve', config));
  }

  /**
   * Opens a run to continue it.
   *
   * @param config when given, must be the run's own; an empty folder, as a run leaves that is killed at once, begins with it
   * @throws EznasError INVALID_RUN when the folder holds no run, one of another version or configuration, one that is damaged, or is in use
   */
  static resume(path: string, config?: RunConfig): RunFolder {
    return RunFolder.#open(LockedFolder.resume(path, 'evolve', config));
  }

  static #open(folder: LockedFolder): RunFolder {
    return folder.whileOpening(() => {
      const text = folder.read(CHECKPOINT);
      const state = text === undefined ? undefined : parseCheckpoint(text, folder.file(CHECKPOINT));
      return new RunFolder(folder, openArchive(folder, state?.generation ?? -1), state);
    });
  }

  get path(): string {
    return this.#folder.path;
  }

  get config(): RunConfig {
    return this.#folder.config;
  }

  /** Records the evolution tasks; on a resumed run, checks that they are the same. See {@link Archive.recordTasks}. */
  begin(tasks: readonly FitnessTask[]): void {
    this.archive.recordTasks(tasks);
  }

  /** Saves a generation and the state after it, durably. */
  save(generation: Generation): void {
    this.archive.recordGeneration(generation);
    this.#folder.write(CHECKPOINT, printCheckpoint(generation.state));
  }

  /** Saves evaluations of the final choice, made after the last generation. */
  saveFinal(lastGeneration: number, evaluations: readonly Evaluation[]): void {
    this.archive.truncate(lastGeneration);
    this.archive.recordFinal(lastGeneration, evaluations);
  }

  /** Notes what a part of the run took. */
  saveTime(time: StageTime): void {
    this.#folder.append(TIMES, printTime(time));
  }

  /** Writes the report, plain JSON, that ends a run. */
  saveReport(report: unknown): void {
    this.#folder.saveReport(report);
  }

  /** Lets go of the folder. */
  close(): void {
    this.archive.close();
    this.#folder.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function openArchive(folder: LockedFolder, generation: number): Archive {
  const path = folder.file(ARCHIVE);
  if (generation >= 0 && !existsSync(path)) {
    throw new EznasError(
      'INVALID_RUN',
      `${folder.path} is half-written: it has a ${CHECKPOINT} but no ${ARCHIVE}; restore it from a copy, or start a new run`,
    );
  }
  const archive = new Archive(path);
  try {
    const last = archive.lastGeneration();
    if (last < generation) {
      throw new EznasError(
        'INVALID_RUN',
        `${folder.path} is half-written: its checkpoint is of generation ${generation}, but its archive ends with ` +
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
