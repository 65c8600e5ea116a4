import { canonicalFormula } from '../formulas/print.ts';
import { formulaSize, type Term } from '../formulas/tree.ts';
import { Behaviours, copyOf, type Twin } from './behaviour.ts';
import type { SearchConfig } from './config.ts';
import { type Fitness, INVALID_FITNESS, taskTau } from './fitness.ts';
import { type FitnessRule, fitnessRule, type TaskResult } from './fitness-rule.ts';
import type { FitnessTask } from './task.ts';

/** Scores of formulas on the networks of one task. */
export interface FormulaScores {
  /** One formula's score on every network; NaN or ±Infinity where it has none. */
  row(formula: number): Float64Array;
}

/** Where scores come from. The scores of a formula must depend on it and the task alone, not on the formulas beside it. */
export type Evaluator = (formulas: readonly Term[], task: FitnessTask, signal?: AbortSignal) => Promise<FormulaScores>;

/** One formula evaluated on one task, or taken to rank it as another does (see Behaviours). */
export interface Evaluation {
  /** Canonical text. */
  readonly program: string;
  readonly task: string;
  /** Kendall's τ-b against the accuracies; null when the formula is invalid on the task. */
  readonly tau: number | null;
  /** Score of each network. */
  readonly scores: Float64Array;
}

/** A formula's fitness over some tasks. */
export interface Assessment extends Fitness {
  /** τ on each task in order; null on one where the formula is invalid, and on those after it or after the hurdle that it missed, which are not tried. */
  readonly taus: readonly (number | null)[];
}

/** The fittest of some formulas that stand for one candidate. */
export interface Chosen extends Assessment {
  readonly formula: Term;
}

export type AssessmentSettings = Pick<
  SearchConfig,
  | 'seed'
  | 'sign'
  | 'fitness'
  | 'resamples'
  | 'quantile'
  | 'nodePenalty'
  | 'hurdleTasks'
  | 'hurdleShare'
  | 'sameBehaviour'
>;

/**
 * Assesses formulas, each only once on each task: formulas that differ in the order of commutative operands alone count as one. One that is invalid on
 * a task is not tried on the tasks after it, nor is one that misses the hurdle.
 */
export class Assessor {
  readonly #evaluator: Evaluator;
  readonly #settings: AssessmentSettings;
  readonly #rule: FitnessRule;
  /** By task name and canonical text. */
  readonly #known = new Map<string, Map<string, TaskResult>>();
  readonly #behaviours: Behaviours | undefined;

  /** @param known what earlier parts of the run evaluated, by generation; with their scores where {@link readsScores} */
  constructor(evaluator: Evaluator, settings: AssessmentSettings, known: Iterable<readonly Evaluation[]> = []) {
    this.#evaluator = evaluator;
    this.#settings = settings;
    this.#rule = fitnessRule(settings);
    this.#behaviours = settings.sameBehaviour ? new Behaviours() : undefined;
    for (const evaluations of known) {
      for (const { program, task, tau, scores } of evaluations) this.#resultsOf(task).set(program, { tau, scores });
      this.#behaviours?.learn(evaluations);
    }
  }

  /** Assessments in the order of the formulas, and the evaluations that came with them. */
  async assess(
    formulas: readonly Term[],
    tasks: readonly FitnessTask[],
    signal?: AbortSignal,
  ): Promise<{ assessments: Assessment[]; evaluations: Evaluation[] }> {
    const { chosen, evaluations } = await this.choose(
      formulas.map((formula) => [formula]),
      tasks,
      signal,
    );
    return { assessments: chosen.map(({ formula: _, ...assessment }) => assessment), evaluations };
  }

  /**
   * Of every group the fittest formula, the first among equals. Whether the hurdle is missed is decided for a group as a whole.
   *
   * @param groups none empty
   */
  async choose(
    groups: readonly (readonly Term[])[],
    tasks: readonly FitnessTask[],
    signal?: AbortSignal,
  ): Promise<{ chosen: Chosen[]; evaluations: Evaluation[] }> {
    const texts = groups.map((group) => group.map(canonicalFormula));
    const distinct = new Map(groups.flatMap((group, at) => group.map((formula, in_) => [texts[at]![in_]!, formula])));
    const own = new Map([...distinct.keys()].map((text) => [text, [] as TaskResult[]]));
    let twins: ReadonlyMap<string, Twin> = new Map();
    const resultsFor = (text: string): readonly TaskResult[] => {
      const twin = twins.get(text);
      if (twin === undefined) return own.get(text)!;
      const others = own.get(twin.of) ?? tasks.map(({ name }) => this.#resultsOf(name).get(twin.of)!);
      return others.map((result) => copyOf(result, twin.direction));
    };
    const fitnessOf = (text: string) => this.#assess(distinct.get(text)!, resultsFor(text), tasks);
    const { hurdleTasks = tasks.length, hurdleShare = 1 } = this.#settings;
    const evaluations: Evaluation[] = [];
    let stopped: ReadonlySet<string> = new Set();
    for (const [place, task] of tasks.entries()) {
      if (place === 1) twins = this.#twinsOf(evaluations, own, tasks);
      if (place === hurdleTasks) stopped = missing(texts, (text) => fitnessOf(text).fitness, twins, hurdleShare);
      const going = [...distinct.keys()].filter(
        (text) => own.get(text)!.at(-1)?.tau !== null && !stopped.has(text) && !twins.has(text),
      );
      evaluations.push(...(await this.#evaluate(going, distinct, task, signal)));
      for (const text of going) own.get(text)!.push(this.#resultsOf(task.name).get(text)!);
    }
    const assessed = new Map([...distinct.keys()].map((text) => [text, fitnessOf(text)]));
    const made = [
      ...evaluations.filter(({ program }) => !twins.has(program)),
      ...[...twins.keys()].flatMap((text) =>
        resultsFor(text).map(({ tau, scores }, at) => ({ program: text, task: tasks[at]!.name, tau, scores })),
      ),
    ];
    for (const { program, task, tau, scores } of made) this.#resultsOf(task).set(program, { tau, scores });
    this.#behaviours?.learn(made);
    capStopped(assessed, stopped);
    const chosen = groups.map((group, at): Chosen => {
      const choices = group.map((formula, in_) => ({ formula, ...assessed.get(texts[at]![in_]!)! }));
      return choices.reduce((best, other) => (other.fitness > best.fitness ? other : best));
    });
    return { chosen, evaluations: made };
  }

  #assess(formula: Term, results: readonly TaskResult[], tasks: readonly FitnessTask[]): Assessment {
    const { fitness, sign } = this.#rule.of(results, tasks);
    const penalty = (this.#settings.nodePenalty ?? 0) * formulaSize(formula);
    return {
      fitness: fitness === INVALID_FITNESS ? fitness : Math.max(INVALID_FITNESS, fitness - penalty),
      sign,
      taus: tasks.map((_, at) => results[at]?.tau ?? null),
    };
  }

  /** Evaluates on a task what is not known there, and keeps it. */
  async #evaluate(
    texts: readonly string[],
    formulas: ReadonlyMap<string, Term>,
    task: FitnessTask,
    signal: AbortSignal | undefined,
  ): Promise<Evaluation[]> {
    const known = this.#resultsOf(task.name);
    const missing = texts.filter((text) => !known.has(text));
    if (missing.length === 0) return [];
    const found = await this.#evaluator(
      missing.map((text) => formulas.get(text)!),
      task,
      signal,
    );
    return missing.map((program, index) => {
      const scores = found.row(index);
      const tau = taskTau(scores, task.accuracies);
      known.set(program, { tau, scores });
      return { program, task: task.name, tau, scores };
    });
  }

  /** Of the formulas that were just evaluated for the first time, those that rank the first task as others do, which stand for them on all. */
  #twinsOf(
    evaluated: readonly Evaluation[],
    brood: ReadonlyMap<string, unknown>,
    tasks: readonly FitnessTask[],
  ): ReadonlyMap<string, Twin> {
    const others = tasks.slice(1).map(({ name }) => this.#resultsOf(name));
    const first = this.#resultsOf(tasks[0]!.name);
    return (
      this.#behaviours?.twins(
        evaluated.filter(({ program }) => others.every((results) => !results.has(program))),
        (text) => brood.has(text) || others.every((results) => results.has(text)),
        (text) => first.get(text)!.scores,
      ) ?? new Map()
    );
  }

  #resultsOf(task: string): Map<string, TaskResult> {
    let results = this.#known.get(task);
    if (results === undefined) {
      results = new Map();
      this.#known.set(task, results);
    }
    return results;
  }
}

/** The formulas of those groups that are not among the best so far; what others are taken to rank like goes on with them. */
function missing(
  groups: readonly (readonly string[])[],
  fitnessOf: (text: string) => number,
  twins: ReadonlyMap<string, Twin>,
  share: number,
): Set<string> {
  const ranked = groups
    .map((texts, at) => ({ at, fitness: Math.max(...texts.map(fitnessOf)) }))
    .sort((a, b) => b.fitness - a.fitness || a.at - b.at);
  const passing = ranked.slice(0, Math.ceil(share * groups.length)).flatMap(({ at }) => groups[at]!);
  const going = new Set([...passing, ...passing.flatMap((text) => twins.get(text)?.of ?? [])]);
  return new Set(groups.flat().filter((text) => !going.has(text)));
}

/** One that was stopped was no fitter than those that went on, and a fitness on fewer tasks does not compare with theirs. */
function capStopped(assessed: Map<string, Assessment>, stopped: ReadonlySet<string>): void {
  if (stopped.size === 0) return;
  const passed = [...assessed].filter(([text, { fitness }]) => !stopped.has(text) && fitness > INVALID_FITNESS);
  const least = Math.min(...passed.map(([, { fitness }]) => fitness));
  for (const text of stopped) {
    const assessment = assessed.get(text)!;
    assessed.set(text, { ...assessment, fitness: Math.min(assessment.fitness, least) });
  }
}
