import { z } from 'zod';
import { EznasError } from '../errors.ts';
import { AGGREGATORS, type AggregatorName } from '../formulas/aggregators.ts';
import { MAX_GENERATED_HEIGHT } from '../programs/generate.ts';
import { MAX_HEIGHT } from '../programs/tree.ts';

const integer = (least: number, most: number) => {
  const error = `must be an integer from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
};

const share = () => {
  const error = 'must be a number from 0 to 1';
  return z.number({ error }).min(0, { error }).max(1, { error });
};

const heights = () =>
  z
    .tuple([integer(0, MAX_GENERATED_HEIGHT), integer(0, MAX_GENERATED_HEIGHT)], {
      error: 'must be two heights, [least, most]',
    })
    .refine(([least, most]) => least <= most, { error: 'must be [least, most] in this order' });

const oneOf = <const T extends readonly [string, ...string[]]>(...values: T) =>
  z.enum(values, { error: `must be ${values.map((value) => `'${value}'`).join(' or ')}` });

const AGGREGATOR_NAMES = AGGREGATORS.map(({ name }) => name) as [AggregatorName, ...AggregatorName[]];

/** What goes past the paper; a field that is left out stands for the paper's way. */
const beyond = {
  /** Operators of new programs: the paper's 34, or all there are. */
  operators: oneOf('paper', 'all').optional(),
  /** What makes a program's values on the units a network's score; drawn for new formulas and changed by mutation. Left out: the mean. */
  aggregators: z
    .array(oneOf(...AGGREGATOR_NAMES))
    .min(1, { error: 'must name at least one' })
    .optional(),
  /** Whether a formula that is one program takes the fittest of the aggregators, all tried at the cost of one, or keeps the one it got. */
  aggregatorChoice: oneOf('drawn', 'best').optional(),
  /** Share of new formulas that combine two aggregates or numbers of the network, and of mutations that change such a combination. */
  structure: share().optional(),
  /** Formulas that the first programs begin with: those of the catalogue, or a sample of the short systematic programs besides. */
  seeds: oneOf('none', 'catalogue', 'systematic').optional(),
  /** First programs, as a multiple of the population. */
  initialTimes: integer(1, 1000).optional(),
  /** Whether programs are brought to their simplest form before they are assessed, and the winner is cut down to what its fitness needs. */
  simplified: z.boolean({ error: 'must be true or false' }).optional(),
  /**
   * Who competes to be a parent: the last offspring alone; the best `survivors` of all so far (μ + λ); or the `survivors` youngest. With the latter two
   * the first programs are assessed, as generation 1.
   */
  replacement: oneOf('generational', 'plus', 'aging').optional(),
  /** Programs that survive a generation; left out: as many as the population. */
  survivors: integer(1, 1_000_000).optional(),
  /** How `kept` parents are drawn: tournaments; ε-lexicase over the tasks; or tournaments by NSGA-II over fitness, size and cost. */
  selection: oneOf('tournament', 'lexicase', 'nsga2').optional(),
  /** Populations that evolve apart, each of its share of the programs. */
  islands: integer(1, 1000).optional(),
  /** Every so many generations each island gives its `migrants` fittest to the next. */
  migrationInterval: integer(1, 1_000_000).optional(),
  migrants: integer(1, 1_000_000).optional(),
  /**
   * Fitness over the tasks: the least τ; its mean; the least over the search spaces and datasets of τ on all networks of their tasks together; or
   * of a lower quantile of that over bootstrap resamples.
   */
  fitness: oneOf('minimum', 'mean', 'pooled', 'resampled').optional(),
  resamples: integer(1, 10_000).optional(),
  quantile: share().optional(),
  /** What each node takes from the fitness. */
  nodePenalty: share().optional(),
  /** Tasks that every program is assessed on; only the best `hurdleShare` of a generation by these are assessed on the others. */
  hurdleTasks: integer(1, 10_000).optional(),
  hurdleShare: share().optional(),
  /** Whether a program that ranks a task as one before it is taken to rank the others as that does, without being run. */
  sameBehaviour: z.boolean({ error: 'must be true or false' }).optional(),
  /** Further tasks of each search space and dataset, which no generation draws: on them alone the final choice is made. */
  choiceTasks: integer(0, 10_000).optional(),
  /** Best programs ever met that the final choice is made among, with the front of fitness and size. Left out: two, without the front. */
  finalists: integer(1, 1000).optional(),
  /** Generations without a fitter program after which the search stops, or begins anew beside what it has. Left out: never. */
  patience: integer(1, 1_000_000).optional(),
  whenStuck: oneOf('stop', 'restart').optional(),
};

const searchConfig = z
  .strictObject({
    /** Decides everything that is drawn; integer in [0, 2^53). */
    seed: integer(0, Number.MAX_SAFE_INTEGER),
    /** Programs evaluated in each generation. */
    population: integer(2, 1_000_000),
    generations: integer(1, 1_000_000),
    /** Tournaments, each of `tournament` programs, whose winners are the parents of the next generation. */
    kept: integer(1, 1_000_000),
    tournament: integer(1, 1_000_000),
    /** Share of each generation that is new random programs, rounded down to whole ones. */
    immigrants: share(),
    /** Shares of crossover and mutation among the rest; what is left is reproduction. */
    crossover: share(),
    mutation: share(),
    /** Least and most height of new programs, and of the subtrees that mutation brings in. */
    initialHeights: heights(),
    mutationHeights: heights(),
    /** A child that is higher is replaced by one of its parents. */
    heightLimit: integer(0, MAX_HEIGHT),
    /** How a new program's height is drawn; see GeneratorOptions. */
    heightDraw: oneOf('uniform', 'conditional'),
    /** Evolution tasks drawn for each generation, among all there are. */
    tasksPerGeneration: integer(1, 10_000),
    /** Evolution tasks drawn at the start for each search space and dataset, and the networks of each. */
    tasksPerPool: integer(1, 10_000),
    networksPerTask: integer(2, 100_000),
    sign: oneOf('shared', 'per-task'),
    ...beyond,
  })
  .refine(({ crossover, mutation }) => crossover + mutation <= 1 + 1e-12, {
    path: ['mutation'],
    error: 'and crossover must together be at most 1',
  })
  .refine(({ initialHeights, heightLimit }) => initialHeights[1] <= heightLimit, {
    path: ['heightLimit'],
    error: 'must be at least the most initial height',
  })
  .refine(({ islands = 1, population }) => 2 * islands <= population, {
    path: ['islands'],
    error: 'must leave at least 2 programs for each island',
  });

/** Everything that decides a search besides its tasks. */
export type SearchConfig = Readonly<z.infer<typeof searchConfig>>;

/**
 * A configuration, checked.
 *
 * @throws EznasError INVALID_ARGUMENT naming the first field that is wrong, what it must be and what it is
 */
export function parseSearchConfig(value: unknown): SearchConfig {
  const result = searchConfig.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  if (issue.code === 'unrecognized_keys') {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `unknown search option '${issue.keys[0]}'; known are ${Object.keys(searchConfig.shape).join(', ')}`,
    );
  }
  if (issue.path.length === 0) throw new EznasError('INVALID_ARGUMENT', 'search options must be an object');
  const got = issue.path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown>)?.[key], value);
  throw new EznasError(
    'INVALID_ARGUMENT',
    `search option ${issue.path.join('.')} ${issue.message}, got ${JSON.stringify(got) ?? String(got)}`,
  );
}
