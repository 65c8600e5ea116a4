import { compareMerits } from '../history.ts';
import type { SearchSession } from '../session.ts';

/**
 * Local search with restarts (White, Nolen & Savani, Exploring the Loss Landscape in Neural Architecture Search, UAI 2021): scores all neighbours
 * and moves to the best of them as long as that is better, then starts anew elsewhere.
 */
export async function searchLocally<A>(session: SearchSession<A>): Promise<void> {
  while (session.left > 0) {
    let [current] = await session.evaluate(await session.draw(1));
    while (current !== undefined && session.left > 0) {
      const neighbours = await session.evaluate(await session.neighbours(current.architecture));
      if (neighbours.length === 0) break;
      const best = session.fittest(neighbours);
      const merits = [best, current].map(({ evaluation }) => session.history.merit(evaluation));
      if (compareMerits(merits[0]!, merits[1]!) <= 0) break;
      current = best;
    }
  }
}
