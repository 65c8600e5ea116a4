import { EznasError } from '../errors.ts';
import { canonicalText, type Program } from '../programs/tree.ts';
import type { Signature } from '../programs/typing.ts';
import { Random, type RandomState } from '../random.ts';
import type { Assessment, Assessor, Evaluation, Evaluator } from './assessment.ts';
import { Breeder, type Candidate } from './breeding.ts';
import type { SearchConfig } from './config.ts';
import { INVALID_FITNESS, type Sign } from './fitness.ts';
import { dropEqualFitness, tournament } from './selection.ts';
import type { FitnessTask } from './task.ts';

/** What a search works on. */
export interface SearchProblem {
  readonly config: SearchConfig;
  /** All evolution tasks there are; each generation draws its own among them. */
  readonly tasks: readonly FitnessTask[];
  /** Shapes that every program must fit. */
  readonly signature: Signature;
  readonly evaluator: Evaluator;
}

/** A candidate with its fitness on its generation's tasks. */
export interface Individual extends Candidate, Assessment {}

/** A program that did well, with its fitness at the time. */
export interface Leader {
  readonly program: Program;
  readonly fitness: number;
  readonly sign: Sign;
  readonly generation: number;
}

/** Where a search stands between two generations: enough to continue it exactly. */
export interface SearchState {
  /** Generations completed. */
  readonly generation: number;
  readonly random: RandomState;
  /** Parents of the next generation. */
  readonly parents: readonly Program[];
  /** The fittest of the last selection; none before the first. */
  readonly lastBest: Leader | undefined;
  /** The two fittest ever met, of different fitness; the earlier first among equals. */
  readonly bestEver: readonly Leader[];
}

/** One step of a search, with all that was done in it. */
export interface Generation {
  /** State after it; its `generation` is 0 for the initial programs, which are parents only and are not assessed. */
  readonly state: SearchState;
  /** Names of the tasks drawn. */
  readonly tasks: readonly string[];
  readonly candidates: readonly (Candidate | Individual)[];
  readonly evaluations: readonly Evaluation[];
  /** Programs made to get this many valid ones. */
  readonly drawn: number;
}

/** Number of best programs ever met that are kept for the final choice. */
const BEST_EVER = 2;

/**
 * Runs a search, generation by generation, from the start or from a state that an earlier run of the same problem reached; either way the
 * same problem gives the same generations.
 *
 * Following the released code: the initial programs are the parents of generation 1 without being assessed, and each generation
 * consists of offspring alone, so that a parent survives only by reproduction.
 *
 * @throws EznasError INVALID_ARGUMENT when there are fewer tasks than a generation draws, or two of one name; ABORTED; whatever the evaluator
 * throws
 */
export async function* generations(
  problem: SearchProblem,
  assessor: Assessor,
  from?: SearchState,
  signal?: AbortSignal,
): AsyncGenerator<Generation, void> {
  const { config, signature, evaluator } = problem;
  checkTasks(problem);
  const breeder = new Breeder(config, signature, evaluator, problem.tasks);
  let state = from;
  if (state === undefined) {
    requireNotAborted(signal);
    const random = new Random(config.seed);
    const { candidates, drawn } = await breeder.initial(random, signal);
    const parents = candidates.map(({ program }) => program);
    state = { generation: 0, random: random.state(), parents, lastBest: undefined, bestEver: [] };
    yield { state, tasks: [], candidates, evaluations: [], drawn };
  }
  while (state.generation < config.generations) {
    requireNotAborted(signal);
    const random = Random.restore(state.random);
    const drawnTasks = random.sample(problem.tasks.length, config.tasksPerGeneration);
    const tasks = drawnTasks.map((index) => problem.tasks[index]!);
    const { candidates, drawn } = await breeder.offspring(state.parents, random, signal);
    const { assessments, evaluations } = await assessor.assess(
      candidates.map(({ program }) => program),
      tasks,
      signal,
    );
    const individuals = candidates.map((candidate, index) => ({ ...candidate, ...assessments[index]! }));
    const generation: number = state.generation + 1;
    const selected = dropEqualFitness(tournament(individuals, { size: config.tournament, kept: config.kept }, random));
    const leaders = individuals.map(({ program, fitness, sign }) => ({ program, fitness, sign, generation }));
    state = {
      generation,
      random: random.state(),
      parents: selected.map(({ program }) => program),
      lastBest: fittest(selected.map(({ program, fitness, sign }) => ({ program, fitness, sign, generation }))),
      bestEver: bestOf([...state.bestEver, ...leaders]),
    };
    yield { state, tasks: tasks.map(({ name }) => name), candidates: individuals, evaluations, drawn };
  }
}

/** A program of the final choice, judged on all evolution tasks. */
export interface Finalist extends Assessment {
  readonly program: Program;
}

/**
 * The final choice: the best of the last selection and the two best ever met, judged on all tasks; the fittest first, the smaller first among
 * equals. Fitness from different generations does not compare, since each drew its own tasks.
 */
export async function finalChoice(
  state: SearchState,
  tasks: readonly FitnessTask[],
  assessor: Assessor,
  signal?: AbortSignal,
): Promise<{ finalists: Finalist[]; evaluations: Evaluation[] }> {
  const leaders = [...(state.lastBest ? [state.lastBest] : []), ...state.bestEver];
  const programs = [...new Map(leaders.map(({ program }) => [canonicalText(program), program])).values()];
  const { assessments, evaluations } = await assessor.assess(programs, tasks, signal);
  const finalists = programs.map((program, index) => ({ program, ...assessments[index]! }));
  finalists.sort((a, b) => b.fitness - a.fitness || a.program.size - b.program.size);
  return { finalists, evaluations };
}

function bestOf(leaders: readonly Leader[]): Leader[] {
  const valid = leaders.filter(({ fitness }) => fitness > INVALID_FITNESS);
  return dropEqualFitness(valid.toSorted((a, b) => b.fitness - a.fitness)).slice(0, BEST_EVER);
}

function fittest(leaders: readonly Leader[]): Leader | undefined {
  return leaders.toSorted((a, b) => b.fitness - a.fitness)[0];
}

function checkTasks({ config, tasks }: SearchProblem): void {
  if (tasks.length < config.tasksPerGeneration) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `each generation draws ${config.tasksPerGeneration} tasks, but there are only ${tasks.length}`,
    );
  }
  const names = new Set(tasks.map(({ name }) => name));
  if (names.size < tasks.length) {
    throw new EznasError('INVALID_ARGUMENT', `task names must differ, got ${tasks.map(({ name }) => name).join(', ')}`);
  }
  for (const { name, networks, accuracies } of tasks) {
    if (networks.length < 2 || accuracies.length !== networks.length || !accuracies.every(Number.isFinite)) {
      throw new EznasError(
        'INVALID_ARGUMENT',
        `task ${name} needs at least 2 networks with a finite accuracy each, got ${networks.length} networks ` +
          `and ${accuracies.length} accuracies`,
      );
    }
  }
}

function requireNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new EznasError('ABORTED', 'the search was aborted', { cause: signal.reason as unknown });
}
