/**
 * Builds the addon with the CUDA backend for an H100 by nvcc. Compares what every kernel takes on the device with scripts/kernel-budgets.tsv:
 * registers, shared memory, stack (which spilled registers lie on), and the kind of its matrix instructions. Then tests the addon where it sees no
 * GPU: test/cuda/*.nvcc.ts. Says so and does nothing where there is no nvcc.
 *
 *   npm run test:nvcc
 *   npm run test:nvcc -- --write     takes what was found as the new budgets
 *
 * Registers are given out in eights, so a budget is a multiple of eight. Shared memory is what a kernel declares; what launches add is planned on the
 * host. `matrix` is the type of what tensor cores multiply, or `none` for a kernel that does not use them.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cubinsOf, type KernelCode, kernelsOf } from './cubin.ts';

interface Usage {
  readonly registers: number;
  readonly shared: number;
  readonly stack: number;
  readonly matrix: string;
}

/** By file and kernel, such as `conv_sweep.cu: convPack<true>`. */
type Kernels = ReadonlyMap<string, Usage>;

/** What may not grow, and how messages call it. */
const UNITS = {
  registers: 'registers',
  shared: 'bytes of shared memory',
  stack: 'bytes of stack',
} as const;
const NUMBERS = ['registers', 'shared', 'stack'] as const;
const COLUMNS = [...NUMBERS, 'matrix'] as const;

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const SOURCES = 'kernels/cuda';
const BUILD = 'build-nvcc';
const TABLE = 'scripts/kernel-budgets.tsv';
const ARCHITECTURE = '90';

/** A kernel per kind of product, to see that the kinds are told apart in this compiler's code. */
const PROBE = `
#include <cstdint>
#define PRODUCT(name, shape, type) \\
  extern "C" __global__ void name(float* d, const uint32_t* a) { \\
    asm volatile("mma.sync.aligned." shape ".row.col.f32." type "." type ".f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \\
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) \\
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(a[4]), "r"(a[5])); \\
  }
PRODUCT(tf32, "m16n8k8", "tf32")
PRODUCT(bf16, "m16n8k16", "bf16")
PRODUCT(f16, "m16n8k16", "f16")
extern "C" __global__ void none(float* d) { d[0] += d[1] * d[2]; }
`;

function matrixKind({ matrix }: KernelCode): string {
  const types = Object.entries(matrix).filter(([, count]) => count > 0);
  return types.map(([type]) => type).join('+') || 'none';
}

function testReader(): void {
  const work = mkdtempSync(join(tmpdir(), 'eznas-nvcc-'));
  try {
    const [source, cubin] = [join(work, 'probe.cu'), join(work, 'probe.cubin')];
    writeFileSync(source, PROBE);
    execFileSync('nvcc', ['-cubin', `-arch=sm_${ARCHITECTURE}`, '-o', cubin, source]);
    for (const kernel of kernelsOf(readFileSync(cubin))) {
      if (kernel.symbol !== matrixKind(kernel))
        throw new Error(`this nvcc's code is not understood: ${kernel.symbol} reads as ${matrixKind(kernel)}`);
    }
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** `convSweep<Tile<1, 2, 1, 4>, false>` of a mangled name: without namespaces and parameters. */
function readable(symbol: string): string {
  const name = execFileSync('c++filt', [symbol], { encoding: 'utf8' })
    .trim()
    .replaceAll(/eznas::cuda::|\(anonymous namespace\)::/g, '')
    .replace(/^void /, '');
  if (!name.endsWith(')')) return name;
  let depth = 0;
  for (let i = name.length - 1; ; --i) {
    if (name[i] === ')') depth += 1;
    if (name[i] === '(' && --depth === 0) return name.slice(0, i);
  }
}

function build(): void {
  const options = ['--CDEZNAS_CUDA=ON', `--CDEZNAS_CUDA_ARCHITECTURES=${ARCHITECTURE}-real`];
  const parallel = ['--parallel', String(availableParallelism())];
  execFileSync('npx', ['cmake-js', 'build', '--out', BUILD, ...parallel, ...options], { stdio: 'inherit' });
}

/** Of all that was built. */
function findKernels(): Kernels {
  const found: [string, Usage][] = [];
  for (const source of readdirSync(SOURCES).filter((name) => name.endsWith('.cu'))) {
    const object = readFileSync(join(BUILD, 'CMakeFiles/eznas_cuda.dir', SOURCES, `${source}.o`));
    for (const kernel of cubinsOf(object).flatMap(kernelsOf)) {
      const { registers, shared, stack } = kernel;
      const usage = { registers: Math.ceil(registers / 8) * 8, shared, stack, matrix: matrixKind(kernel) };
      found.push([`${source}: ${readable(kernel.symbol)}`, usage]);
    }
  }
  return new Map(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Every way in which kernels go over their budgets, or differ from the table. */
function compare(kernels: Kernels, budgets: Kernels): string[] {
  const complaints: string[] = [];
  for (const [name, kernel] of kernels) {
    const budget = budgets.get(name);
    if (budget === undefined) {
      complaints.push(`${name} has no budget; "npm run test:nvcc -- --write" enters it`);
      continue;
    }
    for (const what of NUMBERS) {
      const excess = kernel[what] - budget[what];
      if (excess > 0)
        complaints.push(`${name} takes ${kernel[what]} ${UNITS[what]}, ${excess} over its budget of ${budget[what]}`);
    }
    if (kernel.matrix !== budget.matrix)
      complaints.push(`${name} has matrix instructions of type ${kernel.matrix}, but is to have ${budget.matrix}`);
  }
  const gone = [...budgets.keys()].filter((name) => !kernels.has(name));
  return [...complaints, ...gone.map((name) => `${name} has a budget, but is gone; --write takes it out`)];
}

/** A heading, then a kernel per line. */
function print(kernels: Kernels, compiler: string): string {
  const rows = [...kernels].map(([name, usage]) => [name, ...COLUMNS.map((column) => usage[column])]);
  const heading = [`kernel, by nvcc ${compiler} for sm_${ARCHITECTURE}`, ...COLUMNS];
  return [heading, ...rows].map((fields) => `${fields.join('\t')}\n`).join('');
}

function parse(table: string): Kernels {
  const [, ...rows] = table.trimEnd().split('\n');
  return new Map(
    rows.map((row) => {
      const [name, registers, shared, stack, matrix] = row.split('\t');
      const numbers = [registers, shared, stack];
      if (matrix === undefined || numbers.some((text) => !/^\d+$/.test(text!)))
        throw new Error(`${TABLE} has a row that is not "kernel, ${COLUMNS.join(', ')}": ${row}`);
      return [name!, { registers: Number(registers), shared: Number(shared), stack: Number(stack), matrix }];
    }),
  );
}

function compilerVersion(): string | undefined {
  try {
    return /release (\d+\.\d+)/.exec(execFileSync('nvcc', ['--version'], { encoding: 'utf8' }))?.[1];
  } catch {
    return undefined;
  }
}

/** The addon where it sees no GPU, wherever this runs. */
function testAddon(): void {
  const addon = join(process.cwd(), BUILD, 'Release/eznas.node');
  const env = { ...process.env, EZNAS_ADDON: addon, CUDA_VISIBLE_DEVICES: '' };
  execFileSync('npx', ['mocha', 'test/cuda/*.nvcc.ts'], { stdio: 'inherit', env });
}

const { values: options } = parseArgs({ options: { write: { type: 'boolean', default: false } } });
const compiler = compilerVersion();
if (compiler === undefined) {
  console.log('no nvcc: the CUDA backend is not built');
} else {
  testReader();
  build();
  const kernels = findKernels();
  if (options.write) writeFileSync(TABLE, print(kernels, compiler));
  const complaints = compare(kernels, parse(readFileSync(TABLE, 'utf8')));
  for (const complaint of complaints) console.error(complaint);
  if (complaints.length > 0) process.exitCode = 1;
  else console.log(`${kernels.size} kernels within their budgets, by nvcc ${compiler} for sm_${ARCHITECTURE}`);
  testAddon();
}
