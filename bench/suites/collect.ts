import { benchCollect } from '../../lib/bench/collect.ts';
import { summarize } from '../../lib/bench/measure.ts';
import type { BenchEntry, BenchMachine, SuiteOptions } from '../../lib/bench/report.ts';
import { photographs, randomNetworks } from '../../lib/bench/workload.ts';
import { collectStatistics } from '../../lib/engine/run.ts';
import { TENSORS } from '../../lib/programs/tensors.ts';
import { runPyTorch } from '../rivals/pytorch.ts';
import { givenInputs, norm, rivalRequest } from './shared.ts';

/**
 * What norms may differ by. Activations agree to float32's digits. Gradients jump where an activation within rounding of zero falls on
 * the other side of a ReLU, which happens about once per network in millions of elements, to either side; P tensors are differences.
 */
const NORM_TOLERANCE = { activation: 1e-4, gradientOrDifference: 2e-2 };

/** Networks that the rival runs: so many of those that the suite draws. */
const NETWORKS = 16;

/** The shipped suite, with PyTorch's seconds on the same networks, weights and inputs beside it. */
export async function benchCollectBeside(machine: BenchMachine, options: SuiteOptions): Promise<BenchEntry[]> {
  const entries = await benchCollect(machine, options);
  const rivals: BenchEntry[] = [];
  for (const batch of [1, 16]) {
    options.onEntry?.(`PyTorch batch ${batch}`);
    const rival = await rivalEntry(batch, options);
    if (rival === undefined) continue;
    rivals.push(rival);
    const own = entries.findIndex((entry) => entry.name === `22 tensors batch ${batch}`);
    const entry = entries[own]!;
    const rivalSecondsPerNetwork = rival.figures['secondsPerNetwork']!;
    entries[own] = {
      ...entry,
      figures: {
        ...entry.figures,
        rivalSecondsPerNetwork,
        timesFasterThanRival: rivalSecondsPerNetwork / entry.figures['secondsPerNetwork']!,
      },
    };
  }
  return [...entries, ...rivals];
}

async function rivalEntry(batch: number, options: SuiteOptions): Promise<BenchEntry | undefined> {
  const workload = randomNetworks(NETWORKS, options.seed);
  const inputs = givenInputs(photographs(batch, options.seed), options.seed);
  const { request, floats } = rivalRequest(workload, inputs, options);
  const answer = runPyTorch<{ seconds: number[]; norms: number[][][] }>({ task: 'collect', ...request }, floats);
  if (answer.missing !== undefined) {
    console.error(`rival left out: ${answer.missing}`);
    return undefined;
  }
  using statistics = await collectStatistics(workload.networks, inputs, { seed: options.seed, device: options.device });
  answer.norms.forEach((units, network) => {
    units.forEach((norms, unit) => {
      norms.forEach((expected, tensor) => {
        const name = TENSORS[tensor]!;
        const got = norm(statistics.tensor(network, unit, name)!);
        const tolerance = /G|P$/.test(name) ? NORM_TOLERANCE.gradientOrDifference : NORM_TOLERANCE.activation;
        if (Math.abs(got - expected) > tolerance * Math.max(expected, 1e-6)) {
          throw new Error(
            `network ${workload.indices[network]}, unit ${unit}, ${name}: norm ${got}, PyTorch has ${expected}`,
          );
        }
      });
    });
  });
  const timing = summarize(answer.seconds);
  const mean = answer.seconds.reduce((sum, x) => sum + x, 0) / answer.seconds.length;
  return {
    suite: 'collect',
    name: `PyTorch 22 tensors batch ${batch}`,
    timing,
    figures: { secondsPerNetwork: mean },
  };
}
