/**
 * Builds the binaries that ship in the package, prebuilds/<platform>-<arch>/eznas.glibc.node, and checks that they run elsewhere: nothing needed
 * beside the C library of GLIBC_FLOOR, no symbol visible but the entry points, size within bounds. What a binary needs stands in eznas.glibc.json beside it.
 *
 *   npm run prebuild                                     for this machine's architecture, on x64 with CUDA code, which takes CUDA 13's nvcc
 *   npm run prebuild -- linux-x64 linux-arm64            both; arm64 is cross-compiled, for the CPU (Debian: g++-aarch64-linux-gnu)
 *   npm run prebuild -- --no-cuda                        without CUDA code
 *   npm run prebuild -- --cuda-architectures=90-real     with code for other devices than the package's
 *   npm run prebuild -- --check linux-x64 linux-arm64    builds nothing, checks what is there
 *   npm run prebuild -- --release …                      also requires the CUDA code that a release has
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { arch, platform } from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type BinaryFacts, FACTS_SUFFIX, isOlder } from '../lib/addon-binary.ts';
import { VERSION } from '../lib/version.ts';
import { devicesOf } from './cubin.ts';

interface Target {
  readonly arch: string;
  readonly strip: string;
  /** The dynamic loader, which holds some symbols of the C library. */
  readonly loader: string;
  readonly cuda: boolean;
}

const TARGETS: Readonly<Record<string, Target>> = {
  'linux-x64': { arch: 'x64', strip: 'strip', loader: 'ld-linux-x86-64.so.2', cuda: true },
  'linux-arm64': {
    arch: 'arm64',
    strip: arch === 'arm64' ? 'strip' : 'aarch64-linux-gnu-strip',
    loader: 'ld-linux-aarch64.so.1',
    cuda: false,
  },
};

/** Parts of the C library, and libgcc_s, which Node.js itself needs; as a static library it would raise the glibc floor to 2.35. */
const ALLOWED = ['libc.so.6', 'libm.so.6', 'libpthread.so.0', 'libdl.so.2', 'librt.so.1', 'libgcc_s.so.1'];

const ENTRY_POINTS = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];

/** Machine code for every generation from A100 to H100, and PTX from which drivers make code for later ones. */
const CUDA_ARCHITECTURES = '80-real;86-real;89-real;90-real;90-virtual';

const RELEASED_CUDA = ['compute_90', 'sm_80', 'sm_86', 'sm_89', 'sm_90'];

const MOST_BYTES = 40 * 2 ** 20;

/** The newest glibc that a binary may need, as the README says. */
const GLIBC_FLOOR = '2.34';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    check: { type: 'boolean', default: false },
    'no-cuda': { type: 'boolean', default: false },
    'cuda-architectures': { type: 'string', default: CUDA_ARCHITECTURES },
    release: { type: 'boolean', default: false },
  },
});
for (const name of positionals.length > 0 ? positionals : [`${platform}-${arch}`]) {
  const target = TARGETS[name];
  if (target === undefined)
    throw new Error(`no binary is made for '${name}'; known are ${Object.keys(TARGETS).join(', ')}`);
  const binary = `prebuilds/${name}/eznas.glibc.node`;
  if (!options.check) build(target);
  const facts = inspect(binary, target);
  if (options.release && target.cuda && facts.cuda.join() !== RELEASED_CUDA.join()) {
    throw new Error(
      `${binary} has CUDA code for ${facts.cuda.join(', ') || 'nothing'}, but is to have it for ${RELEASED_CUDA.join(', ')}`,
    );
  }
  const path = binary.replace(/\.node$/, FACTS_SUFFIX);
  if (options.check) requireSame(facts, path);
  else writeFileSync(path, `${JSON.stringify(facts, undefined, 2)}\n`);
  const { bytes, glibc, needed, cuda } = facts;
  console.log(
    `${binary}: ${(bytes / 2 ** 20).toFixed(2)} MiB, needs glibc ${glibc} or newer (${needed.join(', ')}), ` +
      (cuda.length > 0 ? `CUDA code for ${cuda.join(', ')}` : 'no CUDA code'),
  );
}

function build(target: Target): void {
  const cuda = target.cuda && !options['no-cuda'];
  const further = cuda
    ? ['--CDEZNAS_CUDA=ON', `--CDEZNAS_CUDA_ARCHITECTURES=${options['cuda-architectures']}`]
    : ['--CDEZNAS_CUDA=OFF'];
  // prebuildify looks for the binary in build/Release of the folder it is given, which must not be the development build's.
  const stage = 'build-prebuild';
  mkdirSync(stage, { recursive: true });
  const shim = fileURLToPath(new URL('prebuild-addon.sh', import.meta.url));
  const tags = ['--name', 'eznas', '--napi', '--strip', '--tag-libc', '--libc', 'glibc'];
  const where = ['--cwd', stage, '--out', '.', '--arch', target.arch, '--strip-bin', target.strip, '--node-gyp', shim];
  const { status } = spawnSync('npx', ['--no-install', 'prebuildify', ...tags, ...where], {
    stdio: 'inherit',
    env: { ...process.env, EZNAS_PREBUILD_OPTIONS: further.join(' ') },
  });
  if (status === 0) return;
  console.error(`the binary for ${target.arch} was not built${cuda ? '; --no-cuda builds it without CUDA code' : ''}`);
  process.exit(1);
}

/** What a binary needs and holds. Throws when it would not run elsewhere. */
function inspect(path: string, target: Target): BinaryFacts {
  const { size: bytes } = statSync(path);
  if (bytes > MOST_BYTES) throw new Error(`${path} has ${bytes} bytes, more than ${MOST_BYTES}`);

  const needed = matches(readelf('--dynamic', path), /\(NEEDED\).*\[(.+)\]/g);
  const foreign = needed.filter((library) => !ALLOWED.includes(library) && library !== target.loader);
  if (foreign.length > 0) throw new Error(`${path} needs ${foreign.join(', ')}, which other machines may lack`);

  const defined = readelf('--dyn-syms', path)
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([number, , , , bind, , index]) => /^\d+:$/.test(number ?? '') && bind !== 'LOCAL' && index !== 'UND')
    .map((fields) => fields[7]!);
  const visible = defined.filter((symbol) => !ENTRY_POINTS.includes(symbol));
  if (visible.length > 0)
    throw new Error(`${path} shows symbols besides its entry points: ${visible.slice(0, 5).join(', ')}`);
  const missing = ENTRY_POINTS.filter((symbol) => !defined.includes(symbol));
  if (missing.length > 0) throw new Error(`${path} lacks its entry points ${missing.join(', ')}`);

  const versions = matches(readelf('--version-info', path), /Name: GLIBC_(\d+\.\d+)/g);
  const glibc = versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
  if (glibc === undefined) throw new Error(`${path} needs no glibc, which cannot be`);
  if (isOlder(GLIBC_FLOOR, glibc)) {
    const symbols = matches(
      readelf('--dyn-syms', path),
      new RegExp(`(\\S+)@GLIBC_${glibc.replace('.', '\\.')}\\b`, 'g'),
    );
    throw new Error(`${path} needs glibc ${glibc}, newer than ${GLIBC_FLOOR}, for ${symbols.join(', ')}`);
  }
  return { version: VERSION, bytes, glibc, needed, cuda: devicesOf(readFileSync(path)) };
}

function requireSame(facts: BinaryFacts, path: string): void {
  const stated = readFileSync(path, 'utf8');
  if (JSON.stringify(JSON.parse(stated)) === JSON.stringify(facts)) return;
  throw new Error(
    `${path} is of another build or version: ${stated}, but found ${JSON.stringify(facts)}; run "npm run prebuild"`,
  );
}

function readelf(option: string, path: string): string {
  return execFileSync('readelf', [option, '--wide', path], { encoding: 'utf8', maxBuffer: 2 ** 26 });
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, group]) => group!);
}
