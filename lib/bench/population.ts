import { collectStatistics, evaluatePrograms } from '../engine/run.ts';
import { measure } from './measure.ts';
import type { BenchEntry, BenchMachine, SuiteOptions } from './report.ts';
import { nodeCount, nodeElements, photographs, randomNetworks, randomPrograms } from './workload.ts';

const PROGRAMS = 50;
const NETWORKS = 20;

/** Evaluation of random valid programs on recorded statistics, cold (nothing kept between runs), with and without sharing. */
export async function benchPopulation(_machine: BenchMachine, options: SuiteOptions): Promise<BenchEntry[]> {
  const { networks } = randomNetworks(NETWORKS, options.seed);
  const programs = randomPrograms(PROGRAMS, options.seed);
  using statistics = await collectStatistics(networks, photographs(1, options.seed), options);
  const units = networks.flatMap((_, network) => statistics.units(network));
  const elements = nodeElements(programs, units);
  const entries: BenchEntry[] = [];
  for (const share of [false, true]) {
    const name = `${PROGRAMS} programs ${NETWORKS} networks ${share ? 'shared' : 'unshared'}`;
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
        programsPerSecond: PROGRAMS / timing.median,
      },
    });
  }
  return entries;
}
