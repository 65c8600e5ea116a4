import type { RunOptions } from '../engine/networks.ts';
import { EznasError } from '../errors.ts';
import type { Contender } from '../evaluation/contenders.ts';
import type { ScoreCache } from '../evaluation/score-cache.ts';
import { type Scores, scoreList } from '../evaluation/scoring.ts';
import { requireBenchmark, type Setting } from '../evaluation/setting.ts';
import { readsNumbers } from '../formulas/tree.ts';
import type { Latency } from './latency.ts';
import type { Measure } from './problem.ts';

/** Name of the metric that is the benchmark's accuracy after full training: what a perfect proxy would tell. */
export const ORACLE = 'oracle';

/** Name of the metric that the user's latencies give. */
export const LATENCY = 'latency';

/** Where numbers of networks come from. */
export interface MeasureSources {
  readonly setting: Setting;
  /** Proxies and programs, whose names are the metrics. */
  readonly contenders: readonly Contender[];
  readonly latency?: Latency | undefined;
  readonly cache?: ScoreCache | undefined;
  readonly threads?: number | undefined;
}

/** Whether a contender looks at the graph itself, if only beside what it runs. */
const isCounted = (contender: Contender): boolean =>
  'count' in contender || ('formula' in contender && readsNumbers(contender.formula));

/**
 * The names of contenders whose score architectures of one canonical form share. Counts differ among those, since a network has the weights of
 * edges that lead nowhere.
 */
export function sharedMetrics(contenders: readonly Contender[]): ReadonlySet<string> {
  return new Set(contenders.filter((contender) => !isCounted(contender)).map(({ name }) => name));
}

/** Measures architectures of a setting's space by proxies, programs, the oracle and latencies; scores go through the cache. */
export function networkMeasure(sources: MeasureSources): Measure<unknown> {
  const { setting, contenders, latency } = sources;
  const byName = new Map(contenders.map((contender) => [contender.name, contender]));
  return async (metrics, architectures, signal) => {
    const asked = metrics.flatMap((metric) => byName.get(metric) ?? []);
    const { scores, seconds } = await score(sources, asked, architectures, signal);
    const rows = new Map<string, ArrayLike<number>>(scores);
    for (const metric of metrics) {
      if (metric === ORACLE) rows.set(metric, architectures.map(trueAccuracy(setting)));
      else if (metric === LATENCY) rows.set(metric, await latencies(setting, latency, architectures));
    }
    return { values: metrics.map((metric) => rows.get(metric)!), seconds };
  };
}

/** An architecture's accuracy in the setting's benchmark after full training; NaN where it is not known. */
export function trueAccuracy(setting: Setting): (architecture: unknown) => number {
  const benchmark = requireBenchmark(setting);
  return (architecture) => {
    const index = benchmark.index(architecture);
    return index === undefined ? Number.NaN : benchmark.accuracy(index, setting.dataset.name);
  };
}

async function latencies(setting: Setting, latency: Latency | undefined, architectures: readonly unknown[]) {
  if (latency === undefined) {
    throw new EznasError('INVALID_ARGUMENT', 'latency is asked for, but no latency table or function is given');
  }
  const { space, dataset } = setting;
  const { classes, resolution, channels: inputChannels } = dataset;
  const values: number[] = [];
  for (const architecture of architectures) {
    const graph = () => space.build(architecture, { classes, resolution, inputChannels });
    values.push(await latency(space.print(architecture), graph));
  }
  return values;
}

function score(
  { setting, cache, threads }: MeasureSources,
  contenders: readonly Contender[],
  architectures: readonly unknown[],
  signal: AbortSignal | undefined,
): Promise<Scores> {
  const list = { length: architectures.length, at: (place: number) => architectures[place] };
  const options: RunOptions = { ...(threads && { threads }), ...(signal && { signal }) };
  return scoreList(setting, contenders, list, { ...options, cache });
}
