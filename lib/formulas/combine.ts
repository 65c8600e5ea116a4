import { EznasError } from '../errors.ts';
import type { Combiner } from './tree.ts';

/**
 * What stands for the other networks when a forest scores a few: of each term, its values on a reference sample of networks, ascending, or
 * as many quantiles of them. All terms have equally many, at least 2; none is NaN.
 */
export type Reference = readonly (readonly number[])[];

/**
 * Scores of networks from the values of a forest's terms, one array per term. NaN for a network on which a term is NaN; such networks do not count
 * for the others either.
 *
 * Without a reference, networks are compared with each other: ranks are shares (the least of n has 1/n, the greatest 1, equal ones the mean
 * of theirs), z-scores use the mean and biased deviation of all. With one, each is compared with the reference, as if it joined that sample alone.
 *
 * @throws EznasError INVALID_ARGUMENT for a reference that does not fit the terms
 */
export function combineTerms(combiner: Combiner, terms: readonly Float64Array[], reference?: Reference): Float64Array {
  if (reference) requireReference(reference, terms.length);
  const networks = terms[0]?.length ?? 0;
  const known = Array.from({ length: networks }, (_, at) => at).filter((at) =>
    terms.every((row) => !Number.isNaN(row[at])),
  );
  const scores = new Float64Array(networks).fill(Number.NaN);
  for (const at of known) scores[at] = 0;
  for (const [term, row] of terms.entries()) {
    const values = Float64Array.from(known, (at) => row[at]!);
    const given = reference && Float64Array.from(reference[term]!);
    const parts = PARTS[combiner](values, given);
    for (const [place, at] of known.entries()) scores[at]! += parts[place]!;
  }
  return scores;
}

/**
 * A reference from the values of terms on a sample of networks: of each the same number of quantiles, ascending, from the least to the greatest;
 * at most `count`, and no more than the term with the fewest numbers has. What is not finite is left out.
 */
export function quantilesOf(terms: readonly Float64Array[], count: number): number[][] {
  const sorted = terms.map((values) => values.filter(Number.isFinite).sort());
  const kept = Math.min(count, ...sorted.map(({ length }) => length));
  return sorted.map((values) =>
    Array.from(
      { length: kept },
      (_, i) => values[kept === 1 ? 0 : Math.round((i / (kept - 1)) * (values.length - 1))]!,
    ),
  );
}

/** What each value of a term adds to the score of its network. */
const PARTS: Readonly<Record<Combiner, (values: Float64Array, reference: Float64Array | undefined) => Float64Array>> = {
  rank_sum: (values, reference) => shares(values, reference).map(Math.log),
  share_sum: shares,
  z_sum: zScores,
};

/** Ranks as shares. */
function shares(values: Float64Array, reference: Float64Array | undefined): Float64Array {
  const among = (reference ?? values).slice().sort();
  // Among the reference, a network is one more.
  const own = reference ? 1 : 0;
  return values.map((value) => {
    const less = lowerBound(among, value);
    const equal = upperBound(among, value) - less + own;
    return (less + (equal + 1) / 2) / (among.length + own);
  });
}

function zScores(values: Float64Array, reference: Float64Array | undefined): Float64Array {
  // An infinity has no distance from a mean: it takes the place of the nearest finite value.
  const finite = (reference ?? values).filter(Number.isFinite);
  const low = finite.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const high = finite.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const clamped = (reference ?? values).map((value) => Math.min(high, Math.max(low, value)));
  const mean = clamped.reduce((sum, value) => sum + value, 0) / clamped.length;
  const deviation = Math.sqrt(clamped.reduce((sum, value) => sum + (value - mean) ** 2, 0) / clamped.length);
  return values.map((value) => {
    const z = ((Number.isFinite(value) ? value : Math.min(high, Math.max(low, value))) - mean) / deviation;
    return Number.isNaN(z) ? 0 : z;
  });
}

function lowerBound(sorted: Float64Array, value: number): number {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (sorted[middle]! < value) from = middle + 1;
    else to = middle;
  }
  return from;
}

function upperBound(sorted: Float64Array, value: number): number {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (sorted[middle]! <= value) from = middle + 1;
    else to = middle;
  }
  return from;
}

function requireReference(reference: Reference, terms: number): void {
  const length = reference[0]?.length ?? 0;
  const fits =
    reference.length === terms &&
    reference.every((row) => row.length === length && length >= 2 && row.every((value) => !Number.isNaN(value)));
  if (!fits) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `a reference must hold ${terms} rows, one for each term, of equally many numbers, at least 2`,
    );
  }
}
