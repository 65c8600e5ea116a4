import { z } from 'zod';
import { PRECISIONS } from '../engine/device.ts';
import { parseSearchConfig, type SearchConfig } from '../evolution/config.ts';
import { SEPARABLE_UNITS } from '../graph/units.ts';
import { parseRunConfig } from '../runs/config.ts';

const setting = z.strictObject({
  /** What the search learns from, and what its result is judged on besides: benchmarks with their datasets, as taskName prints them. */
  tasks: z.array(z.string()).min(1),
  judgedTasks: z.array(z.string()),
  /** What openImages takes; a path is absolute. */
  images: z.string(),
  /** Images in the minibatch of the search, and of the final judgement. */
  batch: z.int().min(1),
  judgeBatch: z.int().min(1),
  /** How convolutions multiply on a GPU. */
  precision: z.enum(PRECISIONS).default('float32'),
  /** Which of two convolutions in a row a unit holds, where networks have such; null for the default. */
  separableUnit: z.enum(SEPARABLE_UNITS).nullable().default(null),
  /** Networks of the final judgement on each task; null where the number follows from that of tasks. */
  heldOut: z.int().min(2).nullable(),
});

/** Everything that decides what a run finds; a run folder keeps it. */
export interface DiscoveryConfig extends Readonly<z.infer<typeof setting>> {
  readonly search: SearchConfig;
}

/**
 * The configuration in a run folder.
 *
 * @param folder for messages
 * @throws EznasError INVALID_RUN when it is none
 */
export function parseDiscoveryConfig(value: Readonly<Record<string, unknown>>, folder: string): DiscoveryConfig {
  return parseRunConfig(value, setting, parseSearchConfig, folder);
}
