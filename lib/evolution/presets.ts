import { EznasError } from '../errors.ts';
import { AGGREGATORS } from '../formulas/aggregators.ts';
import { parseSearchConfig, type SearchConfig } from './config.ts';

/**
 * The search of the paper (EZNAS, section 3 and appendix, with what only the released code tells): 15 generations of 50 programs, half of
 * them new, half by DEAP's varOr; 25 tournaments of 4; fitness the least |τ| over 4 tasks of 20 networks.
 */
const PAPER: SearchConfig = {
  seed: 0,
  population: 50,
  generations: 15,
  kept: 25,
  tournament: 4,
  immigrants: 0.5,
  crossover: 0.4,
  mutation: 0.4,
  initialHeights: [2, 6],
  mutationHeights: [0, 5],
  heightLimit: 10,
  heightDraw: 'conditional',
  tasksPerGeneration: 4,
  tasksPerPool: 4,
  networksPerTask: 20,
  sign: 'per-task',
};

/**
 * Past the paper: formulas of every operator and aggregator, of which the fittest survive; a hurdle; and a winner that is chosen on as many networks
 * again as the search ranks. Chosen by measurement (docs/results.md).
 */
const DEFAULT: SearchConfig = {
  ...PAPER,
  sign: 'shared',
  heightDraw: 'uniform',
  initialHeights: [1, 4],
  mutationHeights: [0, 3],
  heightLimit: 7,
  immigrants: 0.3,
  crossover: 0.3,
  mutation: 0.7,
  tournament: 3,
  population: 60,
  generations: 12,
  choiceTasks: 4,
  networksPerTask: 25,
  operators: 'all',
  aggregators: AGGREGATORS.map(({ name }) => name),
  aggregatorChoice: 'best',
  seeds: 'catalogue',
  initialTimes: 4,
  simplified: true,
  replacement: 'plus',
  survivors: 40,
  fitness: 'pooled',
  nodePenalty: 0.002,
  hurdleTasks: 1,
  hurdleShare: 0.4,
  sameBehaviour: true,
  finalists: 50,
};

/** Named configurations. */
export const PRESETS = { default: DEFAULT, paper: PAPER } as const satisfies Record<string, SearchConfig>;

export type PresetName = keyof typeof PRESETS;

/**
 * A preset with some fields changed; fields that are undefined keep the preset's value.
 *
 * @throws EznasError INVALID_ARGUMENT for an unknown preset, or a field that is wrong
 */
export function resolveConfig(
  preset: PresetName = 'default',
  changes: { readonly [Field in keyof SearchConfig]?: SearchConfig[Field] | undefined } = {},
): SearchConfig {
  if (!Object.hasOwn(PRESETS, preset)) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `unknown preset ${JSON.stringify(preset)}; known are ${Object.keys(PRESETS).join(', ')}`,
    );
  }
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  return parseSearchConfig({ ...PRESETS[preset], ...Object.fromEntries(given) });
}
