import { EznasError } from '../errors.ts';
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

/** Named configurations. `default` is the paper's size with one sign for all tasks and new programs of evenly spread heights. */
export const PRESETS = {
  default: { ...PAPER, heightDraw: 'uniform', sign: 'shared' },
  paper: PAPER,
} as const satisfies Record<string, SearchConfig>;

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
