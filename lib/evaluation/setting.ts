import type { Benchmark, BenchmarkDataset } from '../benchmarks/benchmark.ts';
import { loadNasbench201 } from '../benchmarks/nasbench201.ts';
import type { Inputs, Network, RunOptions } from '../engine/networks.ts';
import { EznasError } from '../errors.ts';
import { imageFormat } from '../images/normalization.ts';
import { openImages } from '../images/open.ts';
import type { ImageSource } from '../images/source.ts';
import { didYouMean } from '../programs/nearest.ts';
import { type Backend, type Device, resolveDevice } from './device.ts';

const BENCHMARKS: Readonly<Record<string, () => Benchmark<unknown>>> = {
  nasbench201: () => loadNasbench201() as Benchmark<unknown>,
};

/** Names that {@link openBenchmark} knows. */
export const SPACES: readonly string[] = Object.keys(BENCHMARKS);

/** Where networks come from and what they see: the same names in every function and command. */
export interface SettingOptions extends RunOptions {
  /** Search space and benchmark, default `nasbench201`. */
  readonly space?: string;
  /** Dataset whose networks, image format and accuracies are meant, default `cifar10`. */
  readonly dataset?: string;
  /** `photographs` (default), `noise`, a file or folder (see openImages), or a source of your own. */
  readonly images?: string | ImageSource;
  /** Images in the minibatch, default 16. */
  readonly batch?: number;
  /** Default `auto`. */
  readonly device?: Device;
}

/** A setting made concrete. */
export interface Setting {
  readonly benchmark: Benchmark<unknown>;
  readonly dataset: BenchmarkDataset;
  readonly inputs: Inputs;
  /** Name of the images' source. */
  readonly images: string;
  readonly seed: number;
  readonly backend: Backend;
}

/** Batch size at which proxies are judged (EZNAS, section 4). */
export const DEFAULT_BATCH = 16;

/**
 * The benchmark of that name.
 *
 * @throws EznasError INVALID_ARGUMENT naming those there are; INVALID_FILE when its table is damaged
 */
export function openBenchmark(name: string): Benchmark<unknown> {
  const open = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined;
  if (open === undefined) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `unknown search space '${name}'${didYouMean(name, SPACES)} (known: ${SPACES.join(', ')})`,
    );
  }
  return open();
}

/**
 * Opens the benchmark and draws the minibatch.
 *
 * @throws EznasError INVALID_ARGUMENT, INVALID_FILE, TOO_LARGE, ADDON_UNAVAILABLE
 */
export function resolveSetting(options: SettingOptions): Setting {
  const { space = 'nasbench201', dataset: name = 'cifar10', batch = DEFAULT_BATCH, seed = 0 } = options;
  const backend = resolveDevice(options.device ?? 'auto');
  const benchmark = openBenchmark(space);
  const dataset = benchmark.dataset(name);
  const images = options.images ?? 'photographs';
  const source = typeof images === 'string' ? openImages(images) : images;
  const { normalization } = imageFormat(dataset.name);
  const { data } = source.minibatch({ batch, seed, resolution: dataset.resolution, normalization });
  const shape = [dataset.channels, dataset.resolution, dataset.resolution] as const;
  return { benchmark, dataset, inputs: { batch, shape, data }, images: source.name, seed, backend };
}

/** The network of an index, as the setting's benchmark trained it. */
export function buildNetwork({ benchmark: { space }, dataset }: Setting, index: number): Network {
  const { classes, resolution, channels } = dataset;
  const graph = space.build(space.architecture(index), { classes, resolution, inputChannels: channels });
  return { graph, key: index };
}
