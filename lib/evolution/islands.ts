import type { Merits } from '../dominance.ts';
import { canonicalFormula } from '../formulas/print.ts';
import { formulaSize, formulaTensors, type Term } from '../formulas/tree.ts';
import { tensorPasses } from '../proxies/program-proxies.ts';
import type { Random } from '../random.ts';
import type { Assessment } from './assessment.ts';
import type { SearchConfig } from './config.ts';
import { INVALID_FITNESS } from './fitness.ts';
import { byDominance, dropEqualFitness, lexicase, tournament, tournamentInOrder } from './selection.ts';

/** A population that evolves by itself. */
export interface Island {
  /** Parents of the next generation; none where it begins anew with it. */
  readonly parents: readonly Term[];
  /** Programs that compete with the next generation's, the oldest first; none where a generation replaces the last. */
  readonly pool: readonly Term[];
}

/** A program that competes, with its fitness. */
export interface Competitor extends Assessment {
  readonly formula: Term;
}

/**
 * The island after a generation: who is left of the pool and the offspring, and who of them are parents.
 *
 * @param pool assessed, the oldest first
 * @param selected the parents with their fitness
 */
export function nextIsland(
  config: SearchConfig,
  pool: readonly Competitor[],
  offspring: readonly Competitor[],
  random: Random,
): { island: Island; selected: Competitor[] } {
  const { replacement = 'generational', selection = 'tournament', islands = 1 } = config;
  const kept = Math.max(1, Math.floor(config.kept / islands));
  const left = replacement === 'generational' ? [...offspring] : survivors(config, pool, offspring);
  const selected = dropEqualFitness(selectParents(left, selection, { size: config.tournament, kept }, random));
  return {
    island: {
      parents: selected.map(({ formula }) => formula),
      pool: replacement === 'generational' ? [] : left.map(({ formula }) => formula),
    },
    selected,
  };
}

/** Each island's fittest go to the next, where they become parents and join the pool. */
export function migrate(islands: readonly Island[], fittest: readonly (readonly Term[])[]): Island[] {
  return islands.map(({ parents, pool }, at) => {
    const arriving = fittest[(at + islands.length - 1) % islands.length]!;
    return {
      parents: withoutDuplicates([...parents, ...arriving]),
      pool: pool.length === 0 ? [] : withoutDuplicates([...pool, ...arriving]),
    };
  });
}

function survivors(
  config: SearchConfig,
  pool: readonly Competitor[],
  offspring: readonly Competitor[],
): readonly Competitor[] {
  const { islands = 1, selection } = config;
  const count = Math.max(2, Math.floor((config.survivors ?? config.population) / islands));
  const distinct = new Map([...pool, ...offspring].map((one) => [canonicalFormula(one.formula), one]));
  const valid = [...distinct.values()].filter(({ fitness }) => fitness > INVALID_FITNESS);
  if (config.replacement === 'aging') return valid.slice(-count);
  const best = new Set(
    (selection === 'nsga2'
      ? byDominance(valid, meritsOf)
      : dropEqualFitness(valid.toSorted((a, b) => b.fitness - a.fitness || size(a) - size(b)))
    ).slice(0, count),
  );
  return valid.filter((one) => best.has(one));
}

function selectParents(
  candidates: readonly Competitor[],
  selection: NonNullable<SearchConfig['selection']>,
  sizes: { readonly size: number; readonly kept: number },
  random: Random,
): Competitor[] {
  if (candidates.length === 0) return [];
  switch (selection) {
    case 'tournament':
      return tournament(candidates, sizes, random);
    case 'lexicase':
      return lexicase(
        candidates,
        ({ sign, taus }) => taus.map((tau) => (tau === null ? -2 : sign * tau)),
        sizes.kept,
        random,
      );
    case 'nsga2':
      return tournamentInOrder(byDominance(candidates, meritsOf), sizes, random);
  }
}

const size = ({ formula }: Competitor) => formulaSize(formula);

/** Fitness, size and cost: passes of one image, a backward one counting as two. */
function meritsOf(competitor: Competitor): Merits {
  const { forward, backward } = tensorPasses(formulaTensors(competitor.formula), 1);
  return [competitor.fitness, -size(competitor), -(forward + 2 * backward)];
}

function withoutDuplicates(formulas: readonly Term[]): Term[] {
  return [...new Map(formulas.map((formula) => [canonicalFormula(formula), formula])).values()];
}
