import { crowdingDistances, nonDominatedFronts } from '../../dominance.ts';
import type { Individual, SearchSession } from '../session.ts';

/** An individual with its place in the population's order: front first, then the less crowded. */
interface Ranked<A> {
  readonly individual: Individual<A>;
  readonly front: number;
  readonly distance: number;
}

/**
 * NSGA-II (Deb, Pratap, Agarwal & Meyarivan, A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II, 2002): parents by binary tournaments
 * on front and crowding, and the best of parents and children together survive. Spaces know no crossover, so children are mutants.
 */
export async function searchByNsga2<A>(session: SearchSession<A>): Promise<void> {
  const { population, chunk } = session.problem.config;
  const { random } = session;
  let alive: Individual<A>[] = [];
  while (alive.length < population && session.left > 0) {
    alive.push(...(await session.evaluate(await session.draw(Math.min(chunk, population - alive.length)))));
  }
  while (session.left > 0) {
    const ranked = rank(session, alive);
    const parents = Array.from({ length: population }, () => winner(random.choice(ranked), random.choice(ranked)));
    const architectures = parents.map(({ individual }) => individual.architecture);
    const children = await session.evaluate(await session.vary(architectures));
    alive = survivors(rank(session, unique([...alive, ...children])), population);
  }
}

/** Each network once, as it was first met. */
function unique<A>(individuals: readonly Individual<A>[]): Individual<A>[] {
  return [...new Map(individuals.map((one) => [one.evaluation.order, one])).values()];
}

function rank<A>(session: SearchSession<A>, individuals: readonly Individual<A>[]): Ranked<A>[] {
  const merits = individuals.map(({ evaluation }) => session.history.merits(evaluation));
  return nonDominatedFronts(merits).flatMap((members, front) => {
    const distances = crowdingDistances(members.map((member) => merits[member]!));
    return members.map((member, at) => ({ individual: individuals[member]!, front, distance: distances[at]! }));
  });
}

const winner = <A>(a: Ranked<A>, b: Ranked<A>): Ranked<A> => (precedes(b, a) ? b : a);

const precedes = <A>(a: Ranked<A>, b: Ranked<A>): boolean =>
  a.front < b.front || (a.front === b.front && a.distance > b.distance);

function survivors<A>(ranked: readonly Ranked<A>[], count: number): Individual<A>[] {
  const order = ranked.toSorted((a, b) => Number(precedes(b, a)) - Number(precedes(a, b)));
  return order.slice(0, count).map(({ individual }) => individual);
}
