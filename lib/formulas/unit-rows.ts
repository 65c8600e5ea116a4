import { EznasError } from '../errors.ts';
import type { Evaluated } from '../programs/encode.ts';
import type { Program } from '../programs/tree.ts';
import { DistinctPrograms } from './distinct-programs.ts';
import type { UnitValues } from './evaluate.ts';
import { type Formula, matrixNumbers, subterms, type Term, termsOf } from './tree.ts';

/** The largest matrix over samples, in rows: each of its elements is a program of its own to the native side. */
export const MAX_SAMPLES = 128;

/** A matrix of scores that kept every program's value on every unit (see ScoreMatrix). */
interface UnitScores {
  unitScores(row: number, network: number): Float64Array | undefined;
}

/** What must run on units for formulas: the mean of every program that they aggregate, and every element of their matrices, each once. */
export class UnitRows {
  /** In the order of rows of the scores. */
  readonly evaluated: readonly Evaluated[];
  readonly #aggregated = new DistinctPrograms();
  /** Their elements follow, matrix by matrix. */
  readonly #matrices = new DistinctPrograms();
  readonly #elements: number;

  /**
   * @param batch samples, the rows and columns of matrices
   * @throws EznasError TOO_LARGE for matrices over more than {@link MAX_SAMPLES}
   */
  constructor(formulas: readonly Formula[], batch: number) {
    for (const one of formulas.flatMap(termsOf).flatMap(subterms)) {
      if (one.kind === 'aggregate') this.#aggregated.add(one.program);
    }
    const matrices = formulas.flatMap(matrixNumbers);
    if (matrices.length > 0 && batch > MAX_SAMPLES) {
      throw new EznasError(
        'TOO_LARGE',
        `a formula with a matrix over the samples takes at most ${MAX_SAMPLES} of them, got ${batch}`,
      );
    }
    this.#elements = batch * batch;
    for (const { program } of matrices) this.#matrices.add(program);
    this.evaluated = [
      ...this.#aggregated.programs,
      ...this.#matrices.programs.flatMap((program) =>
        Array.from({ length: this.#elements }, (_, element) => ({ program, element })),
      ),
    ];
  }

  /** The row of a program's mean. */
  rowOf(program: Program): number {
    return this.#aggregated.placeOf(program);
  }

  /** Rows that a term reads. */
  rowsOf(term: Term): number[] {
    return subterms(term).flatMap((one) => {
      if (one.kind === 'matrix') return [this.#firstElement(one.program)];
      return one.kind === 'aggregate' ? [this.rowOf(one.program)] : [];
    });
  }

  /** Values on one network. */
  values(scores: UnitScores | undefined, network: number): UnitValues {
    const row = (index: number) => scores!.unitScores(index, network)!;
    return {
      means: (program) => row(this.rowOf(program)),
      elements: (program) => {
        const first = this.#firstElement(program);
        return Array.from({ length: this.#elements }, (_, element) => row(first + element));
      },
    };
  }

  /** The row of a matrix's first element. */
  #firstElement(program: Program): number {
    return this.#aggregated.programs.length + this.#matrices.placeOf(program) * this.#elements;
  }
}
