import { z } from 'zod';
import { EznasError } from '../errors.ts';
import { MAX_TERMS } from '../formulas/tree.ts';
import { MAX_GENERATED_HEIGHT } from '../programs/generate.ts';

const integer = (least: number, most: number) => {
  const error = `must be an integer from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
};

const within = (least: number, most: number) => {
  const error = `must be a number from ${least} to ${most}`;
  return z.number({ error }).min(least, { error }).max(most, { error });
};

const forestConfig = z.strictObject({
  /** Decides everything that is drawn; integer in [0, 2^53). */
  seed: integer(0, Number.MAX_SAFE_INTEGER),
  /** Most terms of the forest. */
  terms: integer(1, MAX_TERMS),
  /** Whether the search begins with the systematic programs, beside random ones. */
  systematic: z.boolean({ error: 'must be true or false' }),
  /** Random programs evaluated before the first term is looked for. */
  initial: integer(1, 1_000_000),
  /** Programs made in each generation, and generations for each term. */
  population: integer(1, 1_000_000),
  generations: integer(0, 1_000_000),
  /** Programs of the highest fitness, of all met so far, that parents are drawn from by tournaments of `tournament`. */
  parents: integer(1, 1_000_000),
  tournament: integer(1, 1_000_000),
  /** Share of each generation that is new random programs. */
  immigrants: within(0, 1),
  /** Share of crossover among the rest; what is left is mutation. */
  crossover: within(0, 1),
  /** Most height of new random programs, and of any program. */
  initialHeight: integer(1, MAX_GENERATED_HEIGHT),
  heightLimit: integer(1, MAX_GENERATED_HEIGHT),
  /** Terms kept of the first programs: those that rank the networks of known accuracy best. Later ones must do as well. */
  shortlist: integer(1, 1_000_000),
  /** What each node of a program takes from the fitness of a term. */
  nodePenalty: within(0, 1),
  /** Least gain in fitness for which another term is added. */
  leastGain: within(0, 1),
});

/** Everything that decides a forest search besides its tasks. */
export type ForestConfig = Readonly<z.infer<typeof forestConfig>>;

/** Chosen by measurement on held-out networks of NAS-Bench-201 (docs/results.md). */
export const FOREST_DEFAULTS: ForestConfig = {
  seed: 0,
  terms: 8,
  systematic: true,
  initial: 300,
  population: 64,
  generations: 1,
  parents: 48,
  tournament: 3,
  immigrants: 0.25,
  crossover: 0.3,
  initialHeight: 4,
  heightLimit: 6,
  shortlist: 1500,
  nodePenalty: 2e-4,
  leastGain: 1e-3,
};

/**
 * The defaults with some fields changed; fields that are undefined keep theirs.
 *
 * @throws EznasError INVALID_ARGUMENT naming the first field that is wrong, what it must be and what it is
 */
export function resolveForestConfig(
  changes: { readonly [Field in keyof ForestConfig]?: ForestConfig[Field] | undefined } = {},
): ForestConfig {
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  const result = forestConfig.safeParse({ ...FOREST_DEFAULTS, ...given });
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  if (issue.code === 'unrecognized_keys') {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `unknown option '${issue.keys[0]}' of a forest search; known are ${Object.keys(FOREST_DEFAULTS).join(', ')}`,
    );
  }
  const [field] = issue.path as [keyof ForestConfig];
  throw new EznasError(
    'INVALID_ARGUMENT',
    `option ${field} of a forest search ${issue.message}, got ${JSON.stringify(given[field]) ?? String(given[field])}`,
  );
}
