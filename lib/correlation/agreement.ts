import { EznasError } from '../errors.ts';
import { Random } from '../random.ts';
import { type BootstrapOptions, type Estimate, quantile, resolveBootstrap } from './bootstrap.ts';
import { weightedKendallTauB } from './kendall.ts';
import { weightedPearsonR, weightedSpearmanRho } from './moments.ts';
import { type PairedSample, pairedSample } from './paired.ts';
import { bestOf, topOverlapOf } from './top.ts';
import { weightedTauOf } from './weighted-tau.ts';

/** An estimate from several series of scores. */
export interface SeriesEstimate extends Estimate {
  /** Standard deviation between the series (n − 1); NaN of one. */
  readonly spread: number;
  /** The value of each series; `value` is their mean. */
  readonly each: readonly number[];
}

const STATISTICS = {
  kendallTau: (sample) => (copies) => weightedKendallTauB(sample, copies),
  spearmanRho: (sample) => (copies) => weightedSpearmanRho(sample, copies),
  pearsonR: (sample) => (copies) => weightedPearsonR(sample, copies),
  weightedTau: (sample) => weightedTauOf(sample),
  top10: (sample) => topOverlapOf(sample, 0.1),
  top1: (sample) => topOverlapOf(sample, 0.01),
  bestAccuracy: (sample, y) => bestOf(sample, y),
} satisfies Record<string, (sample: PairedSample, y: ArrayLike<number>) => (copies: Int32Array) => number>;

export type AgreementName = keyof typeof STATISTICS;

/** What tells how scores agree with accuracies: rank and linear correlation, and how well the best are found. */
export const AGREEMENTS = Object.keys(STATISTICS) as readonly AgreementName[];

/** By name: τ-b, ρ, r, weighted τ, overlap of the best 10 % and 1 %, and the accuracy at the highest score. */
export type Agreement = Readonly<Record<AgreementName, SeriesEstimate>>;

/**
 * How series of scores agree with accuracies: of every statistic the mean over the series, with its percentile bootstrap interval over points (all
 * series see the same resamples, so the interval is that of the mean), and the spread between series.
 *
 * O(series × resamples × n log n). A statistic that some series lacks is NaN.
 *
 * @param series one score per accuracy each
 * @throws EznasError INVALID_ARGUMENT when lengths differ, an option is out of range or there is no series
 */
export function agreement(
  series: readonly ArrayLike<number>[],
  accuracies: ArrayLike<number>,
  options: BootstrapOptions = {},
): Agreement {
  const { level, resamples, seed } = resolveBootstrap(options);
  if (series.length === 0)
    throw new EznasError('INVALID_ARGUMENT', 'there are no scores; one series is needed at least');
  const samples = series.map((scores) => pairedSample(scores, accuracies));
  const points = accuracies.length;
  const evaluators = AGREEMENTS.map((name) => samples.map((sample) => STATISTICS[name](sample, accuracies)));
  const ones = new Int32Array(points).fill(1);
  const values = evaluators.map((list) => list.map((evaluate) => evaluate(ones)));
  const defined = AGREEMENTS.map((_, at) => values[at]!.every((value) => !Number.isNaN(value)));

  const random = new Random(seed);
  const drawn = new Int32Array(points);
  const copies = samples.map(() => new Int32Array(points));
  const resampled = AGREEMENTS.map(() => new Float64Array(resamples));
  for (let round = 0; defined.includes(true) && round < resamples; round++) {
    drawn.fill(0);
    for (let draw = 0; draw < points; draw++) drawn[random.integer(points)]!++;
    for (const [at, { order }] of samples.entries()) {
      for (let point = 0; point < points; point++) copies[at]![point] = drawn[order[point]!]!;
    }
    for (const [at, list] of evaluators.entries()) {
      if (defined[at]) resampled[at]![round] = mean(list.map((evaluate, which) => evaluate(copies[which]!)));
    }
  }
  const tail = (1 - level) / 2;
  const estimate = (at: number): SeriesEstimate => {
    const found = (defined[at] ? resampled[at]! : new Float64Array(0)).filter((value) => !Number.isNaN(value)).sort();
    const each = values[at]!;
    return {
      value: mean(each),
      low: quantile(found, tail),
      high: quantile(found, 1 - tail),
      spread: deviation(each),
      each,
    };
  };
  return Object.fromEntries(AGREEMENTS.map((name, at) => [name, estimate(at)])) as Record<
    AgreementName,
    SeriesEstimate
  >;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}
