import type { Individual, SearchSession } from '../session.ts';

/**
 * Aging evolution (Real, Aggarwal, Huang & Le, Regularized Evolution for Image Classifier Architecture Search, AAAI 2019, algorithm 1): the
 * fittest of a random sample, drawn with replacement, has a child by one mutation, which takes the place of the oldest individual, whatever its
 * fitness. A chunk of children is bred from one population, as by workers in parallel.
 */
export async function searchByAging<A>(session: SearchSession<A>): Promise<void> {
  const { population, sample, chunk } = session.problem.config;
  const { random } = session;
  const alive: Individual<A>[] = [];
  while (alive.length < population && session.left > 0) {
    alive.push(...(await session.evaluate(await session.draw(Math.min(chunk, population - alive.length)))));
  }
  while (session.left > 0) {
    const parents = Array.from({ length: chunk }, () =>
      session.fittest(Array.from({ length: sample }, () => random.choice(alive))),
    );
    const children = await session.evaluate(await session.vary(parents.map(({ architecture }) => architecture)));
    alive.push(...children);
    alive.splice(0, alive.length - population);
  }
}
