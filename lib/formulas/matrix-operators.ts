import { logAbsDeterminant, rowSpectrum } from './matrices.ts';

/** An operator from a square matrix of a network to a number, in float64. */
export interface MatrixOperator {
  readonly name: string;
  /** Of the n² elements, row by row, all of them finite. */
  readonly of: (matrix: Float64Array, size: number) => number;
}

/** Those of the operators of unit programs that make a number of a matrix as a whole, and mean the same there. */
const TABLE = [
  {
    name: 'logdet',
    of: (matrix, size) => {
      const { sign, logarithm } = logAbsDeterminant(matrix, size);
      return sign < 0 ? 0 : logarithm;
    },
  },
  {
    name: 'logabsdet',
    of: (matrix, size) => {
      const shifted = matrix.map((value, at) => value + (at % (size + 1) === 0 ? 1e-6 : 0));
      return logAbsDeterminant(shifted, size).logarithm / size;
    },
  },
  {
    name: 'symeig_ratio',
    of: (matrix, size) => {
      const values = rowSpectrum(matrix, size);
      return values[size - 1]! / values[0]!;
    },
  },
  {
    name: 'spectral_entropy',
    of: (matrix, size) => {
      const values = rowSpectrum(matrix, size).map((value) => Math.max(0, value));
      const total = values.reduce((sum, value) => sum + value, 0);
      return values.reduce((sum, value) => (value > 0 ? sum - (value / total) * Math.log(value / total) : sum), 0);
    },
  },
  {
    name: 'participation_ratio',
    of: (matrix, size) => {
      const values = rowSpectrum(matrix, size);
      const total = values.reduce((sum, value) => sum + value, 0);
      return total === 0 ? 0 : total ** 2 / values.reduce((sum, value) => sum + value ** 2, 0);
    },
  },
] as const satisfies readonly MatrixOperator[];

export type MatrixOperatorName = (typeof TABLE)[number]['name'];

/** Every operator from matrices of a network to numbers. */
export const MATRIX_OPERATORS: readonly (MatrixOperator & { readonly name: MatrixOperatorName })[] = TABLE;

const byName: ReadonlyMap<string, (typeof MATRIX_OPERATORS)[number]> = new Map(
  MATRIX_OPERATORS.map((row) => [row.name, row]),
);

/** The operator of that name, if there is one. */
export function findMatrixOperator(name: string) {
  return byName.get(name);
}

/** The operator's number of a matrix; NaN where an element is not finite, or there is none. */
export function ofMatrix(name: MatrixOperatorName, matrix: Float64Array): number {
  const size = Math.sqrt(matrix.length);
  return size > 0 && matrix.every(Number.isFinite) ? byName.get(name)!.of(matrix, size) : Number.NaN;
}
