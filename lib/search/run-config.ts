import { z } from 'zod';
import { PRECISIONS } from '../engine/device.ts';
import { SEPARABLE_UNITS } from '../graph/units.ts';
import { parseRunConfig } from '../runs/config.ts';
import { parseSearchConfig, type SearchConfig } from './config.ts';

const most = z.number().min(0).optional();

const setting = z.strictObject({
  space: z.string(),
  benchmark: z.string().nullable(),
  dataset: z.string(),
  /** What openImages takes; a path is absolute. */
  images: z.string(),
  batch: z.int().min(1),
  /** How convolutions multiply on a GPU. */
  precision: z.enum(PRECISIONS).default('float32'),
  /** Which of two convolutions in a row a unit holds; null for the space's default. */
  separableUnit: z.enum(SEPARABLE_UNITS).nullable().default(null),
  /** Decides minibatch, noise and initial parameters. */
  seed: z.int().min(0),
  /** Metrics of the first objective and their weights. */
  metrics: z.array(z.string()).min(1),
  weights: z.array(z.number()).nullable(),
  /** Metrics of further objectives, of which less is better. */
  minimize: z.array(z.string()),
  limits: z.strictObject({ params: most, flops: most, latency: most }),
  /** Absolute path of a latency table; null without one. */
  latency: z.string().nullable(),
  /** Absolute path of a cache outside the run folder. */
  cache: z.string().nullable(),
  /** Networks in the result. */
  best: z.int().min(1),
  /** Networks to train at the end, and for how long. */
  train: z.strictObject({ networks: z.int().min(1), epochs: z.number() }).nullable(),
  repeats: z.int().min(1),
  /** Whether repeats share minibatch, noise and initial parameters; runs that do not say so do. */
  sameScores: z.boolean().default(true),
  beside: z.array(z.string()),
});

/** Everything that decides what a search run finds; a run folder keeps it. */
export interface SearchRunConfig extends Readonly<z.infer<typeof setting>> {
  readonly search: SearchConfig;
}

/**
 * The configuration in a run folder.
 *
 * @param folder for messages
 * @throws EznasError INVALID_RUN when it is none
 */
export function parseSearchRunConfig(value: Readonly<Record<string, unknown>>, folder: string): SearchRunConfig {
  return parseRunConfig(value, setting, parseSearchConfig, folder);
}
