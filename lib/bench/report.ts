import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { addon, runNative } from '../addon.ts';
import type { Backend, Precision } from '../engine/device.ts';
import { COMMIT, VERSION } from '../version.ts';
import { measureGpu } from './gpu.ts';
import type { Workload } from './workload.ts';

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
  /** On a GPU: the same work by the device's own clock, and the shares of its measured rates that it reaches. */
  readonly onDevice?: DeviceFigures;
}

/** What one item, a convolution, a network or a population, takes on a device. */
export interface DeviceFigures {
  readonly deviceSeconds: number;
  /** Items that one run of the timing has. */
  readonly itemsAtOnce: number;
  /** Of the work that networks need by their shapes; absent where nothing counts it. */
  readonly gflops?: number;
  readonly GBs?: number;
  readonly percentOfMatrixRate?: number;
  readonly percentOfBandwidth?: number;
  readonly nodeElementsPerSecond?: number;
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
  /** The GPU that was timed; absent where the CPU was. */
  readonly gpu?: BenchGpu;
}

/** A GPU, and what it can do at best. */
export interface BenchGpu {
  readonly name: string;
  readonly computeCapability: string | null;
  readonly memoryBytes: number | null;
  /** Of NVIDIA, such as `580.65.06`; null where it does not tell. */
  readonly driver: string | null;
  /** CUDA's versions: the latest that the driver supports, and that of the addon. */
  readonly cuda: { readonly driver: string | null; readonly runtime: string | null };
  /** Measured: float32 multiply-adds, and tf32 products on tensor cores. */
  readonly peakGflops: Readonly<Record<Precision, number>>;
  /** Measured copy bandwidth of its memory, bytes read and written. */
  readonly bandwidthGBs: number;
}

export interface BenchReport {
  readonly eznas: string;
  /** Of the checkout, or of that which the package was packed from where it tells. */
  readonly commit?: string;
  readonly date: string;
  readonly node: string;
  readonly machine: BenchMachine;
  readonly device: Backend;
  /** Of convolutions. */
  readonly precision: Precision;
  readonly entries: readonly BenchEntry[];
}

/** What every suite takes. */
export interface SuiteOptions {
  readonly device: Backend;
  /** Of convolutions on a GPU. */
  readonly precision: Precision;
  readonly threads: number;
  /** Timings per entry. */
  readonly samples: number;
  readonly seed: number;
  /** In place of the random networks, and the number of random programs, that suites choose. */
  readonly workload?: Workload;
  readonly programs?: number;
  readonly signal?: AbortSignal;
  /** Called before each entry is timed. */
  readonly onEntry?: (name: string) => void;
}

/** Measures the machine, with its GPU where that is the device: takes a second or two. @throws EznasError NO_DEVICE */
export async function measureMachine(
  threads: number,
  { device = 'cpu', signal }: { readonly device?: Backend; readonly signal?: AbortSignal } = {},
): Promise<BenchMachine> {
  const all = threads === 0 ? addon().info().threads : threads;
  const one = await runNative((native) => native.benchMachine(1), signal);
  const together = await runNative((native) => native.benchMachine(all), signal);
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    simd: addon().info().simd.level,
    threads: all,
    peakGflops: { one: one.operationsPerSecond / 1e9, all: together.operationsPerSecond / 1e9 },
    bandwidthGBs: together.bytesPerSecond / 1e9,
    ...(device === 'cuda' && { gpu: await measureGpu(signal) }),
  };
}

/** The machine and its measured peaks, for people. */
export function describeMachine({ cpu, simd, threads, peakGflops, bandwidthGBs, gpu }: BenchMachine): string {
  const rate = (gflops: number) => gflops.toFixed(0);
  const copying = (value: number) => `copying ${value.toFixed(1)} GB/s`;
  const peaks = `peak ${rate(peakGflops.one)} GFLOP/s on one, ${rate(peakGflops.all)} on all`;
  const host = `${cpu}, ${simd}, ${threads} threads: ${peaks}; ${copying(bandwidthGBs)}`;
  if (gpu === undefined) return host;
  const { float32, tf32 } = gpu.peakGflops;
  const driver = `driver ${gpu.driver ?? 'unknown'}`;
  return `${host}\n${gpu.name}, ${driver}: peak ${rate(float32)} GFLOP/s, ${rate(tf32)} in tf32; ${copying(gpu.bandwidthGBs)}`;
}

/** What stands beside an entry's time, for people. */
export function describeFigures({ figures, onDevice = {} as DeviceFigures }: BenchEntry): string {
  const list = (group: object) =>
    Object.entries(group)
      .map(([figure, value]: [string, number]) => `${figure} ${value.toPrecision(4)}`)
      .join(', ');
  return [list(figures), list(onDevice)].filter(Boolean).join('; on the device ');
}

/** A report of entries measured on a machine, now. */
export function benchReport(
  machine: BenchMachine,
  { device, precision }: Pick<SuiteOptions, 'device' | 'precision'>,
  entries: readonly BenchEntry[],
): BenchReport {
  const commit = checkoutCommit() ?? COMMIT;
  return {
    eznas: VERSION,
    ...(commit !== undefined && { commit }),
    date: new Date().toISOString(),
    node: process.version,
    machine,
    device,
    precision,
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
