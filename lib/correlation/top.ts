import type { PairedSample } from './paired.ts';

/**
 * The share of the best points by y that are among the best by x: the best ⌈share · n⌉ of each. Where ties straddle the border, each of them
 * belongs with equal probability, and the share is the expected one.
 *
 * @returns of the sample in which point i, in the sample's order, stands so many times; NaN without points or with a NaN
 */
export function topOverlapOf(sample: PairedSample, share: number): (copies: Int32Array) => number {
  const { points, xRank, xLevels, yRank, yLevels, hasNaN } = sample;
  return (copies) => {
    const count = copies.reduce((sum, copy) => sum + copy, 0);
    if (count === 0 || hasNaN) return Number.NaN;
    // A share such as 0.07 of 100 is a hair over 7.
    const best = Math.ceil(share * count - 1e-9);
    const byX = membership(xRank, xLevels, copies, best);
    const byY = membership(yRank, yLevels, copies, best);
    let common = 0;
    for (let point = 0; point < points; point++) {
      common += copies[point]! * byX[xRank[point]!]! * byY[yRank[point]!]!;
    }
    return common / best;
  };
}

/** By rank: the probability of being among the best so many. */
function membership(ranks: Int32Array, levels: number, copies: Int32Array, best: number): Float64Array {
  const counts = new Float64Array(levels);
  for (let point = 0; point < ranks.length; point++) counts[ranks[point]!]! += copies[point]!;
  let left = best;
  for (let level = levels - 1; level >= 0; level--) {
    const count = counts[level]!;
    const taken = Math.min(left, count);
    counts[level] = count === 0 ? 0 : taken / count;
    left -= taken;
  }
  return counts;
}

/**
 * y of the point of the highest x; the mean over those that share it.
 *
 * @param y the values of the sample as they were given
 */
export function bestOf(sample: PairedSample, y: ArrayLike<number>): (copies: Int32Array) => number {
  const { points, xRank, order, hasNaN } = sample;
  return (copies) => {
    let [count, sum, best] = [0, 0, -1];
    for (let point = points - 1; point >= 0; point--) {
      if (copies[point] === 0) continue;
      if (best >= 0 && xRank[point] !== best) break;
      best = xRank[point]!;
      count += copies[point]!;
      sum += copies[point]! * y[order[point]!]!;
    }
    return hasNaN ? Number.NaN : sum / count;
  };
}
