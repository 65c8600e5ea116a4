import { canonicalText, type Program } from '../programs/tree.ts';
import { combineTaus, type Fitness, type SignPolicy, taskTau } from './fitness.ts';
import type { FitnessTask } from './task.ts';

/** Scores of programs on the networks of one task; `ScoreMatrix` is one. */
export interface ProgramScores {
  /** One program's score on every network; NaN or ±Infinity where it has none. */
  row(program: number): Float64Array;
}

/** Where scores come from. The scores of a program must depend on it and the task alone, not on the programs beside it. */
export type Evaluator = (
  programs: readonly Program[],
  task: FitnessTask,
  signal?: AbortSignal,
) => Promise<ProgramScores>;

/** One program evaluated on one task. */
export interface Evaluation {
  /** Canonical text. */
  readonly program: string;
  readonly task: string;
  /** Kendall's τ-b against the accuracies; null when the program is invalid on the task. */
  readonly tau: number | null;
  /** Score of each network. */
  readonly scores: Float64Array;
}

/** A program's fitness over some tasks. */
export interface Assessment extends Fitness {
  /** τ on each task in order; null on one where the program is invalid, and on those after it, which are not tried. */
  readonly taus: readonly (number | null)[];
}

/**
 * Assesses programs, each only once on each task: programs that differ in the order of commutative operands alone count as one.
 * A program that is invalid on a task is not tried on the tasks after it.
 */
export class Assessor {
  readonly #evaluator: Evaluator;
  readonly #policy: SignPolicy;
  /** τ by task name and canonical text. */
  readonly #known = new Map<string, Map<string, number | null>>();

  constructor(evaluator: Evaluator, policy: SignPolicy, known: Iterable<Omit<Evaluation, 'scores'>> = []) {
    this.#evaluator = evaluator;
    this.#policy = policy;
    for (const { program, task, tau } of known) this.#tausOf(task).set(program, tau);
  }

  /** Assessments in the order of the programs, and the evaluations that had to be made for them. */
  async assess(
    programs: readonly Program[],
    tasks: readonly FitnessTask[],
    signal?: AbortSignal,
  ): Promise<{ assessments: Assessment[]; evaluations: Evaluation[] }> {
    const texts = programs.map(canonicalText);
    const distinct = new Map(texts.map((text, index) => [text, programs[index]!]));
    const taus = new Map([...distinct.keys()].map((text) => [text, [] as (number | null)[]]));
    const evaluations: Evaluation[] = [];
    for (const task of tasks) {
      const known = this.#tausOf(task.name);
      const valid = [...distinct.keys()].filter((text) => taus.get(text)!.at(-1) !== null);
      const missing = valid.filter((text) => !known.has(text));
      if (missing.length > 0) {
        const scores = await this.#evaluator(
          missing.map((text) => distinct.get(text)!),
          task,
          signal,
        );
        for (const [index, program] of missing.entries()) {
          const row = scores.row(index);
          const tau = taskTau(row, task.accuracies);
          known.set(program, tau);
          evaluations.push({ program, task: task.name, tau, scores: row });
        }
      }
      for (const [text, list] of taus) list.push(list.at(-1) === null ? null : known.get(text)!);
    }
    const byText = new Map([...taus].map(([text, list]) => [text, { ...combineTaus(list, this.#policy), taus: list }]));
    return { assessments: texts.map((text) => byText.get(text)!), evaluations };
  }

  #tausOf(task: string): Map<string, number | null> {
    let taus = this.#known.get(task);
    if (taus === undefined) {
      taus = new Map();
      this.#known.set(task, taus);
    }
    return taus;
  }
}
