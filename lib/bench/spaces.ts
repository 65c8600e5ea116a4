import { DATASETS, findDataset } from '../benchmarks/datasets.ts';
import type { Network } from '../engine/networks.ts';
import { scoreNetworks } from '../engine/run.ts';
import { flops } from '../graph/counts.ts';
import { parseProgram } from '../programs/parse.ts';
import { Random } from '../random.ts';
import { findSpace, SPACE_NAMES } from '../spaces/registry.ts';
import { networkKey } from '../spaces/space.ts';
import { measure } from './measure.ts';
import type { BenchEntry, BenchMachine, SuiteOptions } from './report.ts';
import { photographs } from './workload.ts';

/** Networks drawn of each space. */
const NETWORKS = 4;
/** Timings of an entry at most: networks take seconds in some spaces. */
const MAX_SAMPLES = 3;
const BATCHES = [1, 16] as const;
/** Forward and the gradient of the data. */
const PASSES = 2;
const EZNAS_A = parseProgram('frobenius_norm(sigmoid(logdet(sign(T1GD))))');

/** Seconds per network of each search space, made for its dataset: EZNAS-A recorded and scored. */
export async function benchSpaces(machine: BenchMachine, options: SuiteOptions): Promise<BenchEntry[]> {
  const entries: BenchEntry[] = [];
  for (const space of SPACE_NAMES) {
    const { networks, dataset, meanMultiplyAdds } = drawNetworks(space, options.seed);
    for (const batch of BATCHES) {
      const name = `${space} batch ${batch}`;
      options.onEntry?.(name);
      const inputs = photographs(batch, options.seed, dataset.resolution);
      const score = async (): Promise<undefined> => {
        await scoreNetworks(networks, [EZNAS_A], inputs, options);
      };
      const timing = await measure(name, Math.min(options.samples, MAX_SAMPLES), score, options.signal);
      const secondsPerNetwork = timing.median / networks.length;
      const gflops = (2 * meanMultiplyAdds * batch * PASSES) / secondsPerNetwork / 1e9;
      const percentOfPeak = (100 * gflops) / machine.peakGflops.all;
      const figures = { secondsPerNetwork, networksPerSecond: 1 / secondsPerNetwork, gflops, percentOfPeak };
      entries.push({ suite: 'spaces', name, timing, figures });
    }
  }
  return entries;
}

function drawNetworks(name: string, seed: number) {
  const space = findSpace(name);
  const dataset = findDataset(DATASETS, space.dataset ?? 'cifar10', 'the package');
  const random = new Random(seed).fork(`networks of ${name}`);
  const { classes, resolution, channels: inputChannels } = dataset;
  const networks = Array.from({ length: NETWORKS }, (): Network => {
    const architecture = space.sample(random);
    return {
      graph: space.build(architecture, { classes, resolution, inputChannels }),
      key: networkKey(space, architecture),
    };
  });
  const meanMultiplyAdds = networks.reduce((sum, { graph }) => sum + flops(graph), 0) / NETWORKS;
  return { networks, dataset, meanMultiplyAdds };
}
