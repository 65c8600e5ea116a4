import type { Backend } from '../engine/device.ts';
import type { Inputs } from '../engine/networks.ts';
import { collectStatistics, nativeRequest, scoreNetworks } from '../engine/run.ts';
import { encodePrograms } from '../programs/encode.ts';
import { parseProgram } from '../programs/parse.ts';
import { TENSORS } from '../programs/tensors.ts';
import type { Program } from '../programs/tree.ts';
import { deviceFigures, gpuOf, runOnGpu } from './gpu.ts';
import { measure } from './measure.ts';
import type { BenchEntry, BenchMachine, DeviceFigures, SuiteOptions } from './report.ts';
import { photographs, randomNetworks, type Workload } from './workload.ts';

/** Networks of the suite: on a GPU as many as it takes at once. */
export const COLLECT_NETWORKS: Readonly<Record<Backend, number>> = { cpu: 16, cuda: 128 };
const BATCHES = [1, 16] as const;
/** Forward, the gradient of the data and that of the weights cost the same; three passes run each. */
const ALL_TENSORS_PASSES = 9;
const EZNAS_A_PASSES = 2;
const EZNAS_A = parseProgram('frobenius_norm(sigmoid(logdet(sign(T1GD))))');
const ALL_TENSORS = 2 ** TENSORS.length - 1;

/** Seconds per NASBench-201 network: all 22 tensors recorded, and EZNAS-A's one recorded and scored. */
export async function benchCollect(machine: BenchMachine, options: SuiteOptions): Promise<BenchEntry[]> {
  const workload = options.workload ?? randomNetworks(COLLECT_NETWORKS[options.device], options.seed);
  const peak = options.device === 'cpu' ? machine.peakGflops.all : gpuOf(machine).peakGflops[options.precision];
  const entries: BenchEntry[] = [];
  for (const batch of BATCHES) {
    const inputs = photographs(batch, options.seed, workload.resolution);
    for (const { name, passes, programs, run } of [
      { name: `22 tensors batch ${batch}`, passes: ALL_TENSORS_PASSES, programs: [], run: recordAll },
      { name: `eznas-a batch ${batch}`, passes: EZNAS_A_PASSES, programs: [EZNAS_A], run: scoreEznasA },
    ]) {
      options.onEntry?.(name);
      const timing = await measure(name, options.samples, () => run(workload, inputs, options), options.signal);
      const operations = 2 * workload.meanMultiplyAdds * batch * passes;
      const secondsPerNetwork = timing.median / workload.networks.length;
      entries.push({
        suite: 'collect',
        name,
        timing,
        figures: {
          secondsPerNetwork,
          networksPerSecond: 1 / secondsPerNetwork,
          gflops: operations / secondsPerNetwork / 1e9,
          percentOfPeak: (100 * operations) / secondsPerNetwork / 1e9 / peak,
        },
        ...(options.device === 'cuda' && {
          onDevice: await timeOnDevice(workload, programs, inputs, machine, options),
        }),
      });
    }
  }
  return entries;
}

/** All tensors, or what the programs read and they themselves. */
async function timeOnDevice(
  { networks }: Workload,
  programs: readonly Program[],
  inputs: Inputs,
  machine: BenchMachine,
  options: SuiteOptions,
): Promise<DeviceFigures> {
  const request = { ...nativeRequest(networks, inputs, options), tensors: ALL_TENSORS };
  const encoded = programs.length > 0 ? encodePrograms(programs) : undefined;
  const times = await runOnGpu(
    (native) => native.benchDeviceNetworks(request, encoded, options.samples),
    options.signal,
  );
  return deviceFigures(times, gpuOf(machine), options.precision);
}

async function recordAll({ networks }: Workload, inputs: Inputs, options: SuiteOptions): Promise<undefined> {
  using _ = await collectStatistics(networks, inputs, options);
  return undefined;
}

async function scoreEznasA({ networks }: Workload, inputs: Inputs, options: SuiteOptions): Promise<undefined> {
  await scoreNetworks(networks, [EZNAS_A], inputs, options);
  return undefined;
}
