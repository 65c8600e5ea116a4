import { EznasError } from '../errors.ts';
import { Random } from '../random.ts';
import { compareMerits, type Evaluation, History } from './history.ts';
import { Ledger } from './ledger.ts';
import { findComparative, type SearchProblem } from './problem.ts';

/** An architecture of a population. What it was scored as may be another architecture of its identity. */
export interface Individual<A> {
  readonly architecture: A;
  readonly evaluation: Evaluation<A>;
}

/** Draws without one within the constraints before they are given up, and proposals without a new network before the space is. */
const PATIENCE = 5000;

/** Proposals without a new network after which random architectures take the place of children: all around is known. */
const IMMIGRATION = 500;

/** Mutations tried for a child within the constraints before a random architecture takes its place. */
const MUTATIONS = 100;

/** Share of moves that stay random where a metric proposes them, as in the released code of Abdelfattah et al. */
const RANDOM_MOVES = 0.25;

/**
 * What algorithms are written in: draws, moves and scores within the constraints and the budget.
 *
 * The budget counts different networks: one that was scored already, or computes the same function as one that was, is free.
 */
export class SearchSession<A> {
  readonly random: Random;
  readonly history: History<A>;
  readonly problem: SearchProblem<A>;
  readonly #ledger: Ledger<A>;
  readonly #signal: AbortSignal | undefined;
  readonly #onScored: (() => void) | undefined;
  /** What is left of the warm-up's best, the best first. */
  #starts: A[] | undefined;
  #proposals = 0;
  /** Proposals since the last new network. */
  #idle = 0;

  constructor(problem: SearchProblem<A>, { signal, onScored }: { signal?: AbortSignal; onScored?: () => void } = {}) {
    this.problem = problem;
    this.random = new Random(problem.config.seed).fork('architecture search');
    this.history = new History(problem.objectives, problem.comparatives);
    this.#ledger = new Ledger(problem);
    this.#signal = signal;
    this.#onScored = onScored;
  }

  /** Networks that may still be scored; 0 also when the space seems to have no more. */
  get left(): number {
    return this.exhausted ? 0 : this.problem.config.budget - this.history.evaluations.length;
  }

  /** Whether so many proposals were nothing new that the space must be used up. */
  get exhausted(): boolean {
    return this.#idle >= PATIENCE;
  }

  /** Architectures proposed so far, whether or not they were new. */
  get proposals(): number {
    return this.#proposals;
  }

  /** Seconds of all measuring so far. */
  get seconds(): number {
    return this.#ledger.seconds;
  }

  /**
   * Architectures to start from: the best of the warm-up, the best first, then random ones within the constraints.
   *
   * @throws EznasError INVALID_ARGUMENT when the constraints leave none
   */
  async draw(count: number): Promise<A[]> {
    this.#starts ??= await this.#warmUp();
    const drawn = this.#starts.splice(0, count);
    return [...drawn, ...(await this.#drawRandom(count - drawn.length))];
  }

  /**
   * A child of each parent: a neighbour within the constraints, random or the one that the configured metric proposes. Where children have been
   * nothing new for long, random architectures, so that a population that knows all its neighbours does not end the search.
   */
  async vary(parents: readonly A[]): Promise<A[]> {
    if (this.#idle >= IMMIGRATION) return this.#drawRandom(parents.length);
    return this.problem.config.move === null ? this.#mutate(parents) : this.#propose(parents, this.problem.config.move);
  }

  /** The neighbours of an architecture that are within the constraints. */
  async neighbours(architecture: A): Promise<A[]> {
    return this.#feasible(this.problem.space.neighbours(architecture));
  }

  /**
   * Scores architectures, those that are new all at once. Those for which the budget does not suffice are left out of the answer.
   *
   * @throws EznasError ABORTED, and whatever the measuring throws
   */
  async evaluate(architectures: readonly A[]): Promise<Individual<A>[]> {
    this.#requireNotAborted();
    const { metrics } = this.history;
    const fresh = new Map<string, A>();
    const proposed = architectures.map((architecture) => ({
      architecture,
      identity: this.#ledger.identity(metrics, architecture),
    }));
    for (const { architecture, identity } of proposed) {
      const known = this.history.find(identity) !== undefined || fresh.has(identity);
      if (!known && fresh.size < this.left) fresh.set(identity, architecture);
    }
    this.#proposals += architectures.length;
    this.#idle = fresh.size > 0 ? 0 : this.#idle + architectures.length;
    await this.#score(fresh);
    return proposed.flatMap(({ architecture, identity }) => {
      const evaluation = this.history.find(identity);
      return evaluation ? [{ architecture, evaluation }] : [];
    });
  }

  /** The fitter of the individuals by the first objective; the first among equals. */
  fittest(individuals: readonly Individual<A>[]): Individual<A> {
    const merits = individuals.map(({ evaluation }) => this.history.merit(evaluation));
    const best = merits.reduce((most, merit, at) => (compareMerits(merit, merits[most]!) > 0 ? at : most), 0);
    return individuals[best]!;
  }

  async #score(fresh: ReadonlyMap<string, A>): Promise<void> {
    if (fresh.size === 0) return;
    const { metrics } = this.history;
    const architectures = [...fresh.values()];
    const before = this.#ledger.seconds;
    const values = await this.#ledger.measure(metrics, architectures, this.#signal);
    const spent = this.#ledger.seconds - before;
    for (const [place, [identity, architecture]] of [...fresh].entries()) {
      const seconds = before + (spent * (place + 1)) / fresh.size;
      this.history.add(identity, { architecture, values: values.map((row) => row[place]!), seconds });
    }
    this.#onScored?.();
  }

  async #warmUp(): Promise<A[]> {
    const { warmup } = this.problem.config;
    if (warmup === null) return [];
    const drawn = await this.#drawRandom(warmup.count);
    return (await this.#sortByMetric(warmup.metric, drawn)).slice(0, warmup.keep);
  }

  /** The architectures by a metric, the highest first, those without a number last. */
  async #sortByMetric(metric: string, architectures: readonly A[]): Promise<A[]> {
    this.#requireNotAborted();
    const row = await this.#compare(metric, architectures);
    const merits = row.map((value) => (Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value));
    const order = [...architectures.keys()].sort((a, b) => compareMerits(merits[b]!, merits[a]!) || a - b);
    return order.map((place) => architectures[place]!);
  }

  /** The architectures' values by a metric, with each other where it is a comparative. */
  async #compare(metric: string, architectures: readonly A[]): Promise<number[]> {
    const comparative = findComparative(this.problem.comparatives, metric);
    const rows = await this.#ledger.measure(comparative?.parts ?? [metric], architectures, this.#signal);
    return comparative ? [...comparative.combine(rows.map((row) => Float64Array.from(row)))] : rows[0]!;
  }

  async #drawRandom(count: number): Promise<A[]> {
    const { space } = this.problem;
    const drawn: A[] = [];
    let inVain = 0;
    while (drawn.length < count) {
      const wanted = Array.from({ length: count - drawn.length }, () => space.sample(this.random));
      const feasible = await this.#feasible(wanted);
      inVain = feasible.length > 0 ? 0 : inVain + wanted.length;
      if (inVain >= PATIENCE) throw this.#tooConstrained();
      drawn.push(...feasible);
    }
    return drawn;
  }

  async #mutate(parents: readonly A[]): Promise<A[]> {
    const { space } = this.problem;
    const children: A[] = [];
    let waiting = [...parents.keys()];
    for (let attempt = 0; attempt < MUTATIONS && waiting.length > 0; attempt++) {
      for (const place of waiting) children[place] = space.mutate(parents[place]!, this.random);
      const fits = await this.#fits(waiting.map((place) => children[place]!));
      waiting = waiting.filter((_, at) => !fits[at]);
    }
    const replacements = await this.#drawRandom(waiting.length);
    for (const [at, place] of waiting.entries()) children[place] = replacements[at]!;
    return children;
  }

  /** Move proposal (Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, ICLR 2021): of all neighbours the best by the metric. */
  async #propose(parents: readonly A[], metric: string): Promise<A[]> {
    const options: A[][] = [];
    for (const parent of parents) options.push(await this.neighbours(parent));
    // One request for all, so that the native core has them together.
    const row = await this.#compare(metric, options.flat());
    let start = 0;
    const children: A[] = [];
    for (const moves of options) {
      const scores = row.slice(start, start + moves.length);
      start += moves.length;
      if (moves.length === 0) children.push(...(await this.#drawRandom(1)));
      else if (this.random.uniform() < RANDOM_MOVES) children.push(this.random.choice(moves));
      else children.push(moves[highest(scores)]!);
    }
    return children;
  }

  async #feasible(architectures: readonly A[]): Promise<A[]> {
    const fits = await this.#fits(architectures);
    return architectures.filter((_, place) => fits[place]);
  }

  async #fits(architectures: readonly A[]): Promise<boolean[]> {
    const { constraints } = this.problem;
    if (constraints.length === 0) return architectures.map(() => true);
    this.#requireNotAborted();
    const metrics = constraints.map(({ metric }) => metric);
    const values = await this.#ledger.measure(metrics, architectures, this.#signal);
    return architectures.map((_, place) => constraints.every(({ most }, at) => values[at]![place]! <= most));
  }

  #tooConstrained(): EznasError {
    const limits = this.problem.constraints.map(({ metric, most }) => `${metric} at most ${most}`).join(' and ');
    return new EznasError(
      'INVALID_ARGUMENT',
      `none of ${PATIENCE} random architectures of ${this.problem.space.name} has ${limits}; allow more`,
    );
  }

  #requireNotAborted(): void {
    if (!this.#signal?.aborted) return;
    throw new EznasError('ABORTED', 'the search was aborted', { cause: this.#signal.reason as unknown });
  }
}

/** Place of the highest score, the first among equals; NaN is lower than any. */
function highest(scores: readonly number[]): number {
  const better = (a: number, b: number) => a > b || (Number.isNaN(b) && !Number.isNaN(a));
  return scores.reduce((most, score, place) => (better(score, scores[most]!) ? place : most), 0);
}
