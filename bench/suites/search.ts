import { measure } from '../../lib/bench/measure.ts';
import type { BenchEntry, BenchMachine, SuiteOptions } from '../../lib/bench/report.ts';
import { loadNasbench201 } from '../../lib/benchmarks/nasbench201.ts';
import { evolveProxy } from '../../lib/discovery/evolve-proxy.ts';
import { PRESETS } from '../../lib/evolution/presets.ts';
import { Random } from '../../lib/random.ts';
import { runPyTorch } from '../rivals/pytorch.ts';

const SAMPLES = 3;

/**
 * A search of paper size (4 tasks × 20 networks, 50 × 15) end to end, recording of the networks included; the rival is the released
 * loop rebuilt with PyTorch and DEAP. The final judgement is left out as far as it can be: the rival has none.
 */
export async function benchSearch(_machine: BenchMachine, options: SuiteOptions): Promise<BenchEntry[]> {
  const name = 'paper preset, 4 x 20 networks, 50 x 15 programs';
  options.onEntry?.(name);
  const run = async () => {
    const { threads, seed, device } = options;
    await evolveProxy({ preset: 'paper', threads, seed, device, heldOut: 2, judgeBatch: 1 });
    return undefined;
  };
  const timing = await measure(name, SAMPLES, run, options.signal);
  const own: BenchEntry = {
    suite: 'search',
    name,
    timing,
    figures: { peakMiB: process.resourceUsage().maxRSS / 1024 },
  };

  options.onEntry?.('PyTorch and DEAP');
  const answer = runPyTorch<{ seconds: number; collectSeconds: number; evaluated: number; fitness: number }>({
    task: 'search',
    threads: options.threads,
    seed: options.seed,
    tasks: rivalTasks(options.seed),
  });
  if (answer.missing !== undefined) {
    console.error(`rival left out: ${answer.missing}`);
    return [own];
  }
  const { seconds, collectSeconds, evaluated, fitness, peakBytes } = answer;
  return [
    { ...own, figures: { ...own.figures, timesFasterThanRival: seconds / timing.median } },
    {
      suite: 'search',
      name: 'PyTorch and DEAP',
      timing: { median: seconds, low: seconds, high: seconds, samples: 1 },
      figures: { collectSeconds, evaluated, fitness, peakMiB: peakBytes / 2 ** 20 },
    },
  ];
}

function rivalTasks(seed: number) {
  const { tasksPerPool, networksPerTask } = PRESETS.paper;
  const benchmark = loadNasbench201();
  const drawn = new Random(seed).fork('rival').sample(benchmark.size, tasksPerPool * networksPerTask);
  return Array.from({ length: tasksPerPool }, (_, task) => {
    const indices = drawn.slice(task * networksPerTask, (task + 1) * networksPerTask);
    return {
      classes: 10,
      resolution: 32,
      architectures: indices.map((index) => benchmark.space.print(benchmark.architecture(index))),
      accuracies: indices.map((index) => benchmark.accuracy(index, 'cifar10')),
    };
  });
}
