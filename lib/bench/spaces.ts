import { DATASETS, findDataset } from '../benchmarks/datasets.ts';
import type { Network } from '../engine/networks.ts';
import { scoreNetworks } from '../engine/run.ts';
import { flops } from '../graph/counts.ts';
import { parseProgram } from '../programs/parse.ts';
import { Random } from '../random.ts';
import { findSpace, SPACE_NAMES } from '../spaces/registry.ts';
import { networkKey } from '../spaces/space.ts';
import { measureWithin } from './measure.ts';
import type { BenchEntry, BenchMachine, SuiteOptions } from './report.ts';
import { photographs } from './workload.ts';

/** Networks drawn of each space, of which those in the middle by multiply-adds are timed together, as many as there are threads but at most so many. */
const DRAWN = 15;
const TIMED = 4;
/** Timings of an entry at most, and the seconds they may take together: some networks take seconds each. */
const MAX_SAMPLES = 3;
const ENTRY_SECONDS = 5;
const BATCHES = [1, 16] as const;
/** Forward and the gradient of the data. */
const PASSES = 2;
const EZNAS_A = parseProgram('frobenius_norm(sigmoid(logdet(sign(T1GD))))');

/**
 * Seconds per network of search spaces, networks made for their datasets: EZNAS-A recorded and scored on networks of middling cost. An entry is timed
 * fewer times where its networks are slow, and its timing says how often.
 *
 * @param names default all
 */
export async function benchSpaces(
  machine: BenchMachine,
  options: SuiteOptions,
  names: readonly string[] = SPACE_NAMES,
): Promise<BenchEntry[]> {
  const entries: BenchEntry[] = [];
  for (const space of names) {
    const { networks, dataset, meanMultiplyAdds } = drawNetworks(space, options);
    for (const batch of BATCHES) {
      const name = `${space} batch ${batch}`;
      options.onEntry?.(name);
      const inputs = photographs(batch, options.seed, dataset.resolution);
      const score = async (): Promise<number> => {
        const began = performance.now();
        await scoreNetworks(networks, [EZNAS_A], inputs, options);
        return (performance.now() - began) / 1000 / networks.length;
      };
      const samples = Math.min(options.samples, MAX_SAMPLES);
      const timing = await measureWithin(ENTRY_SECONDS, name, samples, score, options.signal);
      const gflops = (2 * meanMultiplyAdds * batch * PASSES) / timing.median / 1e9;
      const percentOfPeak = (100 * gflops) / machine.peakGflops.all;
      const figures = {
        secondsPerNetwork: timing.median,
        networksPerSecond: 1 / timing.median,
        networksTimed: networks.length,
        megaMultiplyAdds: meanMultiplyAdds / 1e6,
        gflops,
        percentOfPeak,
      };
      entries.push({ suite: 'spaces', name, timing, figures });
    }
  }
  return entries;
}

function drawNetworks(name: string, { seed, threads }: SuiteOptions) {
  const space = findSpace(name);
  const dataset = findDataset(DATASETS, space.dataset ?? 'cifar10', 'the package');
  const random = new Random(seed).fork(`networks of ${name}`);
  const { classes, resolution, channels: inputChannels } = dataset;
  const drawn = Array.from({ length: DRAWN }, () => {
    const architecture = space.sample(random);
    const graph = space.build(architecture, { classes, resolution, inputChannels });
    return { network: { graph, key: networkKey(space, architecture) } satisfies Network, cost: flops(graph) };
  }).sort((a, b) => a.cost - b.cost);
  const count = Math.max(1, Math.min(TIMED, threads));
  const first = Math.floor((DRAWN - count) / 2);
  const timed = drawn.slice(first, first + count);
  const meanMultiplyAdds = timed.reduce((sum, { cost }) => sum + cost, 0) / count;
  return { networks: timed.map(({ network }) => network), dataset, meanMultiplyAdds };
}
