import { EznasError } from '../errors.ts';
import { Random } from '../random.ts';

/** Which networks of a numbered space to take: so many drawn at random, all, or those of the given indices. */
export type NetworkChoice = number | 'all' | readonly number[];

/** The networks taken, and how they came to be. */
export interface ChosenNetworks {
  /** Indices in the space, all different: in the order drawn, ascending, or as listed. */
  readonly indices: readonly number[];
  readonly chosen: 'random' | 'all' | 'listed' | 'held-out' | 'searched';
}

/**
 * Takes networks of a space.
 *
 * Random ones are drawn uniformly without replacement and depend on the seed alone: the same seed gives the same networks, and more networks
 * of one seed begin with the fewer.
 *
 * @param size number of architectures in the space
 * @param choice how many, `'all'`, or a list of different indices from 0 to size − 1
 * @param seed integer from 0 to 2⁵³ − 1; does not matter for `'all'` and lists
 * @throws EznasError INVALID_ARGUMENT for no networks, more than there are, or one listed twice; INVALID_ARCHITECTURE for an index outside
 *   the space
 */
export function chooseNetworks(size: number, choice: NetworkChoice, seed: number): ChosenNetworks {
  if (choice === 'all') return { indices: Array.from({ length: size }, (_, index) => index), chosen: 'all' };
  if (typeof choice === 'number') {
    if (!Number.isInteger(choice) || choice < 1 || choice > size) {
      throw new EznasError('INVALID_ARGUMENT', `cannot take ${choice} networks; the space has 1 to ${size}`);
    }
    return { indices: new Random(seed).fork('networks').sample(size, choice), chosen: 'random' };
  }
  if (choice.length === 0) {
    throw new EznasError('INVALID_ARGUMENT', 'no networks are listed; at least one is needed');
  }
  const seen = new Set<number>();
  for (const index of choice) {
    if (!Number.isInteger(index) || index < 0 || index >= size) {
      throw new EznasError(
        'INVALID_ARCHITECTURE',
        `there is no architecture ${index}; indices are integers from 0 to ${size - 1}`,
      );
    }
    if (seen.has(index)) throw new EznasError('INVALID_ARGUMENT', `network ${index} is listed twice; once is enough`);
    seen.add(index);
  }
  return { indices: [...choice], chosen: 'listed' };
}
