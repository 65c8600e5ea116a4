import { CONVOLUTION_DIRECTIONS, type NativeConvolution, runNative } from '../addon.ts';
import { deviceFigures, gpuOf, runOnGpu } from './gpu.ts';
import { summarize } from './measure.ts';
import type { BenchEntry, BenchMachine, SuiteOptions } from './report.ts';

const square = (
  channels: number,
  extent: number,
  options: Partial<NativeConvolution> & { kernel: number },
): Omit<NativeConvolution, 'batch'> => {
  const { kernel, dilation = 1 } = options;
  return {
    inChannels: channels,
    outChannels: channels,
    groups: 1,
    stride: 1,
    padding: (dilation * (kernel - 1)) / 2,
    dilation,
    height: extent,
    width: extent,
    ...options,
  };
};

/** The convolutions of NASBench-201's three stages, then kinds that other spaces have. */
const SHAPES: readonly { readonly name: string; readonly shape: Omit<NativeConvolution, 'batch'> }[] = [
  { name: '3x3 16ch 32x32', shape: square(16, 32, { kernel: 3 }) },
  { name: '3x3 32ch 16x16', shape: square(32, 16, { kernel: 3 }) },
  { name: '3x3 64ch 8x8', shape: square(64, 8, { kernel: 3 }) },
  { name: '1x1 16ch 32x32', shape: square(16, 32, { kernel: 1 }) },
  { name: '1x1 32ch 16x16', shape: square(32, 16, { kernel: 1 }) },
  { name: '1x1 64ch 8x8', shape: square(64, 8, { kernel: 1 }) },
  { name: '3x3 16ch 32x32 stride 2 to 32ch', shape: square(16, 32, { kernel: 3, stride: 2, outChannels: 32 }) },
  { name: '3x3 32ch 16x16 stride 2 to 64ch', shape: square(32, 16, { kernel: 3, stride: 2, outChannels: 64 }) },
  { name: '3x3 32ch 16x16 dilation 2', shape: square(32, 16, { kernel: 3, dilation: 2 }) },
  { name: '3x3 32ch 16x16 depthwise', shape: square(32, 16, { kernel: 3, groups: 32 }) },
  { name: '5x5 64ch 8x8 depthwise', shape: square(64, 8, { kernel: 5, groups: 64 }) },
  { name: '3x3 stem 3 to 16ch 32x32', shape: square(16, 32, { kernel: 3, inChannels: 3 }) },
];

const BATCHES = [1, 16] as const;
/** A sample is the mean of enough runs for the clock to see. */
const SAMPLE_OPERATIONS = 5e7;

/** What of a convolution is timed. */
export interface ConvolutionCase {
  readonly name: string;
  readonly convolution: NativeConvolution;
  /** Index into CONVOLUTION_DIRECTIONS. */
  readonly direction: number;
}

const CASES: readonly ConvolutionCase[] = SHAPES.flatMap(({ name, shape }) =>
  BATCHES.flatMap((batch) =>
    CONVOLUTION_DIRECTIONS.map((direction, index) => ({
      name: `${name} batch ${batch} ${direction}`,
      convolution: { ...shape, batch },
      direction: index,
    })),
  ),
);

/** Convolution kernels on one thread, with their share of the multiply-add peak that the same run measured; or on a GPU. */
export async function benchConvolutions(machine: BenchMachine, options: SuiteOptions): Promise<BenchEntry[]> {
  const bench = options.device === 'cpu' ? onOneThread : benchConvolutionOnGpu;
  const entries: BenchEntry[] = [];
  for (const given of CASES) {
    options.onEntry?.(given.name);
    entries.push(await bench(given, machine, options));
  }
  return entries;
}

async function onOneThread(
  { name, convolution, direction }: ConvolutionCase,
  machine: BenchMachine,
  { samples, signal }: SuiteOptions,
): Promise<BenchEntry> {
  const time = (repeats: number) =>
    runNative((native) => native.benchConvolution(convolution, direction, repeats), signal);
  const probe = await time(1);
  const runs = Math.max(1, Math.round(SAMPLE_OPERATIONS / probe.operations));
  const { seconds, operations } = await time(runs * samples);
  const means = Array.from({ length: samples }, (_, sample) => {
    const part = seconds.subarray(sample * runs, (sample + 1) * runs);
    return part.reduce((sum, x) => sum + x, 0) / runs;
  });
  const timing = summarize(means);
  const gflops = operations / timing.median / 1e9;
  return {
    suite: 'conv',
    name,
    timing,
    figures: { gflops, percentOfPeak: (100 * gflops) / machine.peakGflops.one },
  };
}

/** Many equal convolutions at once, as networks of a search space have them; seconds are those of one. */
export async function benchConvolutionOnGpu(
  { name, convolution, direction }: ConvolutionCase,
  machine: BenchMachine,
  { samples, precision, signal }: SuiteOptions,
): Promise<BenchEntry> {
  const times = await runOnGpu(
    (native) => native.benchDeviceConvolution(convolution, direction, samples, precision),
    signal,
  );
  const timing = summarize([...times.wallSeconds].map((seconds) => seconds / times.items));
  // Depthwise kernels make exact products at either precision.
  const products = convolution.groups > 1 && convolution.groups === convolution.inChannels ? 'float32' : precision;
  const gflops = times.operations / times.items / timing.median / 1e9;
  return {
    suite: 'conv',
    name,
    timing,
    figures: { gflops },
    onDevice: deviceFigures(times, gpuOf(machine), products),
  };
}
