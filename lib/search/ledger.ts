import type { SearchProblem } from './problem.ts';

/** Everything that a search has measured: nothing is asked for twice, and of architectures that compute the same function only one. */
export class Ledger<A> {
  readonly #problem: Pick<SearchProblem<A>, 'space' | 'measure' | 'shared'>;
  /** By metric, then by what names the architecture there. */
  readonly #known = new Map<string, Map<string, number>>();
  #seconds = 0;

  constructor(problem: Pick<SearchProblem<A>, 'space' | 'measure' | 'shared'>) {
    this.#problem = problem;
  }

  /** Seconds that all numbers asked for so far took when they were computed. */
  get seconds(): number {
    return this.#seconds;
  }

  /** What names an architecture where all of these metrics are meant: its canonical form if any of them goes by that, else its text. */
  identity(metrics: readonly string[], architecture: A): string {
    const { space, shared } = this.#problem;
    return metrics.some((metric) => shared.has(metric)) ? space.canonical(architecture) : space.print(architecture);
  }

  /** Numbers by metric, then by architecture. */
  async measure(metrics: readonly string[], architectures: readonly A[], signal?: AbortSignal): Promise<number[][]> {
    const names = metrics.map((metric) => architectures.map((architecture) => this.identity([metric], architecture)));
    const missing = new Map<string, A>();
    for (const [place, architecture] of architectures.entries()) {
      const unknown = metrics.some((metric, row) => !this.#values(metric).has(names[row]![place]!));
      // All metrics by the coarsest name: architectures that none of these metrics tells apart are measured once.
      const name = metrics.map((_, row) => names[row]![place]).join('\n');
      if (unknown && !missing.has(name)) missing.set(name, architecture);
    }
    const asked = [...missing.values()];
    if (asked.length > 0) {
      const { values, seconds } = await this.#problem.measure(metrics, asked, signal);
      for (const [row, metric] of metrics.entries()) {
        const known = this.#values(metric);
        for (const [place, architecture] of asked.entries()) {
          const name = this.identity([metric], architecture);
          if (!known.has(name)) known.set(name, values[row]![place]!);
        }
      }
      for (let place = 0; place < asked.length; place++) this.#seconds += seconds[place]!;
    }
    return metrics.map((metric, row) => names[row]!.map((name) => this.#values(metric).get(name)!));
  }

  #values(metric: string): Map<string, number> {
    const values = this.#known.get(metric) ?? new Map<string, number>();
    this.#known.set(metric, values);
    return values;
  }
}
