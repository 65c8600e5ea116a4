import { addon, type NativeDeviceTimes, type NativeGpuBench, type NativeJob, runNative } from '../addon.ts';
import type { Precision } from '../engine/device.ts';
import { nvidiaDriver } from '../engine/nvidia-driver.ts';
import { EznasError } from '../errors.ts';
import { summarize } from './measure.ts';
import type { BenchGpu, BenchMachine, DeviceFigures } from './report.ts';

/** Runs a timing on the first GPU that can be used. @throws EznasError NO_DEVICE */
export function runOnGpu<T>(start: (native: NativeGpuBench) => NativeJob<T>, signal?: AbortSignal): Promise<T> {
  // Builds with CUDA have all of them.
  return runNative((native) => start(native as Required<typeof native>), signal);
}

/** Measures the first GPU that can be used: takes about a second. */
export async function measureGpu(signal?: AbortSignal): Promise<BenchGpu> {
  const { name, bytesPerSecond, operationsPerSecond } = await runOnGpu((native) => native.benchDevice(), signal);
  const { driver = null, runtime = null, devices = [] } = addon().info().cuda ?? {};
  const device = devices.find(({ usable }) => usable);
  return {
    name,
    computeCapability: device?.computeCapability ?? null,
    memoryBytes: device?.memory ?? null,
    driver: nvidiaDriver(),
    cuda: { driver, runtime },
    peakGflops: { float32: operationsPerSecond.float32 / 1e9, tf32: operationsPerSecond.tf32 / 1e9 },
    bandwidthGBs: bytesPerSecond / 1e9,
  };
}

/** The GPU of a machine that was measured with one. */
export function gpuOf({ gpu }: BenchMachine): BenchGpu {
  if (gpu === undefined) throw new EznasError('NO_DEVICE', 'this machine was measured without its GPU');
  return gpu;
}

/** What runs took by the device's clock for each of their items, and the shares of the GPU's measured rates that they reach. */
export function deviceFigures(times: NativeDeviceTimes, gpu: BenchGpu, precision: Precision): DeviceFigures {
  const seconds = summarize([...times.deviceSeconds]).median;
  return {
    deviceSeconds: seconds / times.items,
    itemsAtOnce: times.items,
    gflops: times.operations / seconds / 1e9,
    GBs: times.bytes / seconds / 1e9,
    percentOfMatrixRate: (100 * times.operations) / seconds / 1e9 / gpu.peakGflops[precision],
    percentOfBandwidth: (100 * times.bytes) / seconds / 1e9 / gpu.bandwidthGBs,
  };
}
