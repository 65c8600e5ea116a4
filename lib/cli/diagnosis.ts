import { type ExecFileException, execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { NativeInfo } from '../addon.ts';
import { loadNasbench201 } from '../benchmarks/nasbench201.ts';
import { openImages } from '../images/open.ts';
import { VERSION } from '../version.ts';
import type { ProbeReport } from './probe.ts';

/** The addon as found: what it tells, or why it does not load. */
export type AddonDiagnosis =
  | { readonly ok: true; readonly path: string | null; readonly compiler: string }
  | { readonly ok: false; readonly error: string };

export interface Gpu {
  readonly name: string;
  /** Bytes; null where the driver does not tell. */
  readonly memory: number | null;
  readonly computeCapability: string;
}

/** What doctor finds; sizes in bytes. */
export interface Diagnosis {
  readonly eznas: string;
  readonly node: string;
  /** Highest version of Node-API that this Node.js has. */
  readonly napi: string;
  readonly platform: string;
  readonly cpu: { readonly model: string; readonly available: number };
  readonly addon: AddonDiagnosis;
  /** Null where the addon does not load. */
  readonly simd: NativeInfo['simd'] | null;
  /** Threads that eznas uses where none are asked for. */
  readonly threads: number | null;
  readonly memory: {
    readonly total: number;
    /** Limit set on this process by the system, null where there is none. */
    readonly constrained: number | null;
    /** Limit that the addon keeps to, null where there is none. */
    readonly limit: number | null;
  };
  readonly gpu: {
    /** Version of the NVIDIA driver, null without one. */
    readonly driver: string | null;
    readonly devices: readonly Gpu[];
    /** Whether this build of eznas can use them. */
    readonly usable: boolean;
  };
  /** The files that ship with the package. */
  readonly data: readonly { readonly name: string; readonly ok: boolean; readonly error?: string }[];
}

const execute = promisify(execFile);

const PROBE_MILLISECONDS = 30_000;

const SMI_MILLISECONDS = 10_000;

/** Looks at the machine, the addon and the package's files. Does not throw: what is wrong is part of the diagnosis. */
export async function diagnose(): Promise<Diagnosis> {
  const [probe, devices] = await Promise.all([probeAddon(), listGpus()]);
  const info = 'error' in probe ? undefined : probe.info;
  const constrained = process.constrainedMemory();
  return {
    eznas: VERSION,
    node: process.version,
    napi: process.versions['napi'] ?? 'none',
    platform: `${process.platform}-${process.arch}`,
    cpu: { model: cpus()[0]?.model.trim() ?? 'unknown', available: availableParallelism() },
    addon:
      'error' in probe
        ? { ok: false, error: probe.error }
        : { ok: true, path: probe.path, compiler: probe.info.compiler },
    simd: info?.simd ?? null,
    threads: info?.threads ?? null,
    memory: {
      total: totalmem(),
      // Without a limit the system reports none, or an absurd one.
      constrained: constrained > 0 && constrained < totalmem() ? constrained : null,
      // 0 stands for none.
      limit: info?.memory.limit || null,
    },
    gpu: { driver: driverVersion(), devices, usable: (info?.cuda?.devices.length ?? 0) > 0 },
    data: [
      checkData('nasbench201', () => loadNasbench201()),
      checkData('photographs', () => openImages('photographs')),
    ],
  };
}

async function probeAddon(): Promise<ProbeReport> {
  const file = fileURLToPath(new URL(`./probe${extname(import.meta.url)}`, import.meta.url));
  try {
    const options = { timeout: PROBE_MILLISECONDS };
    const { stdout } = await execute(process.execPath, [...process.execArgv, file], options);
    return JSON.parse(stdout) as ProbeReport;
  } catch (error) {
    const { killed, signal, message } = error as ExecFileException;
    if (killed) return { error: `loading it took more than ${PROBE_MILLISECONDS / 1000} s` };
    return { error: signal ? `loading it crashed the process (${signal})` : message };
  }
}

function driverVersion(): string | null {
  try {
    const text = readFileSync('/proc/driver/nvidia/version', 'utf8');
    return /Kernel Module(?: for \S+)?\s+(\d[\d.]*)/.exec(text)?.[1] ?? null;
  } catch {
    return null;
  }
}

async function listGpus(): Promise<Gpu[]> {
  const query = ['--query-gpu=name,memory.total,compute_cap', '--format=csv,noheader,nounits'];
  try {
    const { stdout } = await execute('nvidia-smi', query, { timeout: SMI_MILLISECONDS });
    return stdout.split('\n').filter(Boolean).map(readGpu);
  } catch {
    return [];
  }
}

function readGpu(line: string): Gpu {
  const [name = '', mebibytes = '', computeCapability = ''] = line.split(',').map((field) => field.trim());
  const memory = Number(mebibytes) * 2 ** 20;
  return { name, memory: Number.isFinite(memory) ? memory : null, computeCapability };
}

function checkData(name: string, open: () => unknown): Diagnosis['data'][number] {
  try {
    open();
    return { name, ok: true };
  } catch (error) {
    return { name, ok: false, error: (error as Error).message };
  }
}
