import { requireBenchmark, type Setting } from '../evaluation/setting.ts';
import { compareMerits, type Evaluation, type History } from './history.ts';
import { trueAccuracy } from './network-measure.ts';
import type { Constraint, Measure } from './problem.ts';

/** A point of a search's course, where something changes. */
export interface CurvePoint {
  /** Networks scored. */
  readonly scored: number;
  /** Seconds of measuring. */
  readonly seconds: number;
  /** True accuracy, in per cent, of the network that is best by the search's own scores: what the search would give if it ended here. */
  readonly accuracy: number;
  /** The highest true accuracy among all networks scored: what one who trained them all would have. */
  readonly highest: number;
}

/** The best architecture of a benchmark. */
export interface Optimum {
  readonly architecture: string;
  /** In per cent. */
  readonly accuracy: number;
}

/** The course of a search in true accuracy: its first point, every point where something changes, and its last. */
export function trueCurve(setting: Setting, history: History<unknown>): CurvePoint[] {
  const accuracyOf = trueAccuracy(setting);
  const points: CurvePoint[] = [];
  let best: Evaluation<unknown> | undefined;
  let accuracy = Number.NaN;
  let highest = Number.NEGATIVE_INFINITY;
  const last = history.evaluations.at(-1);
  for (const evaluation of history.evaluations) {
    const own = accuracyOf(evaluation.architecture);
    const before = { accuracy, highest };
    if (best === undefined || compareMerits(history.merit(evaluation), history.merit(best)) > 0) {
      best = evaluation;
      accuracy = own;
    }
    if (own > highest) highest = own;
    if (before.accuracy !== accuracy || before.highest !== highest || evaluation === last) {
      points.push({ scored: evaluation.order + 1, seconds: evaluation.seconds, accuracy, highest });
    }
  }
  return points;
}

/** The most accurate architecture of the setting's benchmark within the constraints; undefined where none is. */
export async function optimum(
  setting: Setting,
  constraints: readonly Constraint[],
  measure: Measure<unknown>,
): Promise<Optimum | undefined> {
  const benchmark = requireBenchmark(setting);
  const accuracies = Float64Array.from({ length: benchmark.size }, (_, index) =>
    benchmark.accuracy(index, setting.dataset.name),
  );
  // From the most accurate down, so that few are measured.
  const order = Uint32Array.from(accuracies.keys()).sort((a, b) => accuracies[b]! - accuracies[a]! || a - b);
  const metrics = constraints.map(({ metric }) => metric);
  for (let start = 0, size = 1; start < order.length; start += size, size = Math.min(2 * size, 256)) {
    const architectures = Array.from(order.subarray(start, start + size), (index) => benchmark.architecture(index));
    const { values } = await measure(metrics, architectures);
    const place = architectures.findIndex((_, at) =>
      constraints.every(({ most }, constraint) => values[constraint]![at]! <= most),
    );
    if (place < 0) continue;
    const index = order[start + place]!;
    return { architecture: setting.space.print(architectures[place]), accuracy: accuracies[index]! };
  }
  return undefined;
}
