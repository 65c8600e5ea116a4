import type { Statistics } from '../../lib/engine/statistics.ts';

/**
 * The same network run on inputs and parameters moved by up to one float32 rounding (2⁻²³ of each element), a few times: what differs between
 * these runs by more than a tolerance, float32 does not decide to within about that difference. Parameters move too, since every layer of a
 * real run rounds, not the first alone. A gradient jumps where an activation within rounding of zero falls on the other side
 * of a ReLU, and of the millions of activations of a full-size network some do; with it jumps every score that reads the gradient.
 *
 * The runs are made when first asked for, and released with `using`.
 */
export class MovedRuns {
  readonly #run: (noise: number, seed: number) => Promise<Statistics>;
  #runs: Promise<Statistics[]> | undefined;

  constructor(run: (noise: number, seed: number) => Promise<Statistics>) {
    this.#run = run;
  }

  all(): Promise<Statistics[]> {
    this.#runs ??= Promise.all(Array.from({ length: 12 }, (_, at) => at + 1).map((seed) => this.#run(2 ** -23, seed)));
    return this.#runs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const statistics of (await this.#runs) ?? []) statistics.dispose();
  }
}
