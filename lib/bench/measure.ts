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

/**
 * Times a task `samples` times after one run that does not count. The task may return the seconds it measured itself (a kernel's,
 * without the way to it); otherwise the whole call is timed.
 */
export async function measure(
  name: string,
  samples: number,
  task: () => Promise<number | undefined>,
  signal?: AbortSignal,
): Promise<Timing> {
  const bench = new Bench({
    iterations: samples,
    time: 0,
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
