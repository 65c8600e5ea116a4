import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { nvidiaDriver } from '../engine/nvidia-driver.ts';

export interface Gpu {
  readonly name: string;
  /** Bytes; null where the driver does not tell. */
  readonly memory: number | null;
  /** Such as `9.0`. */
  readonly computeCapability: string;
}

export interface GpuDiagnosis {
  /** Version of the NVIDIA driver, null without one. */
  readonly driver: string | null;
  readonly devices: readonly Gpu[];
  /** CUDA version that the addon has code of, such as `13.0`; null where it was built without, or does not load. */
  readonly cuda: string | null;
  /** Whether this build of eznas can use them. */
  readonly usable: boolean;
  /** What keeps eznas from using a GPU and what to do; null where nothing does. */
  readonly advice: string | null;
}

/** What a machine has. */
export interface GpuFindings {
  readonly driver: string | null;
  readonly devices: readonly Gpu[];
  /** What the addon tells of CUDA: undefined where it was built without, null where it does not load. */
  readonly cuda:
    | {
        readonly runtime: string;
        readonly devices: readonly (Gpu & { readonly usable: boolean })[];
        readonly error?: string;
      }
    | undefined
    | null;
}

/** CUDA 13 needs this series of drivers or a newer one. */
const LEAST_DRIVER = 580;

const LEAST_CAPABILITY = 8;

const SMI_MILLISECONDS = 10_000;

/** Looks for the driver and its GPUs. @param cuda see {@link GpuFindings} */
export async function diagnoseGpus(cuda: GpuFindings['cuda']): Promise<GpuDiagnosis> {
  const listed = await listGpus();
  const driver = nvidiaDriver() ?? listed.driver;
  const found = cuda?.devices.map(({ name, memory, computeCapability }) => ({ name, memory, computeCapability })) ?? [];
  const devices = found.length > 0 ? found : listed.devices;
  const usable = isUsable(cuda);
  return { driver, devices, cuda: cuda?.runtime ?? null, usable, advice: adviseOnGpus({ driver, devices, cuda }) };
}

/** What keeps eznas from using a GPU and what to do; null where nothing does, or the addon does not load. */
export function adviseOnGpus({ driver, devices, cuda }: GpuFindings): string | null {
  if (cuda === null || isUsable(cuda)) return null;
  if (driver === null && devices.length === 0) {
    return `no NVIDIA driver; for a GPU, install r${LEAST_DRIVER} or newer`;
  }
  if (driver !== null && Number.parseInt(driver, 10) < LEAST_DRIVER) {
    return `driver ${driver} is too old for CUDA 13; install r${LEAST_DRIVER} or newer`;
  }
  if (cuda === undefined) {
    return 'this binary has no CUDA code; use the prebuilt linux-x64 binary, or "npm run build:source" where CUDA 13\'s nvcc is on the PATH';
  }
  if (devices.length > 0 && devices.every(({ computeCapability }) => Number(computeCapability) < LEAST_CAPABILITY)) {
    return `compute capability ${devices[0]!.computeCapability} is too low; ${LEAST_CAPABILITY}.0 (Ampere) or newer is needed`;
  }
  return (
    cuda.error ??
    'CUDA finds no device; see that CUDA_VISIBLE_DEVICES names one and that this user may open /dev/nvidia*'
  );
}

function isUsable(cuda: GpuFindings['cuda']): boolean {
  return cuda?.devices.some(({ usable }) => usable) ?? false;
}

async function listGpus(): Promise<{ readonly driver: string | null; readonly devices: readonly Gpu[] }> {
  const query = ['--query-gpu=driver_version,name,memory.total,compute_cap', '--format=csv,noheader,nounits'];
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: SMI_MILLISECONDS });
    const rows = stdout.split('\n').filter(Boolean);
    return { driver: rows[0]?.split(',')[0]?.trim() ?? null, devices: rows.map(readGpu) };
  } catch {
    return { driver: null, devices: [] };
  }
}

function readGpu(row: string): Gpu {
  const [, name = '', mebibytes = '', computeCapability = ''] = row.split(',').map((field) => field.trim());
  const memory = Number(mebibytes) * 2 ** 20;
  return { name, memory: Number.isFinite(memory) ? memory : null, computeCapability };
}
