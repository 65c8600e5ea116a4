import { ascending, type PairedSample, pairedSample } from './paired.ts';

/**
 * Average ranks: 1 for the smallest value, ties share the mean of the places they take. NaN values rank NaN, and are not counted.
 */
export function ranks(values: ArrayLike<number>): Float64Array {
  const order = ascending(values);
  const result = new Float64Array(values.length).fill(Number.NaN);
  for (let start = 0; start < order.length; ) {
    const value = values[order[start]!]!;
    if (Number.isNaN(value)) break;
    let end = start;
    while (end < order.length && values[order[end]!] === value) end++;
    for (let place = start; place < end; place++) result[order[place]!] = (start + 1 + end) / 2;
    start = end;
  }
  return result;
}

/**
 * Spearman's ρ: Pearson's r of the average ranks.
 *
 * NaN when any value is NaN, with fewer than two points, and when x or y is constant. ±Infinity are values like any other.
 *
 * @throws EznasError INVALID_ARGUMENT when the lengths differ
 */
export function spearmanRho(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const sample = pairedSample(x, y);
  return weightedSpearmanRho(sample, new Int32Array(sample.points).fill(1));
}

/**
 * Pearson's r.
 *
 * NaN when any value is NaN or infinite, with fewer than two points, and when x or y is constant.
 *
 * @throws EznasError INVALID_ARGUMENT when the lengths differ
 */
export function pearsonR(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const sample = pairedSample(x, y);
  return weightedPearsonR(sample, new Int32Array(sample.points).fill(1));
}

/** ρ of the sample in which point i, in the sample's order, stands `weights[i]` times. O(n). */
export function weightedSpearmanRho(sample: PairedSample, weights: Int32Array): number {
  if (sample.hasNaN) return Number.NaN;
  const x = weightedRanks(sample.xRank, sample.xLevels, weights);
  const y = weightedRanks(sample.yRank, sample.yLevels, weights);
  return weightedMoment(x, y, weights);
}

/** r of the sample in which point i, in the sample's order, stands `weights[i]` times. O(n). */
export function weightedPearsonR(sample: PairedSample, weights: Int32Array): number {
  return sample.finite ? weightedMoment(sample.x, sample.y, weights) : Number.NaN;
}

/** Average rank of every point, by the weights of the levels below it and its own. */
function weightedRanks(rank: Int32Array, levels: number, weights: Int32Array): Float64Array {
  const counts = new Float64Array(levels);
  for (let point = 0; point < rank.length; point++) counts[rank[point]!]! += weights[point]!;
  let below = 0;
  for (let level = 0; level < levels; level++) {
    const count = counts[level]!;
    counts[level] = below + (count + 1) / 2;
    below += count;
  }
  const averages = new Float64Array(rank.length);
  for (let point = 0; point < rank.length; point++) averages[point] = counts[rank[point]!]!;
  return averages;
}

function weightedMoment(x: Float64Array, y: Float64Array, weights: Int32Array): number {
  if (isConstant(x, weights) || isConstant(y, weights)) return Number.NaN;
  let total = 0;
  let meanX = 0;
  let meanY = 0;
  for (let point = 0; point < weights.length; point++) {
    const weight = weights[point]!;
    total += weight;
    meanX += weight * x[point]!;
    meanY += weight * y[point]!;
  }
  meanX /= total;
  meanY /= total;
  let xx = 0;
  let yy = 0;
  let xy = 0;
  for (let point = 0; point < weights.length; point++) {
    const weight = weights[point]!;
    const dx = x[point]! - meanX;
    const dy = y[point]! - meanY;
    xx += weight * dx * dx;
    yy += weight * dy * dy;
    xy += weight * dx * dy;
  }
  return Math.min(1, Math.max(-1, xy / Math.sqrt(xx * yy)));
}

/** Whether the points of positive weight all have one value; exact, where a variance may round to other than 0. */
function isConstant(values: Float64Array, weights: Int32Array): boolean {
  const first = weights.findIndex((weight) => weight > 0);
  return first < 0 || values.every((value, point) => weights[point] === 0 || value === values[first]);
}
