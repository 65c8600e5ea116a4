import { type ExecFileException, execFile } from 'node:child_process';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { NativeInfo } from '../addon.ts';
import { type AddonBinary, findAddon, glibcVersion } from '../addon-binary.ts';
import { loadNasbench201 } from '../benchmarks/nasbench201.ts';
import { openImages } from '../images/open.ts';
import { VERSION } from '../version.ts';
import { diagnoseGpus, type GpuDiagnosis } from './gpu-diagnosis.ts';
import type { ProbeFailure, ProbeReports } from './probe.ts';

/** A file or part of the package: whether it is as it should be. */
export type Check<Found> = ({ readonly ok: true } & Found) | { readonly ok: false; readonly error: string };

/** Which binary of the addon was chosen, and why. */
export interface ChosenBinary {
  readonly path: string;
  readonly origin: AddonBinary['origin'];
  readonly why: string;
  /** Oldest glibc that a prebuilt binary loads with; null for others. */
  readonly needsGlibc: string | null;
}

/** What doctor finds; sizes in bytes. */
export interface Diagnosis {
  readonly eznas: string;
  readonly node: string;
  /** Highest version of Node-API that this Node.js has. */
  readonly napi: string;
  readonly platform: string;
  /** Version of glibc, null where the C library is another. */
  readonly glibc: string | null;
  readonly cpu: { readonly model: string; readonly available: number };
  /** Null where there is none. */
  readonly binary: ChosenBinary | null;
  /** The addon as found: what it tells, or why it does not load. */
  readonly addon: Check<{ readonly path: string; readonly compiler: string }>;
  /** Null where the addon does not load. */
  readonly simd: (NativeInfo['simd'] & { readonly chosenBy: 'EZNAS_SIMD' | 'processor' }) | null;
  /** Threads that eznas uses where none are asked for. */
  readonly threads: number | null;
  readonly memory: {
    readonly total: number;
    /** Limit set on this process by the system, null where there is none. */
    readonly constrained: number | null;
    /** Limit that the addon keeps to, null where there is none. */
    readonly limit: number | null;
  };
  readonly gpu: GpuDiagnosis;
  /** Keeps the archives of run folders. */
  readonly sqlite: Check<{ readonly version: string }>;
  /** The files that ship with the package. */
  readonly data: readonly { readonly name: string; readonly ok: boolean; readonly error?: string }[];
}

const PROBE_MILLISECONDS = 30_000;

/** Looks at the machine, the addon and the package's files. Does not throw: what is wrong is part of the diagnosis. */
export async function diagnose(): Promise<Diagnosis> {
  const binary = choose();
  const [addon, sqlite] = await Promise.all([probe('addon'), probe('sqlite')]);
  const info = addon.ok ? addon.info : undefined;
  const constrained = process.constrainedMemory();
  return {
    eznas: VERSION,
    node: process.version,
    napi: process.versions['napi'] ?? 'none',
    platform: `${process.platform}-${process.arch}`,
    glibc: glibcVersion(),
    cpu: { model: cpus()[0]?.model.trim() ?? 'unknown', available: availableParallelism() },
    binary,
    addon: addon.ok ? { ok: true, path: binary?.path ?? '', compiler: addon.info.compiler } : addon,
    simd: info ? { ...info.simd, chosenBy: process.env['EZNAS_SIMD'] ? 'EZNAS_SIMD' : 'processor' } : null,
    threads: info?.threads ?? null,
    memory: {
      total: totalmem(),
      // Without a limit the system reports none, or an absurd one.
      constrained: constrained > 0 && constrained < totalmem() ? constrained : null,
      // 0 stands for none.
      limit: info?.memory.limit || null,
    },
    gpu: await diagnoseGpus(info ? info.cuda : null),
    sqlite,
    data: [
      checkData('nasbench201', () => loadNasbench201()),
      checkData('photographs', () => openImages('photographs')),
    ],
  };
}

function choose(): ChosenBinary | null {
  try {
    const { path, origin, why, facts } = findAddon();
    return { path, origin, why, needsGlibc: facts?.glibc ?? null };
  } catch {
    return null;
  }
}

/** Loads a part in a process of its own. */
async function probe<Part extends keyof ProbeReports>(part: Part): Promise<Check<ProbeReports[Part]>> {
  const file = fileURLToPath(new URL(`./probe${extname(import.meta.url)}`, import.meta.url));
  try {
    const options = { timeout: PROBE_MILLISECONDS };
    const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, file, part], options);
    if (stdout === '') return { ok: false, error: 'loading it ended the process' };
    const report = JSON.parse(stdout) as ProbeReports[Part] | ProbeFailure;
    return 'error' in report ? { ok: false, error: report.error } : { ok: true, ...report };
  } catch (error) {
    const { killed, signal, message } = error as ExecFileException;
    if (killed) return { ok: false, error: `loading it took more than ${PROBE_MILLISECONDS / 1000} s` };
    return { ok: false, error: signal ? `loading it crashed the process (${signal})` : message };
  }
}

function checkData(name: string, open: () => unknown): Diagnosis['data'][number] {
  try {
    open();
    return { name, ok: true };
  } catch (error) {
    return { name, ok: false, error: (error as Error).message };
  }
}
