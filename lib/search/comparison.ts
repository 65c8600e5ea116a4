import type { CurvePoint } from './truth.ts';

/** Mean and spread of a number over repeats. */
export interface Spread {
  readonly mean: number;
  /** Standard deviation of the sample; 0 for one repeat. */
  readonly deviation: number;
  readonly least: number;
  readonly most: number;
}

/** How a search did over its repeats, in true accuracy. */
export interface SearchSummary {
  readonly name: string;
  readonly algorithm: string;
  /** What it searched by. */
  readonly objective: string;
  /** By repeat, true accuracy in per cent of the network that it gave. */
  readonly accuracies: readonly number[];
  readonly accuracy: Spread;
  /** Of what one who trained all networks scored would have. */
  readonly highest: Spread;
  /** What the network given falls short of the most accurate one that it might have been, in per cent. */
  readonly regret: Spread;
  /** Seconds of measuring. */
  readonly seconds: Spread;
  /** By repeat. */
  readonly curves: readonly (readonly CurvePoint[])[];
}

/** Mean and spread of at least one number. */
export function spread(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    mean,
    deviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0,
    least: Math.min(...values),
    most: Math.max(...values),
  };
}

/** A point of the mean of several curves. */
export interface SpreadPoint extends Spread {
  /** Networks scored, or seconds. */
  readonly at: number;
}

/**
 * The mean of curves with its spread, by networks scored or by seconds: a curve keeps its value between its points and after its last, and counts
 * from its first on.
 *
 * @param points how many at most, evenly spaced up to the end of the longest curve
 */
export function meanCurve(
  curves: readonly (readonly CurvePoint[])[],
  by: 'scored' | 'seconds',
  value: 'accuracy' | 'highest' = 'accuracy',
  points = 100,
): SpreadPoint[] {
  const end = Math.max(0, ...curves.map((curve) => curve.at(-1)?.[by] ?? 0));
  const places = Array.from({ length: points }, (_, place) => (end * (place + 1)) / points);
  const grid = by === 'scored' ? [1, ...places.map(Math.floor)].filter((at) => at >= 1) : places;
  return [...new Set(grid)].flatMap((at) => {
    const values = curves.flatMap((curve) => {
      const reached = curve.findLast((point) => point[by] <= at)?.[value];
      return reached === undefined || Number.isNaN(reached) ? [] : [reached];
    });
    return values.length > 0 && at <= end ? [{ at, ...spread(values) }] : [];
  });
}

/** All points of all curves as comma-separated values, one line each under a line of column names. */
export function curvesCsv(searches: readonly Pick<SearchSummary, 'name' | 'curves'>[]): string {
  const lines = ['search,repeat,scored,seconds,accuracy,highest'];
  for (const { name, curves } of searches) {
    const field = /[",\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
    for (const [repeat, curve] of curves.entries()) {
      for (const { scored, seconds, accuracy, highest } of curve) {
        lines.push([field, repeat, scored, seconds.toFixed(6), accuracy, highest].join(','));
      }
    }
  }
  return `${lines.join('\n')}\n`;
}
