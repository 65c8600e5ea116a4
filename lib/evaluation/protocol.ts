import type { Benchmark, NetworkFiles } from '../benchmarks/benchmark.ts';
import { type Backend, machine, type Precision } from '../engine/device.ts';
import type { SeparableUnit } from '../graph/units.ts';
import { VERSION } from '../version.ts';
import type { ChosenNetworks } from './networks.ts';
import type { Scored } from './placement.ts';
import type { Setting } from './setting.ts';

/** How networks' parameters are drawn. */
export const INITIALIZATION = 'kaiming-normal-fan-out';

/** Everything that a result depends on, to be published beside it. */
export interface Protocol {
  /** Version of eznas. */
  readonly version: string;
  readonly space: string;
  /** Null where networks are scored that no benchmark has. */
  readonly benchmark: string | null;
  readonly dataset: string;
  readonly networks: {
    readonly count: number;
    /** `random` networks are those of the seed, `held-out` ones those that a search of the seed never sees. */
    readonly chosen: ChosenNetworks['chosen'];
  };
  /** Which accuracies scores are compared with; null without a benchmark. */
  readonly accuracy: { readonly split: Benchmark<unknown>['split']; readonly epochs: number } | null;
  readonly batch: number;
  /** Decides the networks drawn. */
  readonly seed: number;
  /** Each decides a minibatch, noise, labels and initial parameters, on which all networks are scored anew. */
  readonly seeds: readonly number[];
  /** Name of the images' source. */
  readonly images: string;
  /** Where labels come from: the images' own, or drawn from the seed where they have none that fit; null when nothing reads them. */
  readonly labels: 'images' | 'random' | null;
  readonly initialization: typeof INITIALIZATION;
  /** Which of two convolutions in a row a unit holds; null where the space has no such. */
  readonly separableUnit: SeparableUnit | null;
  /** ONNX files that the benchmark's networks come from; null for all other networks. */
  readonly onnx: NetworkFiles | null;
  /** Where programs ran, or where there were none, native measures. */
  readonly device: Backend;
  /** Where native measures ran: on the CPU, whatever the device; null where there were none. */
  readonly measures: 'cpu' | null;
  /** Names of the GPUs used; none on the CPU. */
  readonly gpus: readonly string[];
  /** How convolutions multiplied; null when no network was run. */
  readonly precision: Precision | null;
  /** Instructions used; null when no network was run. */
  readonly simd: string | null;
  /** Threads used; null when no network was run. */
  readonly threads: number | null;
}

/**
 * @param scored what was run; nothing where only graphs were looked at
 * @param seeds where they are not the setting's one
 */
export function protocolOf(
  setting: Setting,
  networks: Pick<ChosenNetworks, 'chosen'> & { readonly indices: { readonly length: number } },
  threads: number | undefined,
  scored: Scored,
  seeds: readonly number[] = [setting.seed],
): Protocol {
  const { benchmark } = setting;
  const { programs, measures, labelled } = scored;
  const device = measures && !programs ? 'cpu' : setting.backend;
  return {
    version: VERSION,
    space: setting.space.name,
    benchmark: benchmark?.name ?? null,
    dataset: setting.dataset.name,
    networks: { count: networks.indices.length, chosen: networks.chosen },
    accuracy: benchmark ? { split: benchmark.split, epochs: benchmark.epochs[0]! } : null,
    batch: setting.inputs.batch,
    seed: setting.seed,
    seeds,
    images: setting.images,
    labels: labelled ? setting.labels : null,
    initialization: INITIALIZATION,
    separableUnit: setting.separableUnit,
    onnx: benchmark?.files ?? null,
    device,
    measures: measures ? 'cpu' : null,
    ...(programs || measures
      ? machine(device, { threads, precision: setting.precision })
      : { simd: null, threads: null, gpus: [], precision: null }),
  };
}
