import { EznasError } from '../errors.ts';

/**
 * The number of an architecture of a benchmark, checked.
 *
 * @throws EznasError INVALID_ARCHITECTURE when it is not an integer from 0 to size − 1
 */
export function requireIndex(index: number, size: number, whose: string): number {
  if (Number.isInteger(index) && index >= 0 && index < size) return index;
  throw new EznasError(
    'INVALID_ARCHITECTURE',
    `${whose} has no architecture ${index}; indices are integers from 0 to ${size - 1}`,
  );
}

/**
 * A training length of a benchmark, checked.
 *
 * @throws EznasError INVALID_ARGUMENT naming the lengths there are
 */
export function requireEpochs(epochs: number, known: readonly number[], whose: string): number {
  if (known.includes(epochs)) return epochs;
  throw new EznasError(
    'INVALID_ARGUMENT',
    `${whose} has no accuracies after ${epochs} epochs; it has ${known.join(' and ')}`,
  );
}
