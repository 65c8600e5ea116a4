import { createHash } from 'node:crypto';
import { machine } from '../engine/device.ts';
import type { RunOptions } from '../engine/networks.ts';
import { EznasError } from '../errors.ts';
import type { Contender } from '../evaluation/contenders.ts';
import { scoreList } from '../evaluation/scoring.ts';
import { requireBenchmark, type Setting } from '../evaluation/setting.ts';
import { printFormula } from '../formulas/print.ts';
import { readsNumbers } from '../formulas/tree.ts';
import { VERSION } from '../version.ts';
import type { Latency } from './latency.ts';
import type { Measure, Measured } from './problem.ts';
import type { ScoreCache } from './score-cache.ts';

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
    const rows = new Map<string, ArrayLike<number>>();
    const seconds = new Float64Array(architectures.length);
    const add = ({ values, seconds: spent }: Measured, names: readonly string[]) => {
      for (const [row, name] of names.entries()) rows.set(name, values[row]!);
      for (let place = 0; place < seconds.length; place++) seconds[place]! += spent[place]!;
    };
    const asked = metrics.flatMap((metric) => byName.get(metric) ?? []);
    const counted = asked.filter(isCounted);
    const scored = asked.filter((contender) => !isCounted(contender));
    if (counted.length > 0) add(await score(sources, counted, architectures, signal), counted.map(nameOf));
    if (scored.length > 0) add(await scoreThroughCache(sources, scored, architectures, signal), scored.map(nameOf));
    for (const metric of metrics) {
      if (metric === ORACLE) rows.set(metric, architectures.map(trueAccuracy(setting)));
      else if (metric === LATENCY) rows.set(metric, await latencies(setting, latency, architectures));
    }
    return { values: metrics.map((metric) => rows.get(metric)!), seconds };
  };
}

const nameOf = ({ name }: Contender): string => name;

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

async function score(
  { setting, threads }: MeasureSources,
  contenders: readonly Contender[],
  architectures: readonly unknown[],
  signal: AbortSignal | undefined,
): Promise<Measured> {
  const list = { length: architectures.length, at: (place: number) => architectures[place] };
  const options: RunOptions = { ...(threads && { threads }), ...(signal && { signal }) };
  const began = performance.now();
  const { scores } = await scoreList(setting, contenders, list, options);
  const each = (performance.now() - began) / 1000 / architectures.length;
  return {
    values: contenders.map(({ name }) => scores.get(name)!),
    seconds: new Float64Array(architectures.length).fill(each),
  };
}

async function scoreThroughCache(
  sources: MeasureSources,
  contenders: readonly Contender[],
  architectures: readonly unknown[],
  signal: AbortSignal | undefined,
): Promise<Measured> {
  const { setting, cache } = sources;
  if (cache === undefined) return score(sources, contenders, architectures, signal);
  const texts = architectures.map((architecture) => setting.space.print(architecture));
  const scorings = contenders.map((contender) => describeScoring(setting, contender));
  const known = scorings.map((scoring) => cache.find(scoring, texts));
  const places = [...architectures.keys()].filter((place) => known.some((row) => row[place] === undefined));
  if (places.length > 0) {
    const missing = places.map((place) => architectures[place]);
    const { values, seconds } = await score(sources, contenders, missing, signal);
    for (const [row, scoring] of scorings.entries()) {
      // All programs were run together; each has its part of the time.
      const fresh = places.map((place, at) => ({
        architecture: texts[place]!,
        value: values[row]![at]!,
        seconds: seconds[at]! / contenders.length,
      }));
      const lacking = fresh.filter((_, at) => known[row]![places[at]!] === undefined);
      cache.keep(scoring, lacking);
      for (const [at, place] of places.entries()) known[row]![place] ??= fresh[at]!;
    }
  }
  return {
    values: known.map((row) => row.map((cached) => cached!.value)),
    seconds: texts.map((_, place) => known.reduce((sum, row) => sum + row[place]!.seconds, 0)),
  };
}

/** Everything that decides a contender's scores besides the architecture. */
function describeScoring(setting: Setting, contender: Contender): string {
  const { space, dataset, inputs, seed, backend, precision } = setting;
  const { classes, resolution, channels } = dataset;
  return JSON.stringify({
    eznas: VERSION,
    definition: 'formula' in contender ? printFormula(contender.formula) : contender.name,
    space: space.name,
    network: { classes, resolution, channels },
    inputs: digest(inputs),
    seed,
    backend,
    ...machine(backend, { threads: 1, precision }),
  });
}

const digests = new WeakMap<Setting['inputs'], string>();

/** A hash of everything that networks are given. */
function digest(inputs: Setting['inputs']): string {
  const known = digests.get(inputs);
  if (known !== undefined) return known;
  const hash = createHash('sha256');
  for (const [name, value] of Object.entries(inputs) as [string, unknown][]) {
    hash.update(`${name}:`);
    if (ArrayBuffer.isView(value)) hash.update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    else hash.update(JSON.stringify(value) ?? '');
  }
  const made = hash.digest('hex');
  digests.set(inputs, made);
  return made;
}
