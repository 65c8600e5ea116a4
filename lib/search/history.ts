import { type Objective, objectiveMetrics } from './problem.ts';

/** A network that a search scored. */
export interface Evaluation<A> {
  /** Place among all networks scored, from 0. */
  readonly order: number;
  /** The first architecture of its identity that was met. */
  readonly architecture: A;
  /** By metric of the objectives, see {@link History.metrics}. */
  readonly values: readonly number[];
  /** Seconds of all measuring from the start of the search until this network had its values. */
  readonly seconds: number;
}

/** All networks that a search scored, and how good they are. */
export class History<A> {
  readonly objectives: readonly Objective[];
  readonly metrics: readonly string[];
  readonly evaluations: Evaluation<A>[] = [];
  readonly #byIdentity = new Map<string, Evaluation<A>>();
  /** By metric, all numbers so far, ascending. */
  readonly #sorted: number[][];

  constructor(objectives: readonly Objective[]) {
    this.objectives = objectives;
    this.metrics = objectiveMetrics(objectives);
    this.#sorted = this.metrics.map(() => []);
  }

  /** The network of an identity, if it was scored. */
  find(identity: string): Evaluation<A> | undefined {
    return this.#byIdentity.get(identity);
  }

  add(identity: string, evaluation: Omit<Evaluation<A>, 'order'>): Evaluation<A> {
    const added = { ...evaluation, order: this.evaluations.length };
    this.evaluations.push(added);
    this.#byIdentity.set(identity, added);
    for (const [metric, value] of added.values.entries()) {
      const sorted = this.#sorted[metric]!;
      if (!Number.isNaN(value)) sorted.splice(bound(sorted, value, true), 0, value);
    }
    return added;
  }

  /**
   * How good a network is by one objective: more is better, and a network without a number is worse than any with one. Of a combination, it
   * changes as the history grows, so compare only what was asked for at one time.
   */
  merit({ values }: Evaluation<A>, { terms }: Objective = this.objectives[0]!): number {
    const numbers = terms.map(({ metric }) => this.metrics.indexOf(metric));
    const [only] = numbers;
    if (numbers.length === 1) {
      const merit = Math.sign(terms[0]!.weight) * values[only!]!;
      return Number.isNaN(merit) ? Number.NEGATIVE_INFINITY : merit;
    }
    const ranks = terms.map(({ weight }, term) => weight * this.#rank(numbers[term]!, values[numbers[term]!]!, weight));
    return ranks.reduce((sum, rank) => sum + rank, 0);
  }

  /** {@link merit} by every objective. */
  merits(evaluation: Evaluation<A>): number[] {
    return this.objectives.map((objective) => this.merit(evaluation, objective));
  }

  /** The best by the first objective, the earlier first among equals. */
  best(count: number): Evaluation<A>[] {
    const merits = this.evaluations.map((evaluation) => this.merit(evaluation));
    return this.evaluations
      .toSorted((a, b) => compareMerits(merits[b.order]!, merits[a.order]!) || a.order - b.order)
      .slice(0, count);
  }

  /** Mean rank, ascending from 0, in units of the number of networks: from 0 to below 1. The worst there is for a network without a number. */
  #rank(metric: number, value: number, weight: number): number {
    if (Number.isNaN(value)) return weight > 0 ? -1 : 1;
    const sorted = this.#sorted[metric]!;
    return (bound(sorted, value, false) + bound(sorted, value, true) - 1) / (2 * sorted.length);
  }
}

/** Order of two merits, ascending; infinities of one sign are equal. */
export function compareMerits(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

/** Where a value would go in an ascending list: before its equals, or after them. */
function bound(sorted: readonly number[], value: number, after: boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (after ? sorted[middle]! <= value : sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
