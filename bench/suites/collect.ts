import { benchCollect } from '../../lib/bench/collect.ts';
import { summarize } from '../../lib/bench/measure.ts';
import type { BenchEntry, BenchMachine, SuiteOptions } from '../../lib/bench/report.ts';
import { photographs, randomNetworks } from '../../lib/bench/workload.ts';
import { collectStatistics } from '../../lib/engine/run.ts';
import { TENSORS } from '../../lib/programs/tensors.ts';
import { runPyTorch } from '../rivals/pytorch.ts';
import { firstOf, givenInputs, norm, rivalRequest } from './shared.ts';

/** The rival takes a second per network at batch 16: it times the first few of the same networks. */
const RIVAL_NETWORKS = 6;
/** P tensors are small differences of large numbers, so float32 leaves them fewer digits. */
const NORM_TOLERANCE = { plain: 1e-3, difference: 1e-2 };

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
    const rivalSecondsPerNetwork = rival.timing.median;
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
  const workload = firstOf(randomNetworks(16, options.seed), RIVAL_NETWORKS);
  const inputs = givenInputs(photographs(batch, options.seed), options.seed);
  const { request, floats } = rivalRequest(workload, inputs, options.seed, options.threads);
  const answer = runPyTorch<{ seconds: number[]; norms: number[][][] }>({ task: 'collect', ...request }, floats);
  if (answer.missing !== undefined) {
    console.error(`rival left out: ${answer.missing}`);
    return undefined;
  }
  using statistics = await collectStatistics(workload.networks, inputs, { seed: options.seed });
  answer.norms.forEach((units, network) => {
    units.forEach((norms, unit) => {
      norms.forEach((expected, tensor) => {
        const name = TENSORS[tensor]!;
        const got = norm(statistics.tensor(network, unit, name)!);
        const tolerance = name.endsWith('P') ? NORM_TOLERANCE.difference : NORM_TOLERANCE.plain;
        if (Math.abs(got - expected) > tolerance * Math.max(expected, 1e-6)) {
          throw new Error(
            `network ${workload.indices[network]}, unit ${unit}, ${name}: norm ${got}, PyTorch has ${expected}`,
          );
        }
      });
    });
  });
  const timing = summarize(answer.seconds);
  return {
    suite: 'collect',
    name: `PyTorch 22 tensors batch ${batch}`,
    timing,
    figures: { secondsPerNetwork: timing.median },
  };
}
