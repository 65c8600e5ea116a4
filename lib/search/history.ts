import { type Comparative, findComparative, type Objective, objectiveMetrics } from './problem.ts';

/** A network that a search scored. */
export interface Evaluation<A> {
  /** Place among all networks scored, from 0. */
  readonly order: number;
  /** The first architecture of its identity that was met. */
  readonly architecture: A;
  /** By measured metric, see {@link History.metrics}. */
  readonly values: readonly number[];
  /** Seconds of all measuring from the start of the search until this network had its values. */
  readonly seconds: number;
}

/** All networks that a search scored, and how good they are. */
export class History<A> {
  readonly objectives: readonly Objective[];
  /** What is measured for the objectives. */
  readonly metrics: readonly string[];
  readonly evaluations: Evaluation<A>[] = [];
  readonly #byIdentity = new Map<string, Evaluation<A>>();
  /** By measured metric, all numbers so far, ascending. */
  readonly #sorted: number[][];
  readonly #comparatives: readonly Comparative[];
  /** Of comparatives, by name, the values of the networks that there were when they were last asked for. */
  readonly #compared = new Map<string, Compared>();

  constructor(objectives: readonly Objective[], comparatives: readonly Comparative[]) {
    this.objectives = objectives;
    this.metrics = objectiveMetrics(objectives, comparatives);
    this.#sorted = this.metrics.map(() => []);
    this.#comparatives = comparatives;
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
   * How good a network is by one objective: more is better, and a network without a number is worse than any with one. Of a combination or a
   * comparative, it changes as the history grows, so compare only what was asked for at one time.
   */
  merit(evaluation: Evaluation<A>, { terms }: Objective = this.objectives[0]!): number {
    if (terms.length === 1) {
      const merit = Math.sign(terms[0]!.weight) * this.value(evaluation, terms[0]!.metric);
      return Number.isNaN(merit) ? Number.NEGATIVE_INFINITY : merit;
    }
    const ranks = terms.map(
      ({ metric, weight }) => weight * this.#rank(metric, this.value(evaluation, metric), weight),
    );
    return ranks.reduce((sum, rank) => sum + rank, 0);
  }

  /** A network's value by a metric of the objectives: of a comparative, among all networks scored so far. */
  value({ order, values }: Evaluation<A>, metric: string): number {
    const comparative = findComparative(this.#comparatives, metric);
    return comparative ? this.#compare(comparative).values[order]! : values[this.metrics.indexOf(metric)]!;
  }

  /** {@link value} by every metric that is measured, then by every comparative of the objectives. */
  valuesOf(evaluation: Evaluation<A>): Record<string, number> {
    const named = this.objectives.flatMap(({ terms }) => terms.map(({ metric }) => metric));
    const metrics = [...new Set([...this.metrics, ...named])];
    return Object.fromEntries(metrics.map((metric) => [metric, this.value(evaluation, metric)]));
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
  #rank(metric: string, value: number, weight: number): number {
    if (Number.isNaN(value)) return weight > 0 ? -1 : 1;
    const comparative = findComparative(this.#comparatives, metric);
    const sorted = comparative ? this.#compare(comparative).sorted : this.#sorted[this.metrics.indexOf(metric)]!;
    return (bound(sorted, value, false) + bound(sorted, value, true) - 1) / (2 * sorted.length);
  }

  #compare({ name, parts, combine }: Comparative): Compared {
    const known = this.#compared.get(name);
    if (known?.values.length === this.evaluations.length) return known;
    const columns = parts.map((part) =>
      Float64Array.from(this.evaluations, (evaluation) => this.value(evaluation, part)),
    );
    const values = combine(columns);
    const made = { values, sorted: values.filter((value) => !Number.isNaN(value)).sort() };
    this.#compared.set(name, made);
    return made;
  }
}

/** A comparative's values of all networks, in the order scored, and those that are numbers, ascending. */
interface Compared {
  readonly values: Float64Array;
  readonly sorted: Float64Array;
}

/** Order of two merits, ascending; infinities of one sign are equal. */
export function compareMerits(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

/** Where a value would go in an ascending list: before its equals, or after them. */
function bound(sorted: ArrayLike<number>, value: number, after: boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (after ? sorted[middle]! <= value : sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
