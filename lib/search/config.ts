import { z } from 'zod';
import { EznasError } from '../errors.ts';

/** Names of the algorithms. */
export const ALGORITHMS = ['aging', 'random', 'local', 'nsga2'] as const;

export type AlgorithmName = (typeof ALGORITHMS)[number];

const integer = (least: number, most: number) => {
  const error = `must be an integer from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
};

const searchConfig = z
  .strictObject({
    algorithm: z.enum(ALGORITHMS, { error: `must be one of ${ALGORITHMS.join(', ')}` }),
    /** Different networks to score at most. */
    budget: integer(1, 10_000_000),
    /** Decides everything that the search draws. */
    seed: integer(0, Number.MAX_SAFE_INTEGER),
    /** Architectures proposed and scored at a time. */
    chunk: integer(1, 100_000),
    /** Individuals of `aging` and `nsga2`. */
    population: integer(2, 1_000_000),
    /** Individuals of `aging` among which the fittest becomes the parent. */
    sample: integer(1, 1_000_000),
    /** Scores `count` random architectures by a metric, and starts from the best `keep`. */
    warmup: z
      .strictObject({ metric: z.string(), count: integer(1, 10_000_000), keep: integer(1, 10_000_000) })
      .refine(({ count, keep }) => keep <= count, { path: ['keep'], error: 'must be at most the count' })
      .nullable(),
    /** Metric that proposes moves, in place of random mutation. */
    move: z.string().nullable(),
  })
  .readonly();

/** Everything that decides a search besides its space and metrics. */
export type SearchConfig = z.output<typeof searchConfig>;

/**
 * Settings where none are given. `aging`: those of Real et al., Regularized Evolution for Image Classifier Architecture Search (AAAI 2019),
 * population 100 and samples of 25. The chunk stands in for their workers, which also bred from a population that does not know yet what others
 * are scoring; it keeps the native threads busy.
 */
export const SEARCH_DEFAULTS = {
  algorithm: 'aging',
  budget: 500,
  seed: 0,
  chunk: 16,
  sample: 25,
  warmup: null,
  move: null,
} as const satisfies Partial<SearchConfig>;

/** Individuals where their number is not given. */
const POPULATION: Readonly<Record<AlgorithmName, number>> = { aging: 100, random: 100, local: 100, nsga2: 50 };

/**
 * A configuration with defaults filled in, checked.
 *
 * @throws EznasError INVALID_ARGUMENT naming the first field that is wrong, what it must be and what it is
 */
export function resolveSearchConfig(given: Partial<SearchConfig>): SearchConfig {
  const algorithm = given.algorithm ?? SEARCH_DEFAULTS.algorithm;
  return parseSearchConfig({ ...SEARCH_DEFAULTS, population: POPULATION[algorithm], ...given });
}

/**
 * A whole configuration, checked.
 *
 * @throws EznasError INVALID_ARGUMENT as {@link resolveSearchConfig}
 */
export function parseSearchConfig(value: unknown): SearchConfig {
  const result = searchConfig.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  const got = path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown>)?.[key], value);
  throw new EznasError(
    'INVALID_ARGUMENT',
    `search option ${path.join('.') || 'object'} ${message}, got ${JSON.stringify(got) ?? String(got)}`,
  );
}
