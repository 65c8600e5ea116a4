import { Bench } from 'tinybench';
import type { Timing } from './report.ts';

/** Median and quartiles. */
export function summarize(seconds: readonly number[]): Timing {
  const sorted = seconds.toSorted((a, b) => a - b);
  const quantile = (q: number): number => {
    const position = q * (sorted.length - 1);
    const below = sorted[Math.floor(position)]!;
    return below + (position - Math.floor(position)) * (sorted[Math.ceil(position)]! - below);
  };
  return { median: quantile(0.5), low: quantile(0.25), high: quantile(0.75), samples: sorted.length };
}

/** What is timed. It may return the seconds that it measured itself (a kernel's, without the way to it); otherwise the whole call is timed. */
export type TimedTask = () => Promise<number | undefined>;

/** Times a task `samples` times, after one run that does not count unless `warmup` is false. */
export async function measure(
  name: string,
  samples: number,
  task: TimedTask,
  signal?: AbortSignal,
  { warmup = true }: { readonly warmup?: boolean } = {},
): Promise<Timing> {
  const bench = new Bench({
    iterations: samples,
    time: 0,
    warmup,
    warmupIterations: 1,
    warmupTime: 0,
    throws: true,
    retainSamples: true,
    // A signal of its own: tinybench listens to it for good.
    ...(signal && { signal: AbortSignal.any([signal]) }),
  });
  bench.add(
    name,
    async () => {
      const seconds = await task();
      return seconds === undefined ? undefined : { overriddenDuration: seconds * 1000 };
    },
    { async: true },
  );
  const [finished] = await bench.run();
  const result = finished?.result;
  if (result === undefined || !('latency' in result)) throw new Error(`the benchmark ${name} gave no result`);
  return summarize((result.latency.samples ?? []).map((milliseconds) => milliseconds / 1000));
}

/**
 * Times a task as often as `budget` seconds of its calls allow, at most `samples` times, after one run that does not count. Where that one leaves no room
 * for another, it is the only timing.
 */
export async function measureWithin(
  budget: number,
  name: string,
  samples: number,
  task: TimedTask,
  signal?: AbortSignal,
): Promise<Timing> {
  const began = performance.now();
  const first = await measure(name, 1, task, signal, { warmup: false });
  const affordable = Math.floor((1000 * budget) / (performance.now() - began));
  return affordable < 2
    ? first
    : await measure(name, Math.min(samples, affordable - 1), task, signal, { warmup: false });
}
