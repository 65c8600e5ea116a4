import type { Random } from '../random.ts';

/**
 * A quantile of Kendall's τ-b of scores with fixed accuracies over bootstrap resamples of the networks. The resamples are drawn once, so that
 * formulas are compared on the same ones, and what one resample has in luck they all have.
 */
export class ResampledTau {
  /** Pairs i < j of networks whose accuracies differ, those of lower accuracy first. */
  readonly #lower: Uint32Array;
  readonly #higher: Uint32Array;
  /** For each resample, how often each such pair stands in it. */
  readonly #weights: readonly Float32Array[];
  readonly #signs: Int8Array;
  readonly #quantile: number;

  /** @param accuracies of at least two networks */
  constructor(
    accuracies: Float64Array,
    { resamples, quantile }: { readonly resamples: number; readonly quantile: number },
    random: Random,
  ) {
    const count = accuracies.length;
    const pairs: [number, number][] = [];
    for (let i = 0; i < count; i++) {
      for (let j = i + 1; j < count; j++) {
        if (accuracies[i] !== accuracies[j]) pairs.push(accuracies[i]! < accuracies[j]! ? [i, j] : [j, i]);
      }
    }
    this.#lower = Uint32Array.from(pairs, ([lower]) => lower);
    this.#higher = Uint32Array.from(pairs, ([, higher]) => higher);
    this.#signs = new Int8Array(pairs.length);
    this.#quantile = quantile;
    this.#weights = Array.from({ length: resamples }, () => {
      const drawn = new Uint32Array(count);
      for (let i = 0; i < count; i++) drawn[random.integer(count)]!++;
      return Float32Array.from(pairs, ([lower, higher]) => drawn[lower]! * drawn[higher]!);
    });
  }

  /** The quantile of τ-b over the resamples, 0 standing for a resample in which it is not defined. Scores must not be NaN. */
  quantile(scores: Float64Array): number {
    const signs = this.#signs;
    let ties = 0;
    for (let pair = 0; pair < signs.length; pair++) {
      const difference = scores[this.#higher[pair]!]! - scores[this.#lower[pair]!]!;
      const sign = difference > 0 ? 1 : difference < 0 ? -1 : 0;
      if (sign === 0) ties += 1;
      signs[pair] = sign;
    }
    const taus = this.#weights.map((weights) => {
      let concordant = 0;
      let all = 0;
      let untied = 0;
      for (let pair = 0; pair < signs.length; pair++) {
        const weight = weights[pair]!;
        concordant += weight * signs[pair]!;
        all += weight;
        if (ties > 0 && signs[pair] !== 0) untied += weight;
      }
      // Pairs of equal accuracy are left out of both counts: equal accuracies are rare, and the same for every formula.
      const pairs = ties > 0 ? untied : all;
      return pairs === 0 ? 0 : concordant / Math.sqrt(pairs * all);
    });
    taus.sort((a, b) => a - b);
    return taus[Math.floor(this.#quantile * (taus.length - 1))]!;
  }
}
