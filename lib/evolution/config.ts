import { z } from 'zod';
import { EznasError } from '../errors.ts';
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
  })
  .refine(({ crossover, mutation }) => crossover + mutation <= 1 + 1e-12, {
    path: ['mutation'],
    error: 'and crossover must together be at most 1',
  })
  .refine(({ initialHeights, heightLimit }) => initialHeights[1] <= heightLimit, {
    path: ['heightLimit'],
    error: 'must be at least the most initial height',
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
