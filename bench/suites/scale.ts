import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { BenchEntry, BenchMachine, SuiteOptions } from '../../lib/bench/report.ts';
import type { ScalePoint } from '../scale-point.ts';

const BASE: ScalePoint = { networks: 100, batch: 1, population: 1, threads: 0 };

/** Every axis alone, from the base point. */
const POINTS: readonly Partial<ScalePoint>[] = [
  ...[20, 100, 1000, 15_625].map((networks) => ({ networks })),
  ...[1, 4, 16, 64].map((batch) => ({ batch })),
  ...[50, 500, 5000].map((population) => ({ population, networks: 20 })),
  ...[1, 2].map((threads) => ({ threads, batch: 16 })),
  { networks: 1000, batch: 16 },
  { networks: 15_625, batch: 16 },
];

/** Time and peak memory of scoring, against networks, batch, population and threads. One timing each: the large ones take minutes. */
export async function benchScale(_machine: BenchMachine, options: SuiteOptions): Promise<BenchEntry[]> {
  const script = fileURLToPath(new URL('../scale-point.ts', import.meta.url));
  const points = POINTS.map((changes) => ({ ...BASE, threads: options.threads, ...changes }));
  // Axes cross at the base point, which is timed once.
  const distinct = new Map(points.map((point) => [JSON.stringify(point), point]));
  return [...distinct.values()].map((point) => {
    const name = Object.entries(point)
      .map(([axis, value]) => `${axis} ${value}`)
      .join(', ');
    options.onEntry?.(name);
    const run = spawnSync(process.execPath, ['--import', 'tsx', script, JSON.stringify(point)], { encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`${name} failed:\n${run.stderr}`);
    const { seconds, peakBytes } = JSON.parse(run.stdout) as { seconds: number; peakBytes: number };
    return {
      suite: 'scale',
      name,
      timing: { median: seconds, low: seconds, high: seconds, samples: 1 },
      figures: { ...point, secondsPerNetwork: seconds / point.networks, peakMiB: peakBytes / 2 ** 20 },
    };
  });
}
