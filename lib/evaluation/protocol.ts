import { VERSION } from '../version.ts';
import { machine } from './device.ts';
import type { ChosenNetworks } from './networks.ts';
import type { Setting } from './setting.ts';

/** Everything that a result depends on, to be published beside it. */
export interface Protocol {
  /** Version of eznas. */
  readonly version: string;
  readonly space: string;
  readonly dataset: string;
  readonly networks: {
    readonly count: number;
    /** `random` networks are those of the seed, `held-out` ones those that a search of the seed never sees. */
    readonly chosen: ChosenNetworks['chosen'];
  };
  /** Which accuracies scores are compared with. */
  readonly accuracy: { readonly split: 'test'; readonly epochs: number };
  readonly batch: number;
  /** Decides the networks drawn, the minibatch, the noise and the initial parameters. */
  readonly seed: number;
  /** Name of the images' source. */
  readonly images: string;
  readonly initialization: 'kaiming-normal-fan-out';
  readonly device: 'cpu';
  /** Instructions used; null when no network was run. */
  readonly simd: string | null;
  /** Threads used; null when no network was run. */
  readonly threads: number | null;
}

/** @param ran whether networks were run, or only their graphs looked at */
export function protocolOf(
  setting: Setting,
  networks: ChosenNetworks,
  threads: number | undefined,
  ran: boolean,
): Protocol {
  return {
    version: VERSION,
    space: setting.benchmark.space.name,
    dataset: setting.dataset.name,
    networks: { count: networks.indices.length, chosen: networks.chosen },
    accuracy: { split: 'test', epochs: setting.benchmark.epochs[0]! },
    batch: setting.inputs.batch,
    seed: setting.seed,
    images: setting.images,
    initialization: 'kaiming-normal-fan-out',
    device: setting.backend,
    ...(ran ? machine(threads) : { simd: null, threads: null }),
  };
}
