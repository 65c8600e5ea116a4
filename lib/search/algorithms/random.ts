import type { SearchSession } from '../session.ts';

/** Random search: networks drawn uniformly, after the best of the warm-up where there is one. */
export async function searchAtRandom<A>(session: SearchSession<A>): Promise<void> {
  while (session.left > 0) await session.evaluate(await session.draw(session.problem.config.chunk));
}
