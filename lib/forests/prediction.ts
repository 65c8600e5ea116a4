import { ranks } from '../correlation/moments.ts';
import { EznasError } from '../errors.ts';

/** Width of the kernel in median distances: wide, so that the prediction is close to linear where few networks are near. */
const WIDTH = 10;

/** Strengths of the ridge tried; the kernel of a network with itself is 1. */
const RIDGES = Array.from({ length: 17 }, (_, i) => 10 ** (-4 + i / 4));

/**
 * Accuracies of networks, of which only the first are known, by kernel ridge regression: the more alike many features of two networks are, the closer
 * are their accuracies. Distances are mean squared differences of the features, the kernel is exp(−distance / 10 median distances), and the ridge is
 * the one of least leave-one-out error. Of thousands of features none is chosen, so there is little to overfit.
 *
 * Of accuracies and features alike, only the order counts: they enter as standardized ranks, features also as logarithms of these and of their odds,
 * which tell the worst networks, and both ends, better apart. Results are on the scale of the accuracies' ranks.
 *
 * @param features each a number for every network, not NaN
 * @param accuracies of the first networks, at least two
 * @throws EznasError INVALID_ARGUMENT without features
 */
export function predictAccuracies(features: readonly Float64Array[], accuracies: Float64Array): Float64Array {
  const networks = features[0]?.length ?? 0;
  if (networks === 0)
    throw new EznasError('INVALID_ARGUMENT', 'no program that was met ranks the networks of all tasks');
  const kernel = similarities(features.flatMap(views), networks);
  const known = accuracies.length;
  const target = standardized(ranks(accuracies));
  const fits = RIDGES.map((ridge) => regress(kernel, target, ridge));
  const best = fits.reduce((least, one) => (one.error < least.error ? one : least));
  return Float64Array.from({ length: networks }, (_, network) => {
    let sum = 0;
    for (let i = 0; i < known; i++) sum += kernel[network]![i]! * best.weights[i]!;
    return sum;
  });
}

/** A feature as its ranks, their logarithms and the logarithms of their odds. */
function views(feature: Float64Array): Float64Array[] {
  const rank = ranks(feature);
  const odds = rank.map((value) => Math.log(value / (rank.length + 1 - value)));
  return [rank, rank.map(Math.log), odds].map(standardized);
}

/** Values less their mean, in standard deviations; zeros where all are equal. */
function standardized(values: Float64Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) || 1;
  return values.map((value) => (value - mean) / deviation);
}

/** Gaussian kernel of networks, by the mean squared difference of their features. */
function similarities(features: readonly Float64Array[], networks: number): Float64Array[] {
  const distances = Array.from({ length: networks }, () => new Float64Array(networks));
  for (const feature of features) {
    for (let i = 0; i < networks; i++) {
      const row = distances[i]!;
      const own = feature[i]!;
      for (let j = 0; j < i; j++) row[j]! += (own - feature[j]!) ** 2;
    }
  }
  const all = Float64Array.from(distances.flatMap((row, i) => [...row.subarray(0, i)])).sort();
  const median = all[all.length >> 1] || 1;
  for (let i = 0; i < networks; i++) {
    for (let j = 0; j < i; j++) {
      const value = Math.exp(-distances[i]![j]! / (WIDTH * median));
      distances[i]![j] = value;
      distances[j]![i] = value;
    }
    distances[i]![i] = 1;
  }
  return distances;
}

/** Weights of the known networks, and the sum of squared leave-one-out errors. */
function regress(
  kernel: readonly Float64Array[],
  target: Float64Array,
  ridge: number,
): { weights: Float64Array; error: number } {
  const inverse = invert(kernel, target.length, ridge);
  const weights = Float64Array.from(inverse, (row) => row.reduce((sum, value, j) => sum + value * target[j]!, 0));
  // What is left of a network when the others predict it (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, equation 5.12).
  const error = weights.reduce((sum, weight, i) => sum + (weight / inverse[i]![i]!) ** 2, 0);
  return { weights, error };
}

/** Inverse of the leading block of a positive definite matrix with a ridge, by Gauss–Jordan elimination, which needs no pivots there. */
function invert(matrix: readonly Float64Array[], size: number, ridge: number): Float64Array[] {
  const rows = Array.from({ length: size }, (_, i) => {
    const row = matrix[i]!.slice(0, size);
    row[i]! += ridge;
    return row;
  });
  for (let k = 0; k < size; k++) {
    const pivotRow = rows[k]!;
    const pivot = pivotRow[k]!;
    pivotRow[k] = 1;
    for (let j = 0; j < size; j++) pivotRow[j]! /= pivot;
    for (let i = 0; i < size; i++) {
      if (i === k) continue;
      const row = rows[i]!;
      const factor = row[k]!;
      row[k] = 0;
      for (let j = 0; j < size; j++) row[j]! -= factor * pivotRow[j]!;
    }
  }
  return rows;
}
