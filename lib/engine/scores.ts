import { type NativeScores, SCORE_STATUS } from '../addon.ts';

/** ok; nonfinite: some unit's score is NaN or ±Inf; invalid: an operator rejects the shapes of some unit. */
export type ScoreStatus = (typeof SCORE_STATUS)[number];

/** Scores of programs (rows) on networks (columns). */
export class ScoreMatrix {
  readonly #native: NativeScores;

  constructor(native: NativeScores) {
    this.#native = native;
  }

  get programs(): number {
    return this.#native.programs;
  }

  get networks(): number {
    return this.#native.networks;
  }

  /** One program's scores on all networks; NaN where the status is not ok. A view, not a copy. */
  row(program: number): Float64Array {
    const { networks, scores } = this.#native;
    return scores.subarray(program * networks, (program + 1) * networks);
  }

  score(program: number, network: number): number {
    return this.#native.scores[program * this.#native.networks + network]!;
  }

  status(program: number, network: number): ScoreStatus {
    return SCORE_STATUS[this.#native.status[program * this.#native.networks + network]!]!;
  }

  /** Whether the program has a finite score on every network. */
  isValid(program: number): boolean {
    const { networks, status } = this.#native;
    return status.subarray(program * networks, (program + 1) * networks).every((code) => code === 0);
  }

  /** One program's value on each unit of a network (only when unit scores were asked for). */
  unitScores(program: number, network: number): Float64Array | undefined {
    const { unitOffsets, unitScores } = this.#native;
    if (unitOffsets === undefined || unitScores === undefined) return undefined;
    const units = unitOffsets[this.networks]!;
    return unitScores.subarray(program * units + unitOffsets[network]!, program * units + unitOffsets[network + 1]!);
  }
}
