import { canonicalFormula } from '../formulas/print.ts';
import { Assessor, type Evaluator } from './assessment.ts';
import { INVALID_FITNESS } from './fitness.ts';
import { withPruned } from './pruning.ts';
import type { RunFolder } from './run-folder.ts';
import {
  type Finalist,
  finalChoice,
  frontOf,
  type Generation,
  generations,
  type SearchProblem,
  type SearchState,
} from './search.ts';

/** How a generation went. */
export interface GenerationEvent {
  /** 0: the initial programs, which are not assessed; then 1 … `generations`. */
  readonly generation: number;
  readonly generations: number;
  /** Fitness; NaN in generation 0. */
  readonly best: number;
  readonly median: number;
  /** Share of the programs made that were valid, on the probe and on the generation's tasks. */
  readonly validity: number;
  /** Different programs among its individuals. */
  readonly distinct: number;
  /** Evaluations of a program on a task so far in this process. */
  readonly evaluated: number;
  readonly seconds: number;
}

export interface EvolveOptions {
  /** Where to keep the run; the search continues from the folder's state, if it has one. */
  readonly run?: RunFolder;
  readonly signal?: AbortSignal;
  readonly onGeneration?: (event: GenerationEvent) => void;
}

/** What a search found. */
export interface SearchResult {
  /** The first of the finalists. */
  readonly best: Finalist;
  /** The final choice, judged on all evolution tasks; the fittest first. */
  readonly finalists: readonly Finalist[];
  /** Of the finalists those that none as small or smaller surpasses in fitness, the smallest first. */
  readonly front: readonly Finalist[];
  readonly state: SearchState;
}

/**
 * Runs a search to its end, keeping it in a run folder if one is given. The same problem gives the same result, resumed or not.
 *
 * @throws EznasError INVALID_ARGUMENT, INVALID_RUN, ABORTED (the run can then be resumed), and whatever the evaluator throws
 */
export async function evolve(problem: SearchProblem, options: EvolveOptions = {}): Promise<SearchResult> {
  const { run, signal, onGeneration } = options;
  const { config, tasks } = problem;
  run?.begin([...tasks, ...(problem.choiceTasks ?? [])]);
  let evaluating = 0;
  const evaluator: Evaluator = async (programs, task, signal) => {
    const began = performance.now();
    const scores = await problem.evaluator(programs, task, signal);
    evaluating += (performance.now() - began) / 1000;
    return scores;
  };
  const assessor = new Assessor(evaluator, config, run?.archive.evaluationsByGeneration());
  let state = run?.state;
  let evaluated = 0;
  let started = performance.now();
  for await (const generation of generations({ ...problem, evaluator }, assessor, state, signal)) {
    const made = performance.now();
    run?.save(generation);
    state = generation.state;
    evaluated += generation.evaluations.length;
    const now = performance.now();
    onGeneration?.({
      ...summarize(generation),
      generations: config.generations,
      evaluated,
      seconds: (now - started) / 1000,
    });
    run?.saveTime({
      stage: 'generation',
      generation: state.generation,
      seconds: (now - started) / 1000,
      evaluate: evaluating,
      save: (now - made) / 1000,
    });
    evaluating = 0;
    started = performance.now();
  }
  const choice = await finalChoice(state!, problem, assessor, signal);
  const { finalists, evaluations } = config.simplified ? await withPruned(choice, problem, assessor, signal) : choice;
  run?.saveFinal(state!.generation, evaluations);
  run?.saveTime({ stage: 'choice', seconds: (performance.now() - started) / 1000, evaluate: evaluating });
  return { best: finalists[0]!, finalists, front: frontOf(finalists), state: state! };
}

function summarize({ state, candidates, drawn }: Generation) {
  const fitness = candidates.map((candidate) => ('fitness' in candidate ? candidate.fitness : Number.NaN));
  const sorted = fitness.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return {
    generation: state.generation,
    best: sorted.at(-1)!,
    median: sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2,
    validity: fitness.filter((value) => value !== INVALID_FITNESS).length / drawn,
    distinct: new Set(candidates.map(({ formula }) => canonicalFormula(formula))).size,
  };
}
