import { type PairedSample, pairedSample } from './paired.ts';

/**
 * Kendall's τ with exchanges weighted by rank (Vigna, A weighted correlation index for rankings with ties, WWW 2015): a pair weighs
 * 1/r + 1/s, r and s its points' ranks from the top, so that an exchange among the best costs most. Mean of the values with ranks by x and by y,
 * ties broken by the other: SciPy's `weightedtau` with its defaults. O(n log n).
 *
 * NaN when any value is NaN, with fewer than two points, and when x or y is constant.
 *
 * @throws EznasError INVALID_ARGUMENT when the lengths differ
 */
export function weightedTau(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const sample = pairedSample(x, y);
  return weightedTauOf(sample)(new Int32Array(sample.points).fill(1));
}

/** τ of the sample in which point i, in the sample's order, stands so many times; copies of a point are tied. */
export function weightedTauOf(sample: PairedSample): (copies: Int32Array) => number {
  const { points, xRank, yRank, hasNaN } = sample;
  if (hasNaN) return () => Number.NaN;
  const descending = (first: Int32Array, second: Int32Array) =>
    Uint32Array.from({ length: points }, (_, point) => point).sort(
      (a, b) => first[b]! - first[a]! || second[b]! - second[a]!,
    );
  const orders = [descending(xRank, yRank), descending(yRank, xRank)];
  const weights = new Float64Array(points);
  return (copies) => {
    let total = 0;
    for (const order of orders) {
      let rank = 0;
      for (const point of order) {
        let weight = 0;
        for (let copy = 0; copy < copies[point]!; copy++) weight += 1 / ++rank;
        weights[point] = weight;
      }
      total += tauWith(sample, copies, weights);
    }
    return total / orders.length;
  };
}

/** τ where a pair of points weighs the sum of their weights; `weights[i]` is the sum over the copies of point i. */
function tauWith(sample: PairedSample, copies: Int32Array, weights: Float64Array): number {
  const { points, xRank, yRank, yLevels } = sample;
  // Fenwick trees over the ranks of y: copies and weights of the points so far.
  const countTree = new Float64Array(yLevels + 1);
  const weightTree = new Float64Array(yLevels + 1);
  const countAt = new Float64Array(yLevels);
  const weightAt = new Float64Array(yLevels);
  let [count, weight, difference, tiedX] = [0, 0, 0, 0];
  for (let start = 0; start < points; ) {
    let end = start;
    let [groupCount, groupWeight] = [0, 0];
    for (; end < points && xRank[end] === xRank[start]; end++) {
      const copy = copies[end]!;
      if (copy === 0) continue;
      const rank = yRank[end]!;
      let [countUpTo, weightUpTo] = [0, 0];
      for (let node = rank + 1; node > 0; node &= node - 1) {
        countUpTo += countTree[node]!;
        weightUpTo += weightTree[node]!;
      }
      const countLead = countUpTo - countAt[rank]! - (count - countUpTo);
      const weightLead = weightUpTo - weightAt[rank]! - (weight - weightUpTo);
      difference += copy * weightLead + weights[end]! * countLead;
      groupCount += copy;
      groupWeight += weights[end]!;
    }
    for (let point = start; point < end; point++) {
      if (copies[point] === 0) continue;
      const rank = yRank[point]!;
      countAt[rank]! += copies[point]!;
      weightAt[rank]! += weights[point]!;
      for (let node = rank + 1; node <= yLevels; node += node & -node) {
        countTree[node]! += copies[point]!;
        weightTree[node]! += weights[point]!;
      }
    }
    tiedX += groupWeight * (groupCount - 1);
    count += groupCount;
    weight += groupWeight;
    start = end;
  }
  const tiedY = weightAt.reduce((sum, at, rank) => sum + at * Math.max(0, countAt[rank]! - 1), 0);
  const all = weight * (count - 1);
  // Ties of everything leave a rounding error, not zero.
  const untied = (value: number) => (value <= 1e-12 * all ? 0 : value);
  const scale = untied(all - Math.max(0, tiedX)) * untied(all - tiedY);
  return scale === 0 || Number.isNaN(scale) ? Number.NaN : Math.min(1, Math.max(-1, difference / Math.sqrt(scale)));
}
