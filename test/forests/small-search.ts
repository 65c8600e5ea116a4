import type { ForestConfig } from '../../lib/forests/config.ts';

/** A search of seconds. */
export const SMALL_SEARCH: Partial<Omit<ForestConfig, 'seed'>> = {
  systematic: false,
  terms: 2,
  initial: 12,
  population: 6,
  generations: 1,
  initialHeight: 3,
  heightLimit: 4,
};
