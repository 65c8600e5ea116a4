import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { addon, runNative } from '../addon.ts';
import type { Backend } from '../engine/device.ts';
import { VERSION } from '../version.ts';

/** Median and quartiles of repeated timings. */
export interface Timing {
  /** Seconds. */
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly samples: number;
}

/** One thing timed. */
export interface BenchEntry {
  readonly suite: string;
  /** Unique in its suite; the same from run to run, so that runs can be compared. */
  readonly name: string;
  readonly timing: Timing;
  /** Derived figures: what a second or a network means, GFLOP/s, shares of the peak. Units stand in the names. */
  readonly figures: Readonly<Record<string, number>>;
}

/** The machine a report was made on, and what it can do at best. */
export interface BenchMachine {
  readonly cpu: string;
  readonly simd: string;
  readonly threads: number;
  /** Measured multiply-add peak, GFLOP/s, of one thread and of all. */
  readonly peakGflops: { readonly one: number; readonly all: number };
  /** Measured copy bandwidth of all threads, bytes read and written, GB/s. */
  readonly bandwidthGBs: number;
}

export interface BenchReport {
  readonly eznas: string;
  /** Commit of the checkout, when it is one. */
  readonly commit?: string;
  readonly date: string;
  readonly node: string;
  readonly machine: BenchMachine;
  readonly entries: readonly BenchEntry[];
}

/** What every suite takes. */
export interface SuiteOptions {
  readonly device: Backend;
  readonly threads: number;
  /** Timings per entry. */
  readonly samples: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** Called before each entry is timed. */
  readonly onEntry?: (name: string) => void;
}

/** Measures the machine: takes about a second. */
export async function measureMachine(threads: number, signal?: AbortSignal): Promise<BenchMachine> {
  const all = threads === 0 ? addon().info().threads : threads;
  const one = await runNative((native) => native.benchMachine(1), signal);
  const together = await runNative((native) => native.benchMachine(all), signal);
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    simd: addon().info().simd.level,
    threads: all,
    peakGflops: { one: one.operationsPerSecond / 1e9, all: together.operationsPerSecond / 1e9 },
    bandwidthGBs: together.bytesPerSecond / 1e9,
  };
}

/** A report of entries measured on a machine, now. */
export function benchReport(machine: BenchMachine, entries: readonly BenchEntry[]): BenchReport {
  const commit = checkoutCommit();
  return {
    eznas: VERSION,
    ...(commit !== undefined && { commit }),
    date: new Date().toISOString(),
    node: process.version,
    machine,
    entries,
  };
}

function checkoutCommit(): string | undefined {
  try {
    const root = new URL('../..', import.meta.url);
    const git = (...words: string[]) =>
      execFileSync('git', words, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    // An installed package may lie inside somebody else's checkout.
    if (git('ls-files', '--error-unmatch', 'package.json') !== 'package.json') return undefined;
    return git('rev-parse', '--short=12', 'HEAD') + (git('status', '--porcelain') === '' ? '' : '+changes');
  } catch {
    return undefined;
  }
}
