import { addon, type NativeDevice, type NativeInfo } from '../addon.ts';
import { EznasError } from '../errors.ts';

/** Where networks and programs can be asked to run: `auto` takes the GPUs where eznas can use any, else the CPU. */
export const DEVICES = ['auto', 'cpu', 'cuda'] as const;

export type Device = (typeof DEVICES)[number];

/** A device that runs: the CPU, or all GPUs that the process sees. */
export type Backend = NativeDevice;

/** How convolutions multiply on a GPU; see {@link RunOptions}. */
export const PRECISIONS = ['float32', 'tf32'] as const;

export type Precision = (typeof PRECISIONS)[number];

let cuda: NativeInfo['cuda'] | null = null;

/** What the addon tells of CUDA, asked once. */
function cudaInfo(): NativeInfo['cuda'] {
  if (cuda === null) cuda = addon().info().cuda;
  return cuda;
}

/**
 * The backend that a device name stands for.
 *
 * @throws EznasError INVALID_ARGUMENT for an unknown name, NO_DEVICE for `cuda` where there is no GPU that can be used, ADDON_UNAVAILABLE
 */
export function resolveDevice(device: Device): Backend {
  switch (device) {
    case 'cpu':
      return 'cpu';
    case 'auto':
      return hasGpu() ? 'cuda' : 'cpu';
    case 'cuda': {
      const reason = whyNoGpu();
      if (reason === undefined) return 'cuda';
      throw new EznasError('NO_DEVICE', `device 'cuda' is not available: ${reason}; or use 'cpu' or 'auto'`);
    }
    default:
      throw new EznasError('INVALID_ARGUMENT', `unknown device '${device}'; known are ${DEVICES.join(', ')}`);
  }
}

function hasGpu(): boolean {
  try {
    return whyNoGpu() === undefined;
  } catch (error) {
    // Graphs are counted without the addon; what needs it says why it does not load.
    if (error instanceof EznasError && error.code === 'ADDON_UNAVAILABLE') return false;
    throw error;
  }
}

/** Why no GPU can be used and what to do; undefined where one can. */
function whyNoGpu(): string | undefined {
  const info = cudaInfo();
  if (info === undefined) {
    return 'this build of eznas has no CUDA backend; use the prebuilt linux-x64 binary, or "npm run build:source" where CUDA 13\'s nvcc is on the PATH';
  }
  return info.error;
}

/** What the native side runs with. */
export interface Machine {
  /** Instructions used on the CPU. */
  readonly simd: string;
  readonly threads: number;
  /** Names of the GPUs that run; none on the CPU. */
  readonly gpus: readonly string[];
  /** Of convolutions. */
  readonly precision: Precision;
}

/** What a backend runs with, and so many threads where none are asked for. */
export function machine(
  backend: Backend,
  { threads, precision = 'float32' }: { readonly threads?: number | undefined; readonly precision?: Precision },
): Machine {
  const info = addon().info();
  const onGpu = backend === 'cuda';
  const gpus = onGpu ? (cudaInfo()?.devices ?? []).filter(({ usable }) => usable) : [];
  return {
    simd: info.simd.level,
    threads: threads || info.threads,
    gpus: gpus.map(({ name }) => name),
    precision: onGpu ? precision : 'float32',
  };
}
