/** The order of networks by known accuracies, and how far scores agree with it. */
export class KnownOrder {
  /** Pairs of networks whose accuracies differ, by the one of lower accuracy and the one of higher. */
  readonly #lower: Uint32Array;
  readonly #higher: Uint32Array;

  constructor(accuracies: Float64Array) {
    const pairs: [number, number][] = [];
    for (let i = 0; i < accuracies.length; i++) {
      for (let j = i + 1; j < accuracies.length; j++) {
        if (accuracies[i] !== accuracies[j]) pairs.push(accuracies[i]! < accuracies[j]! ? [i, j] : [j, i]);
      }
    }
    this.#lower = Uint32Array.from(pairs, ([lower]) => lower);
    this.#higher = Uint32Array.from(pairs, ([, higher]) => higher);
  }

  /** Share of concordant less discordant pairs among those of different accuracy: Kendall's τ where there are no ties; 0 without such pairs. */
  agreement(scores: Float64Array): number {
    let concordant = 0;
    const pairs = this.#lower.length;
    for (let pair = 0; pair < pairs; pair++) {
      const difference = scores[this.#higher[pair]!]! - scores[this.#lower[pair]!]!;
      concordant += difference > 0 ? 1 : difference < 0 ? -1 : 0;
    }
    return pairs === 0 ? 0 : concordant / pairs;
  }
}
