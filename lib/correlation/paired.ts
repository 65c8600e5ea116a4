import { EznasError } from '../errors.ts';

/**
 * A sample of pairs (x, y), prepared once so that any weighting of its points, such as a bootstrap resample, needs no sorting: points in
 * ascending order of x, with x and y as dense ranks (0 for the smallest value, equal values equal).
 */
export interface PairedSample {
  readonly points: number;
  /** The place of each point in the arrays given. */
  readonly order: Uint32Array;
  /** Values in the order of x, over their largest magnitude: this changes no correlation and keeps squares from overflow and underflow. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly xRank: Int32Array;
  readonly yRank: Int32Array;
  /** Number of distinct values. */
  readonly xLevels: number;
  readonly yLevels: number;
  readonly hasNaN: boolean;
  /** Whether all values are finite. */
  readonly finite: boolean;
}

/**
 * Prepares a paired sample.
 *
 * @throws EznasError INVALID_ARGUMENT when the lengths differ
 */
export function pairedSample(x: ArrayLike<number>, y: ArrayLike<number>): PairedSample {
  if (x.length !== y.length) {
    throw new EznasError('INVALID_ARGUMENT', `a correlation needs as many x as y, got ${x.length} and ${y.length}`);
  }
  const order = ascending(x);
  const xs = Float64Array.from(order, (index) => x[index]!);
  const ys = Float64Array.from(order, (index) => y[index]!);
  const xRanks = denseRanks(xs);
  const yRanks = denseRanks(ys);
  return {
    points: xs.length,
    order,
    x: scaled(xs),
    y: scaled(ys),
    xRank: xRanks.ranks,
    yRank: yRanks.ranks,
    xLevels: xRanks.levels,
    yLevels: yRanks.levels,
    hasNaN: xs.some(Number.isNaN) || ys.some(Number.isNaN),
    finite: xs.every(Number.isFinite) && ys.every(Number.isFinite),
  };
}

/** Indices that sort the values ascending; NaN last. */
export function ascending(values: ArrayLike<number>): Uint32Array {
  return Uint32Array.from({ length: values.length }, (_, index) => index).sort((a, b) => {
    const left = values[a]!;
    const right = values[b]!;
    if (left < right) return -1;
    if (left > right) return 1;
    return Number(Number.isNaN(left)) - Number(Number.isNaN(right));
  });
}

function scaled(values: Float64Array): Float64Array {
  const largest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  return largest === 0 ? values : values.map((value) => value / largest);
}

function denseRanks(values: Float64Array): { ranks: Int32Array; levels: number } {
  const order = ascending(values);
  const ranks = new Int32Array(values.length);
  let rank = -1;
  let previous: number | undefined;
  for (const index of order) {
    const value = values[index]!;
    if (value !== previous) rank++;
    ranks[index] = rank;
    previous = value;
  }
  return { ranks, levels: rank + 1 };
}
