import type { Backend } from '../engine/device.ts';
import { collectStatistics, evaluatePrograms } from '../engine/run.ts';
import type { Statistics } from '../engine/statistics.ts';
import { encodePrograms } from '../programs/encode.ts';
import type { Program } from '../programs/tree.ts';
import { runOnGpu } from './gpu.ts';
import { measure, summarize } from './measure.ts';
import type { BenchEntry, BenchMachine, DeviceFigures, SuiteOptions } from './report.ts';
import { nodeCount, nodeElements, photographs, randomNetworks, randomPrograms } from './workload.ts';

/** Programs and networks: on a GPU so many that it is busy. */
export const POPULATION: Readonly<Record<Backend, { readonly programs: number; readonly networks: number }>> = {
  cpu: { programs: 50, networks: 20 },
  cuda: { programs: 500, networks: 100 },
};

/** Evaluation of random valid programs on recorded statistics, cold (nothing kept between runs), with and without sharing. */
export async function benchPopulation(_machine: BenchMachine, options: SuiteOptions): Promise<BenchEntry[]> {
  const counts = POPULATION[options.device];
  const { networks, resolution } = options.workload ?? randomNetworks(counts.networks, options.seed);
  const programs = randomPrograms(options.programs ?? counts.programs, options.seed);
  using statistics = await collectStatistics(networks, photographs(1, options.seed, resolution), options);
  const units = networks.flatMap((_, network) => statistics.units(network));
  const elements = nodeElements(programs, units);
  const entries: BenchEntry[] = [];
  for (const share of [false, true]) {
    const name = `${programs.length} programs ${networks.length} networks ${share ? 'shared' : 'unshared'}`;
    options.onEntry?.(name);
    const run = async () => {
      await evaluatePrograms(statistics, programs, { ...options, share });
      return undefined;
    };
    const timing = await measure(name, options.samples, run, options.signal);
    entries.push({
      suite: 'population',
      name,
      timing,
      figures: {
        nodes: nodeCount(programs),
        nodeElementsPerSecond: elements / timing.median,
        programsPerSecond: programs.length / timing.median,
      },
      ...(options.device === 'cuda' && {
        onDevice: await timeOnDevice(statistics, programs, share, elements, options),
      }),
    });
  }
  return entries;
}

/** All programs on the networks whose statistics lie on the first GPU. */
async function timeOnDevice(
  statistics: Statistics,
  programs: readonly Program[],
  share: boolean,
  elements: number,
  options: SuiteOptions,
): Promise<DeviceFigures> {
  const encoded = { ...encodePrograms(programs), share };
  const { deviceSeconds, items } = await runOnGpu(
    (native) => native.benchDevicePopulation(statistics.handle, encoded, options.samples),
    options.signal,
  );
  const seconds = summarize([...deviceSeconds]).median;
  const nodeElementsPerSecond = (elements * items) / statistics.networks / seconds;
  return { deviceSeconds: seconds, itemsAtOnce: items, nodeElementsPerSecond };
}
