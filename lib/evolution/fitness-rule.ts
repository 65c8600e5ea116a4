import { kendallTauB } from '../correlation/kendall.ts';
import { Random } from '../random.ts';
import type { SearchConfig } from './config.ts';
import { combineTaus, type Fitness, INVALID_FITNESS } from './fitness.ts';
import { ResampledTau } from './resampled-tau.ts';
import type { FitnessTask } from './task.ts';

/** What a formula does on one task. */
export interface TaskResult {
  /** τ-b; null where the formula is invalid. */
  readonly tau: number | null;
  /** Of each network. */
  readonly scores: Float64Array;
}

/** How results on tasks become a fitness. */
export interface FitnessRule {
  /** Whether it reads scores; otherwise τ alone. */
  readonly readsScores: boolean;
  /** @param results on the tasks in order, those not tried left out at the end; at least one */
  of(results: readonly TaskResult[], tasks: readonly FitnessTask[]): Fitness;
}

type Settings = Pick<SearchConfig, 'seed' | 'sign' | 'fitness' | 'resamples' | 'quantile'>;

const DEFAULT_RESAMPLES = 48;
const DEFAULT_QUANTILE = 0.25;

/** The rule that a configuration asks for, see SearchConfig.fitness. */
export function fitnessRule(settings: Settings): FitnessRule {
  const { sign, fitness = 'minimum' } = settings;
  switch (fitness) {
    case 'minimum':
      return {
        readsScores: false,
        of: (results) =>
          combineTaus(
            results.map(({ tau }) => tau),
            sign,
          ),
      };
    case 'mean':
      return { readsScores: false, of: (results) => meanTau(results, sign) };
    case 'pooled':
    case 'resampled':
      return new PooledRule(settings, fitness === 'resampled');
  }
}

function meanTau(results: readonly TaskResult[], sign: SearchConfig['sign']): Fitness {
  const taus = results.map(({ tau }) => tau);
  if (taus.includes(null)) return { fitness: INVALID_FITNESS, sign: 1 };
  const known = taus as number[];
  const sum = known.reduce((total, tau) => total + tau, 0);
  const magnitudes = sign === 'per-task' ? known.reduce((total, tau) => total + Math.abs(tau), 0) : Math.abs(sum);
  return { fitness: magnitudes / known.length, sign: sum < 0 ? -1 : 1 };
}

/** τ over the networks of all tasks of a pool together, or a lower quantile of it over bootstrap resamples that are the same for all formulas. */
class PooledRule implements FitnessRule {
  readonly readsScores = true;
  readonly #settings: Settings;
  readonly #resampled: boolean;
  readonly #resamples = new Map<string, ResampledTau>();

  constructor(settings: Settings, resampled: boolean) {
    this.#settings = settings;
    this.#resampled = resampled;
  }

  of(results: readonly TaskResult[], tasks: readonly FitnessTask[]): Fitness {
    if (results.some(({ tau }) => tau === null)) return { fitness: INVALID_FITNESS, sign: 1 };
    const pools = [...byPool(results, tasks)].map(([pool, tried]) => {
      // Whatever the order in which a generation drew its tasks.
      tried.sort((a, b) => (a.task.name < b.task.name ? -1 : 1));
      return {
        key: `${pool}: ${tried.map(({ task }) => task.name).join()}`,
        scores: joined(tried.map(({ result }) => result.scores)),
        accuracies: joined(tried.map(({ task }) => task.accuracies)),
      };
    });
    const taus = pools.map(({ scores, accuracies }) => {
      const tau = kendallTauB(scores, accuracies);
      return Number.isNaN(tau) ? 0 : tau;
    });
    const plain = combineTaus(taus, this.#settings.sign);
    if (!this.#resampled) return plain;
    const bounds = pools.map(({ key, scores, accuracies }, at) => {
      const sign = this.#settings.sign === 'per-task' && taus[at]! < 0 ? -1 : plain.sign;
      return this.#resamplesOf(key, accuracies).quantile(sign === 1 ? scores : scores.map((score) => -score));
    });
    return { fitness: Math.min(...bounds), sign: plain.sign };
  }

  #resamplesOf(key: string, accuracies: Float64Array): ResampledTau {
    let found = this.#resamples.get(key);
    if (found === undefined) {
      const { seed, resamples = DEFAULT_RESAMPLES, quantile = DEFAULT_QUANTILE } = this.#settings;
      found = new ResampledTau(accuracies, { resamples, quantile }, new Random(seed).fork(`resamples of ${key}`));
      this.#resamples.set(key, found);
    }
    return found;
  }
}

function byPool(results: readonly TaskResult[], tasks: readonly FitnessTask[]) {
  const pools = new Map<string, { result: TaskResult; task: FitnessTask }[]>();
  for (const [at, result] of results.entries()) {
    const task = tasks[at]!;
    const pool = task.pool ?? task.name;
    pools.set(pool, [...(pools.get(pool) ?? []), { result, task }]);
  }
  return pools;
}

function joined(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
