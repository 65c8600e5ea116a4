import type { SearchSpace } from '../spaces/space.ts';
import type { SearchConfig } from './config.ts';

/** Numbers of architectures. */
export interface Measured {
  /** By metric, then by architecture, in the order asked; NaN where there is no number. */
  readonly values: readonly ArrayLike<number>[];
  /** By architecture, the seconds that its numbers took when they were computed. */
  readonly seconds: ArrayLike<number>;
}

/**
 * Measures architectures by metrics, all in one go, so that networks are run in chunks and once for all metrics. The same architecture always has
 * the same number.
 */
export type Measure<A> = (
  metrics: readonly string[],
  architectures: readonly A[],
  signal?: AbortSignal,
) => Promise<Measured>;

/** A metric that compares networks with each other, such as a forest: higher is better. */
export interface Comparative {
  readonly name: string;
  /** Metrics that it is made of. */
  readonly parts: readonly string[];
  /** Its values from those of its parts, one array per part with a number for each of the networks compared. */
  readonly combine: (parts: readonly Float64Array[]) => Float64Array;
}

/** A metric's part in an objective. */
export interface Term {
  readonly metric: string;
  /** Below 0 where less of the metric is better. */
  readonly weight: number;
}

/**
 * What a search wants more of: a metric, or a combination of several. A combination is the weighted sum of an architecture's ranks by each metric
 * among all networks scored so far, since metrics of different scale have no meaningful sum.
 */
export interface Objective {
  readonly name: string;
  readonly terms: readonly Term[];
}

/** A metric may be at most so large. */
export interface Constraint {
  readonly metric: string;
  readonly most: number;
}

/** What is searched, for what, and how. */
export interface SearchProblem<A> {
  readonly space: SearchSpace<A>;
  readonly measure: Measure<A>;
  /** Metrics that architectures of one canonical form share: one of them, the first that is met, is measured for all. */
  readonly shared: ReadonlySet<string>;
  /** Metrics of objectives, of the warm-up or of moves that are not measured but follow from those that are. */
  readonly comparatives: readonly Comparative[];
  /** One, or several for NSGA-II. */
  readonly objectives: readonly Objective[];
  readonly constraints: readonly Constraint[];
  readonly config: SearchConfig;
}

/** The metrics to measure for the objectives, each once: those of comparatives are their parts. */
export function objectiveMetrics(
  objectives: readonly Objective[],
  comparatives: readonly Comparative[] = [],
): string[] {
  const metrics = objectives.flatMap(({ terms }) => terms.map(({ metric }) => metric));
  return [...new Set(metrics.flatMap((metric) => findComparative(comparatives, metric)?.parts ?? [metric]))];
}

/** The comparative of a name; undefined for a metric that is measured. */
export function findComparative(comparatives: readonly Comparative[], metric: string): Comparative | undefined {
  return comparatives.find(({ name }) => name === metric);
}
