import { crowdingDistances, type Merits, nonDominatedFronts } from '../dominance.ts';
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

/**
 * ε-lexicase selection (La Cava, Spector, Danai 2016): `kept` times, tasks are gone through in random order, and of the candidates left those stay that are
 * within ε of the best on the task, until one is left or no task; then one of them at random. ε is the median absolute deviation over all candidates.
 *
 * @param meritOf a candidate's merits, one for each task, more being better; NaN counts as least
 */
export function lexicase<T>(
  candidates: readonly T[],
  meritOf: (candidate: T) => Merits,
  kept: number,
  random: Random,
): T[] {
  const merits = candidates.map((candidate) => meritOf(candidate).map((merit) => (Number.isNaN(merit) ? -2 : merit)));
  const cases = merits[0]?.length ?? 0;
  const epsilons = Array.from({ length: cases }, (_, task) => medianDeviation(merits.map((row) => row[task]!)));
  const winner = (): T => {
    let left = [...candidates.keys()];
    for (const task of random.sample(cases, cases)) {
      if (left.length === 1) break;
      const best = Math.max(...left.map((place) => merits[place]![task]!));
      left = left.filter((place) => merits[place]![task]! >= best - epsilons[task]!);
    }
    return candidates[left.length === 1 ? left[0]! : random.choice(left)]!;
  };
  return Array.from({ length: kept }, winner);
}

/**
 * Candidates by NSGA-II (Deb et al. 2002): front by front, and in each the less crowded before the more crowded; in the order given among equals.
 */
export function byDominance<T>(candidates: readonly T[], meritOf: (candidate: T) => Merits): T[] {
  const merits = candidates.map(meritOf);
  return nonDominatedFronts(merits).flatMap((members) => {
    const distances = crowdingDistances(members.map((member) => merits[member]!));
    return [...members.keys()]
      .sort((a, b) => (distances[a] === distances[b] ? a - b : distances[b]! - distances[a]!))
      .map((at) => candidates[members[at]!]!);
  });
}

/** Tournaments, as {@link tournament}, among candidates in order: the first of those drawn wins. */
export function tournamentInOrder<T>(
  candidates: readonly T[],
  { size, kept }: { readonly size: number; readonly kept: number },
  random: Random,
): T[] {
  return Array.from({ length: kept }, () => {
    let first = random.integer(candidates.length);
    for (let drawn = 1; drawn < size; drawn++) first = Math.min(first, random.integer(candidates.length));
    return candidates[first]!;
  });
}

function medianDeviation(values: readonly number[]): number {
  const middle = median(values);
  return median(values.map((value) => Math.abs(value - middle)));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
