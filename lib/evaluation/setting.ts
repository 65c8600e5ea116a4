import type { Benchmark } from '../benchmarks/benchmark.ts';
import { readCsvBenchmark } from '../benchmarks/csv.ts';
import { DATASETS, type Dataset, findDataset } from '../benchmarks/datasets.ts';
import { benchmarkOf, openBenchmark } from '../benchmarks/registry.ts';
import { type Backend, type Device, type Precision, resolveDevice } from '../engine/device.ts';
import type { Inputs, Network, RunOptions } from '../engine/networks.ts';
import { EznasError } from '../errors.ts';
import type { SeparableUnit } from '../graph/units.ts';
import { imageFormat } from '../images/normalization.ts';
import { openImages } from '../images/open.ts';
import type { ImageSource } from '../images/source.ts';
import { Random } from '../random.ts';
import { findSpace } from '../spaces/registry.ts';
import { networkKey, type SearchSpace } from '../spaces/space.ts';

/** Where networks come from and what they see: the same names in every function and command. */
export interface SettingOptions extends RunOptions {
  /** Search space: its name or one of your own. Default: that of the benchmark, or `nasbench201`. */
  readonly space?: string | SearchSpace<unknown>;
  /** Where accuracies are known: a name, the path of a `.csv` file (see readCsvBenchmark) or of a `.json` file of NDS or NAS-Bench-Macro, or one of your own. Default: the space's. */
  readonly benchmark?: string | Benchmark<unknown>;
  /** Dataset whose networks, image format and accuracies are meant. Default: the benchmark's first. */
  readonly dataset?: string;
  /** `photographs` (default), `noise`, a file or folder (see openImages), or a source of your own. */
  readonly images?: string | ImageSource;
  /** Images in the minibatch, default 16. */
  readonly batch?: number;
  /** Which of two convolutions in a row their unit holds, default the first; only of spaces that have such. */
  readonly separableUnit?: SeparableUnit;
}

/** Options where a dataset may be one of your own, since no accuracies are asked for. */
export interface OwnSettingOptions extends Omit<SettingOptions, 'dataset'> {
  readonly dataset?: string | Dataset;
}

/** A setting made concrete. */
export interface Setting {
  readonly space: SearchSpace<unknown>;
  /** Undefined for a space without one. */
  readonly benchmark: Benchmark<unknown> | undefined;
  readonly dataset: Dataset;
  readonly inputs: Inputs;
  /** Name of the images' source. */
  readonly images: string;
  /** Whether the labels of the inputs are the images' own. */
  readonly labels: 'images' | 'random';
  readonly seed: number;
  /** The device asked for, and what it stands for: where programs run. */
  readonly device: Device;
  readonly backend: Backend;
  readonly precision: Precision;
  /** Null where the space has no two convolutions in a row. */
  readonly separableUnit: SeparableUnit | null;
}

/** Batch size at which proxies are judged (EZNAS, section 4). */
export const DEFAULT_BATCH = 16;

/**
 * The space and benchmark that are meant.
 *
 * @throws EznasError INVALID_ARGUMENT for an unknown name, or a benchmark of another space; INVALID_FILE when a table is damaged
 */
export function resolveBenchmark({
  space,
  benchmark,
}: Pick<SettingOptions, 'space' | 'benchmark'>): Pick<Setting, 'space' | 'benchmark'> {
  const given = typeof space === 'object' ? space : space && findSpace(space);
  const meant = benchmark ?? (given ? benchmarkOf(given.name) : 'nasbench201');
  const open = (name: string) =>
    name.endsWith('.csv')
      ? readCsvBenchmark(name, given || findSpace('nasbench201'))
      : openBenchmark(name, given || undefined);
  const opened = typeof meant === 'string' ? open(meant) : meant;
  if (given && opened && given !== opened.space) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `benchmark ${opened.name} has architectures of the space ${opened.space.name}, not of ${given.name}`,
    );
  }
  return { space: given || opened!.space, benchmark: opened };
}

/**
 * Opens the benchmark and draws the minibatch.
 *
 * @throws EznasError INVALID_ARGUMENT, INVALID_FILE, TOO_LARGE, NO_DEVICE, ADDON_UNAVAILABLE
 */
export function resolveSetting(options: OwnSettingOptions): Setting {
  const { dataset: name, batch = DEFAULT_BATCH, seed = 0, device = 'auto', precision = 'float32' } = options;
  const backend = resolveDevice(device);
  const { space, benchmark } = resolveBenchmark(options);
  const separableUnit = resolveSeparableUnit(space, options.separableUnit);
  const dataset = resolveDataset(space, benchmark, name);
  const images = options.images ?? 'photographs';
  const source = typeof images === 'string' ? openImages(images) : images;
  const { normalization } = imageFormat(dataset.normalization);
  const { labels: own, ...drawn } = source.minibatch({ batch, seed, resolution: dataset.resolution, normalization });
  const data = withChannels(drawn.data, batch, dataset.channels);
  const shape = [dataset.channels, dataset.resolution, dataset.resolution] as const;
  const fits = own?.every((label) => label >= 0 && label < dataset.classes) ?? false;
  const inputs = { batch, shape, data, labels: fits ? own! : randomLabels(batch, dataset.classes, seed) };
  const labels = fits ? 'images' : 'random';
  return {
    space,
    benchmark,
    dataset,
    inputs,
    images: source.name,
    labels,
    seed,
    device,
    backend,
    precision,
    separableUnit,
  };
}

function resolveSeparableUnit(space: SearchSpace<unknown>, given: SeparableUnit | undefined): SeparableUnit | null {
  if (space.separable) return given ?? 'first';
  if (given === undefined) return null;
  throw new EznasError(
    'INVALID_ARGUMENT',
    `networks of the space ${space.name} have no two convolutions in a row, of which separableUnit (--separable-unit) tells the unit's; leave it out`,
  );
}

/** Images with one channel in place of three: their mean. */
function withChannels(data: Float32Array, batch: number, channels: number): Float32Array {
  if (channels === 3) return data;
  if (channels !== 1) {
    throw new EznasError('INVALID_ARGUMENT', `networks take images of ${channels} channels; minibatches have 3 or 1`);
  }
  const size = data.length / batch / 3;
  const value = (image: number, channel: number, at: number) => data[(3 * image + channel) * size + at]!;
  return Float32Array.from({ length: batch * size }, (_, at) => {
    const [image, place] = [Math.floor(at / size), at % size];
    return (value(image, 0, place) + value(image, 1, place) + value(image, 2, place)) / 3;
  });
}

/** A class for each image, drawn uniformly. */
function randomLabels(batch: number, classes: number, seed: number): Int32Array {
  const random = new Random(seed).fork('labels');
  return Int32Array.from({ length: batch }, () => random.integer(classes));
}

function resolveDataset(
  space: SearchSpace<unknown>,
  benchmark: Benchmark<unknown> | undefined,
  name: string | Dataset | undefined,
): Dataset {
  if (typeof name === 'object') return name;
  if (benchmark === undefined) return findDataset(DATASETS, name ?? space.dataset ?? 'cifar10', 'the package');
  return name === undefined ? benchmark.datasets[0]! : benchmark.dataset(name);
}

/**
 * The setting's benchmark, for what needs accuracies.
 *
 * @throws EznasError INVALID_ARGUMENT when it has none
 */
export function requireBenchmark({ space, benchmark }: Setting): Benchmark<unknown> {
  if (benchmark === undefined) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `no accuracies of the space ${space.name} are known; name a benchmark that has some`,
    );
  }
  return benchmark;
}

/** The network of an architecture, as it is trained on the setting's dataset. */
export function buildNetwork({ space, dataset, separableUnit }: Setting, architecture: unknown): Network {
  const { classes, resolution, channels: inputChannels } = dataset;
  const size = { classes, resolution, inputChannels };
  const graph = space.build(architecture, { ...size, ...(separableUnit && { separableUnit }) });
  const { key, parameters } = space.start?.(architecture) ?? { key: networkKey(space, architecture) };
  return { graph, key, ...(parameters && { parameters }) };
}
