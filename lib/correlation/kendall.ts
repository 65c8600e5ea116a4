import { type PairedSample, pairedSample } from './paired.ts';

/**
 * Kendall's τ-b: concordant minus discordant pairs over the geometric mean of the pairs untied in x and the pairs untied in y
 * (Kendall, The treatment of ties in ranking problems, 1945). O(n log n).
 *
 * NaN when any value is NaN, with fewer than two points, and when x or y is constant. ±Infinity are values like any other.
 *
 * @throws EznasError INVALID_ARGUMENT when the lengths differ
 */
export function kendallTauB(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const sample = pairedSample(x, y);
  return weightedKendallTauB(sample, new Int32Array(sample.points).fill(1));
}

/**
 * τ-b of the sample in which point i, in the sample's order, stands `weights[i]` times.
 *
 * Points enter a Fenwick tree over the ranks of y in ascending order of x, those of equal x together after all of them have looked up how
 * many earlier points lie below and above: one pass counts concordant and discordant pairs, and ties in both take no part.
 */
export function weightedKendallTauB(sample: PairedSample, weights: Int32Array): number {
  if (sample.hasNaN) return Number.NaN;
  const { points, xRank, yRank, yLevels } = sample;
  const tree = new Int32Array(yLevels + 1);
  const yWeights = new Int32Array(yLevels);
  let total = 0;
  let tiedX = 0;
  let difference = 0;
  for (let start = 0; start < points; ) {
    let end = start;
    let group = 0;
    for (; end < points && xRank[end] === xRank[start]; end++) {
      const weight = weights[end]!;
      if (weight === 0) continue;
      const rank = yRank[end]!;
      let upTo = 0;
      for (let node = rank + 1; node > 0; node &= node - 1) upTo += tree[node]!;
      difference += weight * (upTo - yWeights[rank]! - (total - upTo));
      group += weight;
    }
    for (let point = start; point < end; point++) {
      const weight = weights[point]!;
      if (weight === 0) continue;
      const rank = yRank[point]!;
      yWeights[rank]! += weight;
      for (let node = rank + 1; node <= yLevels; node += node & -node) tree[node]! += weight;
    }
    tiedX += pairs(group);
    total += group;
    start = end;
  }
  let tiedY = 0;
  for (let rank = 0; rank < yLevels; rank++) tiedY += pairs(yWeights[rank]!);
  const untied = (pairs(total) - tiedX) * (pairs(total) - tiedY);
  // Rounding of the square root may carry the ratio past ±1.
  return untied === 0 ? Number.NaN : Math.min(1, Math.max(-1, difference / Math.sqrt(untied)));
}

function pairs(count: number): number {
  return (count * (count - 1)) / 2;
}
