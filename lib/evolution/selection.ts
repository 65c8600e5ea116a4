import type { Random } from '../random.ts';

/**
 * Tournament selection, as DEAP's `selTournament`: `kept` times, the fittest of `size` candidates drawn uniformly with replacement; the
 * one drawn first among equals. A candidate may win more than once.
 */
export function tournament<T extends { readonly fitness: number }>(
  candidates: readonly T[],
  { size, kept }: { readonly size: number; readonly kept: number },
  random: Random,
): T[] {
  const winner = (): T => {
    let best = random.choice(candidates);
    for (let drawn = 1; drawn < size; drawn++) {
      const other = random.choice(candidates);
      if (other.fitness > best.fitness) best = other;
    }
    return best;
  };
  return Array.from({ length: kept }, winner);
}

/** The first of every group of equal fitness, in order: the paper's way to drop duplicates, equivalent formulas included. */
export function dropEqualFitness<T extends { readonly fitness: number }>(candidates: readonly T[]): T[] {
  const seen = new Set<number>();
  return candidates.filter(({ fitness }) => {
    if (seen.has(fitness)) return false;
    seen.add(fitness);
    return true;
  });
}
