/** Which binary of the addon is taken, and why; nothing here loads it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What stands beside a prebuilt binary (scripts/prebuild.ts). */
export interface BinaryFacts {
  /** Of eznas. */
  readonly version: string;
  readonly bytes: number;
  /** Oldest glibc it loads with, such as `2.34`. */
  readonly glibc: string;
  /** Libraries that must be on the machine. */
  readonly needed: readonly string[];
  /** Devices it has code for: `sm_90` for one generation, `compute_90` for that and later ones; none without CUDA. */
  readonly cuda: readonly string[];
}

/** Takes the place of a binary's `.node`. */
export const FACTS_SUFFIX = '.json';

export interface AddonBinary {
  readonly path: string;
  readonly origin: 'environment' | 'local build' | 'prebuilt';
  /** Why this one and no other. */
  readonly why: string;
  /** Of a prebuilt binary. */
  readonly facts?: BinaryFacts;
}

/** The package's folder. */
export const PACKAGE_ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * The binary to load: the one that EZNAS_ADDON names, else a local build, else a prebuilt one.
 *
 * @throws Error naming the prebuilt binaries when none fits
 */
export function findAddon(): AddonBinary {
  const named = process.env['EZNAS_ADDON'];
  if (named) return { path: named, origin: 'environment', why: 'EZNAS_ADDON names it' };
  const path = resolveBinary();
  if (!path.startsWith(join(PACKAGE_ROOT, 'prebuilds') + sep)) {
    return { path, origin: 'local build', why: 'a local build comes before a prebuilt binary' };
  }
  const skipped = process.env['PREBUILDS_ONLY'] ? 'PREBUILDS_ONLY is set' : 'there is no local build';
  const facts = readFacts(path);
  return { path, origin: 'prebuilt', why: skipped, ...(facts && { facts }) };
}

/** Version of the C library, such as `2.36`; null where it is not glibc. Takes some milliseconds. */
export function glibcVersion(): string | null {
  const { report } = process;
  // Looking up the names of network peers may take seconds.
  const settings = report as { excludeNetwork?: boolean };
  const { excludeNetwork } = settings;
  settings.excludeNetwork = true;
  try {
    const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } };
    return header.glibcVersionRuntime ?? null;
  } finally {
    settings.excludeNetwork = excludeNetwork ?? false;
  }
}

/** Whether a version such as `2.4` is below another such as `2.34`. */
export function isOlder(version: string, than: string): boolean {
  return version.localeCompare(than, 'en', { numeric: true }) < 0;
}

function resolveBinary(): string {
  const { path } = createRequire(import.meta.url)('node-gyp-build') as { path(dir: string): string };
  try {
    return path(PACKAGE_ROOT);
  } catch (cause) {
    throw new Error(`there is no local build, and ${describePrebuilds()}`, { cause });
  }
}

function describePrebuilds(): string {
  const folder = join(PACKAGE_ROOT, 'prebuilds');
  const list = (path: string) => (existsSync(path) ? readdirSync(path) : []);
  const binaries = list(folder).flatMap((target) =>
    list(join(folder, target))
      .filter((name) => name.endsWith('.node'))
      .map((name) => `${target}/${name}`),
  );
  return binaries.length === 0 ? 'no prebuilt binary' : `none of the prebuilt binaries fits (${binaries.join(', ')})`;
}

function readFacts(path: string): BinaryFacts | undefined {
  try {
    return JSON.parse(readFileSync(path.replace(/\.node$/, FACTS_SUFFIX), 'utf8')) as BinaryFacts;
  } catch {
    return undefined;
  }
}
