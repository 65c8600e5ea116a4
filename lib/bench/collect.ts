import type { Inputs } from '../engine/networks.ts';
import { collectStatistics, scoreNetworks } from '../engine/run.ts';
import { parseProgram } from '../programs/parse.ts';
import { measure } from './measure.ts';
import type { BenchEntry, BenchMachine, SuiteOptions } from './report.ts';
import { photographs, randomNetworks, type Workload } from './workload.ts';

/** Networks of the suite. */
export const COLLECT_NETWORKS = 16;
const BATCHES = [1, 16] as const;
/** Forward, the gradient of the data and that of the weights cost the same; three passes run each. */
const ALL_TENSORS_PASSES = 9;
const EZNAS_A_PASSES = 2;

/** Seconds per NASBench-201 network: all 22 tensors recorded, and EZNAS-A's one recorded and scored. */
export async function benchCollect(machine: BenchMachine, options: SuiteOptions): Promise<BenchEntry[]> {
  const workload = randomNetworks(COLLECT_NETWORKS, options.seed);
  const entries: BenchEntry[] = [];
  for (const batch of BATCHES) {
    const inputs = photographs(batch, options.seed);
    for (const { name, passes, run } of [
      { name: `22 tensors batch ${batch}`, passes: ALL_TENSORS_PASSES, run: recordAll },
      { name: `eznas-a batch ${batch}`, passes: EZNAS_A_PASSES, run: scoreEznasA },
    ]) {
      options.onEntry?.(name);
      const timing = await measure(name, options.samples, () => run(workload, inputs, options), options.signal);
      const operations = 2 * workload.meanMultiplyAdds * batch * passes;
      const secondsPerNetwork = timing.median / COLLECT_NETWORKS;
      entries.push({
        suite: 'collect',
        name,
        timing,
        figures: {
          secondsPerNetwork,
          networksPerSecond: 1 / secondsPerNetwork,
          gflops: operations / secondsPerNetwork / 1e9,
          percentOfPeak: (100 * operations) / secondsPerNetwork / 1e9 / machine.peakGflops.all,
        },
      });
    }
  }
  return entries;
}

async function recordAll({ networks }: Workload, inputs: Inputs, options: SuiteOptions): Promise<undefined> {
  using _ = await collectStatistics(networks, inputs, options);
  return undefined;
}

async function scoreEznasA({ networks }: Workload, inputs: Inputs, options: SuiteOptions): Promise<undefined> {
  await scoreNetworks(networks, [parseProgram('frobenius_norm(sigmoid(logdet(sign(T1GD))))')], inputs, options);
  return undefined;
}
