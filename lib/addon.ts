/**
 * The whole native boundary: what the addon takes and gives, typed, and how it is loaded. Nothing else in lib touches the
 * addon; lib/engine wraps it for people.
 */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { type AddonBinary, findAddon, glibcVersion, isOlder, PACKAGE_ROOT } from './addon-binary.ts';
import { type ErrorCode, EznasError } from './errors.ts';

/** Where the native side runs. */
export type NativeDevice = 'cpu' | 'cuda';

/** Networks, inputs and what to record. Arrays are read before the call returns; the caller may reuse them. */
export interface NativeCollectRequest {
  /** One encoded graph per network (lib/graph/encode.ts). */
  graphs: readonly Int32Array[];
  /** One integer in [0, 2^53) per network: with the seed, it alone decides the network's initial parameters. */
  keys: Float64Array;
  /** Given parameters per network in definition order, or undefined to initialize from the seed. */
  parameters?: readonly (readonly Float32Array[] | undefined)[];
  batch: number;
  /** Channels, height, width of the inputs. */
  inputShape: readonly [number, number, number];
  /** Batch × channels × height × width, normalized. */
  data: Float32Array;
  /** Inputs of pass N and of pass P; drawn from the seed when left out. */
  noise?: Float32Array;
  perturbed?: Float32Array;
  /** Integer in [0, 2^53). */
  seed: number;
  /** Bit i asks for tensor i of lib/programs/tensors.ts. */
  tensors: number;
  /** Keep the logits of the passes that ran. */
  logits?: boolean;
  /** 0 takes all that the process may use. */
  threads: number;
  /** Default `cpu`; `cuda` rejects with NO_DEVICE where it cannot run. */
  device?: NativeDevice;
  /** How convolutions multiply on a GPU, default float32. */
  precision?: 'float32' | 'tf32';
}

/** Postfix code of all programs; program i at [offsets[i], offsets[i + 1]). */
export interface NativePrograms {
  code: Uint32Array;
  offsets: Uint32Array;
  /** Evaluate equal subtrees once (default true). */
  share?: boolean;
}

export interface NativeEvaluateOptions {
  threads: number;
  /** Also give every program's value on every unit. */
  unitScores?: boolean;
}

/** Status of one entry of a score matrix, by number. */
export const SCORE_STATUS = ['ok', 'nonfinite', 'invalid'] as const;

export interface NativeScores {
  programs: number;
  networks: number;
  /** Row-major [program][network]; NaN where the status is not ok. */
  scores: Float64Array;
  /** Index into SCORE_STATUS. */
  status: Uint8Array;
  /** networks + 1 entries: units of network n are columns [unitOffsets[n], unitOffsets[n + 1]) of unitScores. */
  unitOffsets?: Uint32Array;
  unitScores?: Float64Array;
}

/** Opaque; freed by disposeStatistics or the collector, whichever comes first. */
export interface NativeStatistics {
  readonly __nativeStatistics: unique symbol;
}

export interface NativeUnitShapes {
  /** Of T1, where it is not `before`. */
  activation?: number[];
  before: number[];
  weight: number[];
  after: number[];
}

/** Tensors of one unit, row-major; shapes must agree with the unit's. */
export interface NativeGivenUnit {
  activation?: readonly number[];
  before: readonly number[];
  weight: readonly number[];
  after: readonly number[];
  /** 22 entries, undefined where not given. */
  tensors: readonly (Float32Array | undefined)[];
}

/** Work under way on native threads; `cancel` makes the promise reject with ABORTED soon after. */
export interface NativeJob<T> {
  promise: Promise<T>;
  cancel(): void;
}

export interface NativeGradients {
  logits: Float32Array;
  input: Float32Array;
  parameters: Float32Array[];
}

export interface NativeInfo {
  simd: { level: string; supported: string[] };
  /** Threads this process may use. */
  threads: number;
  memory: { limit: number; inUse: number };
  compiler: string;
  /**
   * Present when the addon was built with the CUDA backend. Versions are CUDA's, such as `13.0`: the latest that the driver supports (null
   * without one), and the one the addon was built with. `error` tells why no device can be used.
   */
  cuda?: {
    driver: string | null;
    runtime: string;
    /** `memory`: bytes there are; `inUse`: those that statistics and runs of this process hold. */
    devices: { name: string; computeCapability: string; memory: number; inUse: number; usable: boolean }[];
    error?: string;
  };
}

/** One convolution, as benches time it. */
export interface NativeConvolution {
  inChannels: number;
  outChannels: number;
  groups: number;
  kernel: number;
  stride: number;
  padding: number;
  dilation: number;
  height: number;
  width: number;
  batch: number;
}

/** Repeated runs on a GPU. */
export interface NativeDeviceTimes {
  /** Of each run: by the device's clock between first and last work, and by the host's until the device is done. */
  deviceSeconds: Float64Array;
  wallSeconds: Float64Array;
  /** Convolutions or networks of one run. */
  items: number;
  /** Of one run, what the work needs by its shapes; of programs 0. */
  operations: number;
  bytes: number;
}

/** Timings on the first GPU that can be used, in builds with the CUDA backend; they reject with NO_DEVICE where there is none. */
export interface NativeGpuBench {
  /** Measured at best: floating-point operations a second by precision, and bytes a second of copying, read and written. */
  benchDevice(): NativeJob<{
    name: string;
    bytesPerSecond: number;
    operationsPerSecond: { float32: number; tf32: number };
  }>;
  /** So many equal convolutions at once as no cache holds; direction is an index into CONVOLUTION_DIRECTIONS. */
  benchDeviceConvolution(
    convolution: NativeConvolution,
    direction: number,
    repeats: number,
    precision: 'float32' | 'tf32',
  ): NativeJob<NativeDeviceTimes>;
  /** The passes for the request's tensors, or, with programs, for those that they read, and the programs; of the first networks that fit at once. */
  benchDeviceNetworks(
    request: NativeCollectRequest,
    programs: NativePrograms | undefined,
    repeats: number,
  ): NativeJob<NativeDeviceTimes>;
  /** Programs on statistics recorded on GPUs: on those of the first. */
  benchDevicePopulation(
    statistics: NativeStatistics,
    programs: NativePrograms,
    repeats: number,
  ): NativeJob<NativeDeviceTimes>;
}

export const CONVOLUTION_DIRECTIONS = ['forward', 'backwardData', 'backwardWeights'] as const;

/** What measures run on: networks and inputs, and the classes of the images where a measure reads them. */
export interface NativeMeasureRequest extends NativeCollectRequest {
  labels?: Int32Array;
  /** By network: ends of its blocks, in order; empty where there are none. */
  blocks?: readonly Int32Array[];
}

export interface NativeMeasures {
  /** Row-major [measure][network], all measures; NaN where not asked for. */
  scores: Float64Array;
  /** By measure, seconds of one thread over all networks; measures that share a pass are each given all of it. */
  seconds: Float64Array;
  /** Seconds of one thread of all measures together. */
  totalSeconds: number;
}

export type NativeProgress = (done: number) => void;

export interface NativeAddon extends Partial<NativeGpuBench> {
  info(): NativeInfo;
  setMemoryLimit(bytes: number): void;
  collect(request: NativeCollectRequest, onProgress?: NativeProgress): NativeJob<NativeStatistics>;
  evaluate(
    statistics: NativeStatistics,
    programs: NativePrograms,
    options: NativeEvaluateOptions,
    onProgress?: NativeProgress,
  ): NativeJob<NativeScores>;
  score(
    request: NativeCollectRequest,
    programs: NativePrograms,
    options: NativeEvaluateOptions,
    onProgress?: NativeProgress,
  ): NativeJob<NativeScores>;
  gradients(request: NativeCollectRequest): NativeJob<NativeGradients>;
  /** Bit i asks for measure i of lib/proxies/measures.ts. */
  measure(request: NativeMeasureRequest, measures: number, onProgress?: NativeProgress): NativeJob<NativeMeasures>;
  initialParameters(graph: Int32Array, seed: number, key: number): Float32Array[];
  statisticsFromTensors(
    networks: readonly (readonly NativeGivenUnit[])[],
    options: { device: NativeDevice },
  ): NativeStatistics;
  /** Where the tensors lie, and programs are evaluated on them. */
  statisticsDevice(statistics: NativeStatistics): NativeDevice;
  /** Units per network and their shapes. */
  statisticsShapes(statistics: NativeStatistics): NativeUnitShapes[][];
  statisticsBytes(statistics: NativeStatistics): number;
  /** A copy, or undefined when the tensor was not recorded. */
  statisticsTensor(
    statistics: NativeStatistics,
    network: number,
    unit: number,
    tensor: number,
  ): Float32Array | undefined;
  /** A copy of pass 0 (D), 1 (N) or 2 (P); undefined when not kept. */
  statisticsLogits(statistics: NativeStatistics, network: number, pass: number): Float32Array | undefined;
  disposeStatistics(statistics: NativeStatistics): void;
  /** Measured multiply-add peak (floating-point operations per second) and copy bandwidth (bytes per second). */
  benchMachine(threads: number): NativeJob<{ operationsPerSecond: number; bytesPerSecond: number }>;
  /** Seconds of each run of one kernel on one thread; direction is an index into CONVOLUTION_DIRECTIONS. */
  benchConvolution(
    convolution: NativeConvolution,
    direction: number,
    repeats: number,
  ): NativeJob<{ seconds: Float64Array; operations: number }>;
}

let loaded: NativeAddon | undefined;

/**
 * The addon, loaded on first use; see {@link findAddon} for which binary.
 *
 * @throws EznasError ADDON_UNAVAILABLE with the reason and the command that mends it.
 */
export function addon(): NativeAddon {
  if (loaded !== undefined) return loaded;
  let binary: AddonBinary | undefined;
  try {
    binary = findAddon();
    const found = createRequire(import.meta.url)(resolve(binary.path)) as Partial<NativeAddon>;
    if (typeof found.info !== 'function') throw new Error(`${binary.path} is no addon of eznas`);
    loaded = found as NativeAddon;
  } catch (cause) {
    throw new EznasError('ADDON_UNAVAILABLE', describeFailure(cause as Error, binary), { cause });
  }
  return loaded;
}

function describeFailure({ message }: Error, binary: AddonBinary | undefined): string {
  const { platform, arch, version } = process;
  const glibc = glibcVersion();
  const floor = binary?.facts?.glibc;
  const where = `${platform}-${arch} (${glibc === null ? 'no glibc' : `glibc ${glibc}`}) with Node ${version}`;
  const unfit =
    floor !== undefined && (glibc === null || isOlder(glibc, floor))
      ? `the prebuilt binary needs glibc ${floor} or newer: `
      : '';
  // Node.js lists the modules that required it on further lines.
  const reason = `the native addon does not load on ${where}: ${unfit}${message.split('\n')[0]}`;
  const advice =
    binary?.origin === 'environment'
      ? "EZNAS_ADDON names it; unset that to take the package's own"
      : `Build it from source with "npm run build:source" in ${PACKAGE_ROOT} (needs CMake 3.25, a C++20 compiler and npm's registry)`;
  return `${reason}\n${advice}.`;
}

/** Turns what native code throws (an Error with a `code`) into an EznasError; anything else passes unchanged. */
export function fromNative(error: unknown): unknown {
  if (error instanceof Error && !(error instanceof EznasError) && 'code' in error && typeof error.code === 'string') {
    return new EznasError(error.code as ErrorCode, error.message, { cause: error });
  }
  return error;
}

/** Runs a synchronous native call, with its errors typed. */
export function callNative<T>(call: (native: NativeAddon) => T): T {
  const native = addon();
  try {
    return call(native);
  } catch (error) {
    throw fromNative(error);
  }
}

/** Awaits a native job, with its errors typed; the signal cancels it. */
export async function runNative<T>(start: (native: NativeAddon) => NativeJob<T>, signal?: AbortSignal): Promise<T> {
  const abortError = () => new EznasError('ABORTED', 'the operation was aborted', { cause: signal?.reason as unknown });
  if (signal?.aborted) throw abortError();
  const job = callNative(start);
  const cancel = () => job.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    return await job.promise;
  } catch (error) {
    const typed = fromNative(error);
    throw typed instanceof EznasError && typed.code === 'ABORTED' ? abortError() : typed;
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}
