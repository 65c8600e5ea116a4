import { nonDominated } from '../dominance.ts';
import { EznasError } from '../errors.ts';
import { canonicalFormula } from '../formulas/print.ts';
import { formulaSize, type Term } from '../formulas/tree.ts';
import type { Signature } from '../programs/typing.ts';
import { Random, type RandomState } from '../random.ts';
import type { Assessment, Assessor, Evaluation, Evaluator } from './assessment.ts';
import { Breeder, type Brood, type Candidate } from './breeding.ts';
import type { SearchConfig } from './config.ts';
import { INVALID_FITNESS, type Sign } from './fitness.ts';
import { type Competitor, type Island, migrate, nextIsland } from './islands.ts';
import { dropEqualFitness } from './selection.ts';
import type { FitnessTask } from './task.ts';

/** What a search works on. */
export interface SearchProblem {
  readonly config: SearchConfig;
  /** All evolution tasks there are; each generation draws its own among them. */
  readonly tasks: readonly FitnessTask[];
  /** Tasks that no generation sees, on which the final choice is made; left out: on the evolution tasks. */
  readonly choiceTasks?: readonly FitnessTask[];
  /** Shapes that every program must fit. */
  readonly signature: Signature;
  readonly evaluator: Evaluator;
}

/** A candidate with its fitness on its generation's tasks. */
export interface Individual extends Candidate, Assessment {}

/** A formula that did well, with its fitness at the time. */
export interface Leader {
  readonly formula: Term;
  readonly fitness: number;
  readonly sign: Sign;
  readonly generation: number;
}

/** Where a search stands between two generations: enough to continue it exactly. */
export interface SearchState {
  /** Generations completed. */
  readonly generation: number;
  readonly random: RandomState;
  readonly islands: readonly Island[];
  /** The fittest of the last selection; none before the first. */
  readonly lastBest: Leader | undefined;
  /** The fittest ever met, of different fitness; the earlier first among equals. */
  readonly bestEver: readonly Leader[];
  /** Those that nothing smaller or as small surpasses in fitness, by size; kept where the final choice is made among them. */
  readonly front: readonly Leader[];
  /** The generation since which nothing fitter came; counted anew when the search begins anew. */
  readonly stuckSince: number;
  /** The fitness to surpass; none at the beginning. */
  readonly toSurpass: number | undefined;
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

/** Number of best programs ever met that are kept for the final choice, where nothing else is asked for. */
const BEST_EVER = 2;

/**
 * Runs a search, generation by generation, from the start or from a state that an earlier run of the same problem reached; either way the
 * same problem gives the same generations.
 *
 * Following the released code: the initial programs are the parents of generation 1 without being assessed, and each generation
 * consists of offspring alone, so that a parent survives only by reproduction. Where programs survive (SearchConfig.replacement), and where islands begin
 * anew, a generation assesses the initial programs first.
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
  const { config, signature, evaluator, tasks } = problem;
  checkTasks(problem);
  const breeder = new Breeder(config, signature, evaluator, tasks);
  let state: SearchState;
  if (from === undefined) {
    requireNotAborted(signal);
    const initial = await begin(config, breeder, signal);
    yield initial;
    state = initial.state;
  } else state = from;
  while (state.generation < config.generations && !(isStuck(config, state) && config.whenStuck !== 'restart')) {
    requireNotAborted(signal);
    const generation = await advance(problem, breeder, assessor, state, signal);
    yield generation;
    state = generation.state;
  }
}

/** Generation 0. */
async function begin(config: SearchConfig, breeder: Breeder, signal: AbortSignal | undefined): Promise<Generation> {
  const { islands: count = 1 } = config;
  const random = new Random(config.seed);
  const broods = await each(count, () => breeder.initial(random, count, signal));
  const islands = broods.map(({ candidates }): Island => {
    const parents = candidates.map(({ formula }) => formula);
    return { parents, pool: assessesInitial(config) ? parents : [] };
  });
  const state: SearchState = {
    generation: 0,
    random: random.state(),
    islands,
    lastBest: undefined,
    bestEver: [],
    front: [],
    stuckSince: 0,
    toSurpass: undefined,
  };
  return { state, tasks: [], ...joined(broods), evaluations: [] };
}

/** The generation after a state. */
async function advance(
  problem: SearchProblem,
  breeder: Breeder,
  assessor: Assessor,
  state: SearchState,
  signal: AbortSignal | undefined,
): Promise<Generation> {
  const { config } = problem;
  const { islands } = state;
  const generation = state.generation + 1;
  const random = Random.restore(state.random);
  const drawnTasks = random.sample(problem.tasks.length, config.tasksPerGeneration);
  const tasks = drawnTasks.map((index) => problem.tasks[index]!);
  const first = generation === 1 && assessesInitial(config);
  const broods = await each(islands.length, async (at): Promise<Brood> => {
    const island = islands[at]!;
    if (first) return initialAgain(island.pool);
    if (island.parents.length === 0) return await breeder.initial(random, islands.length, signal);
    return await breeder.offspring(island, random, islands.length, signal);
  });
  const pools = islands.map(({ pool }) => (first ? [] : pool));
  const { candidates, drawn } = joined(broods);
  const choices = candidates.map(({ formula }) => breeder.choicesOf(formula));
  const { chosen, evaluations } = await assessor.choose(
    [...choices, ...pools.flat().map((formula) => [formula])],
    tasks,
    signal,
  );
  const individuals = candidates.map((candidate, index): Individual => ({ ...candidate, ...chosen[index]! }));
  const offspring = divide(
    individuals,
    broods.map((brood) => brood.candidates.length),
  );
  const survivors = divide(
    chosen.slice(individuals.length),
    pools.map(({ length }) => length),
  );
  const next = islands.map((_, at) => nextIsland(config, survivors[at]!, offspring[at]!, random));
  const asLeader = ({ formula, fitness, sign }: Competitor): Leader => ({ formula, fitness, sign, generation });
  const after: SearchState = {
    ...progressOf(config, state, individuals.map(asLeader)),
    generation,
    islands: settled(config, generation, next),
    random: random.state(),
    lastBest: fittestOf(next.flatMap(({ selected }) => selected).map(asLeader), 1)[0],
  };
  return {
    state: isStuck(config, after) && config.whenStuck === 'restart' ? begunAnew(after) : after,
    tasks: tasks.map(({ name }) => name),
    candidates: individuals,
    evaluations,
    drawn,
  };
}

/** Where programs survive, the initial ones must have a fitness. */
const assessesInitial = ({ replacement = 'generational' }: SearchConfig) => replacement !== 'generational';

/** The islands after a generation, and after the migration, if it is time for one. */
function settled(
  { migrationInterval, migrants = 1 }: SearchConfig,
  generation: number,
  next: readonly { readonly island: Island; readonly selected: readonly Competitor[] }[],
): Island[] {
  const islands = next.map(({ island }) => island);
  if (islands.length === 1 || migrationInterval === undefined || generation % migrationInterval !== 0) return islands;
  return migrate(
    islands,
    next.map(({ selected }) => fittestOf(selected, migrants).map(({ formula }) => formula)),
  );
}

/** A formula of the final choice, judged on all tasks that it is made on. */
export interface Finalist extends Assessment {
  readonly formula: Term;
}

/**
 * The final choice: the best of the last selection, the best ever met, and where more finalists than the paper's are asked for the front of fitness and
 * size, judged on all evolution tasks, or on the choice tasks alone where there are any; the fittest first, the smaller first among equals. Fitness from
 * different generations does not compare, since each drew its own tasks.
 */
export async function finalChoice(
  state: SearchState,
  { tasks, choiceTasks = [] }: Pick<SearchProblem, 'tasks' | 'choiceTasks'>,
  assessor: Assessor,
  signal?: AbortSignal,
): Promise<{ finalists: Finalist[]; evaluations: Evaluation[] }> {
  const leaders = [...(state.lastBest ? [state.lastBest] : []), ...state.bestEver, ...state.front];
  const formulas = [...new Map(leaders.map(({ formula }) => [canonicalFormula(formula), formula])).values()];
  const judging = choiceTasks.length > 0 ? choiceTasks : tasks;
  const { assessments, evaluations } = await assessor.assess(formulas, judging, signal);
  const finalists = formulas.map((formula, index) => ({ formula, ...assessments[index]! }));
  finalists.sort((a, b) => b.fitness - a.fitness || formulaSize(a.formula) - formulaSize(b.formula));
  return { finalists, evaluations };
}

/** Those that nothing as small or smaller surpasses in fitness, the smallest first. */
export function frontOf<T extends { readonly formula: Term; readonly fitness: number }>(leaders: readonly T[]): T[] {
  const valid = leaders.filter(({ fitness }) => fitness > INVALID_FITNESS);
  const merits = valid.map(({ formula, fitness }) => [fitness, -formulaSize(formula)]);
  const front = nonDominated(merits).map((place) => valid[place]!);
  const bySize = new Map(front.toReversed().map((leader) => [formulaSize(leader.formula), leader]));
  return [...bySize.values()].sort((a, b) => formulaSize(a.formula) - formulaSize(b.formula));
}

/** What a search remembers of all generations. */
function progressOf(config: SearchConfig, state: SearchState, leaders: readonly Leader[]) {
  const best = fittestOf(leaders, 1)[0]?.fitness ?? INVALID_FITNESS;
  const surpassed = best > (state.toSurpass ?? INVALID_FITNESS);
  return {
    bestEver: bestOf([...state.bestEver, ...leaders], config.finalists ?? BEST_EVER),
    front: config.finalists === undefined ? [] : frontOf([...state.front, ...leaders]),
    stuckSince: surpassed ? state.generation + 1 : state.stuckSince,
    toSurpass: surpassed ? best : state.toSurpass,
  };
}

function isStuck({ patience }: SearchConfig, { generation, stuckSince }: SearchState): boolean {
  return patience !== undefined && generation - stuckSince >= patience;
}

/** The state with islands that begin anew; what was found stays. */
function begunAnew(state: SearchState): SearchState {
  return {
    ...state,
    islands: state.islands.map(() => ({ parents: [], pool: [] })),
    stuckSince: state.generation,
    toSurpass: undefined,
  };
}

/** The initial programs as the candidates of the first generation. */
function initialAgain(pool: readonly Term[]): Brood {
  const candidates = pool.map((formula): Candidate => ({ formula, operation: 'initial', parents: [] }));
  return { candidates, drawn: candidates.length };
}

function joined(broods: readonly Brood[]): Brood {
  return {
    candidates: broods.flatMap(({ candidates }) => candidates),
    drawn: broods.reduce((sum, { drawn }) => sum + drawn, 0),
  };
}

/** A list in parts of the given lengths. */
function divide<T>(all: readonly T[], lengths: readonly number[]): T[][] {
  let from = 0;
  return lengths.map((length) => {
    from += length;
    return all.slice(from - length, from);
  });
}

/** One after the other, since all draw from one stream. */
async function each<T>(count: number, work: (at: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let at = 0; at < count; at++) results.push(await work(at));
  return results;
}

function bestOf(leaders: readonly Leader[], count: number): Leader[] {
  const valid = leaders.filter(({ fitness }) => fitness > INVALID_FITNESS);
  return dropEqualFitness(valid.toSorted((a, b) => b.fitness - a.fitness)).slice(0, count);
}

function fittestOf<T extends { readonly fitness: number }>(competitors: readonly T[], count: number): T[] {
  return competitors.toSorted((a, b) => b.fitness - a.fitness).slice(0, count);
}

function checkTasks({ config, tasks, choiceTasks = [] }: SearchProblem): void {
  if (tasks.length < config.tasksPerGeneration) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `each generation draws ${config.tasksPerGeneration} tasks, but there are only ${tasks.length}`,
    );
  }
  const all = [...tasks, ...choiceTasks];
  if (new Set(all.map(({ name }) => name)).size < all.length) {
    throw new EznasError('INVALID_ARGUMENT', `task names must differ, got ${all.map(({ name }) => name).join(', ')}`);
  }
  for (const { name, networks, accuracies } of all) {
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
