/**
 * Compiles every kernel of kernels/cuda with nvcc and compares what it takes on the device with scripts/kernel-budgets.tsv: registers, shared
 * memory, stack and spills, and the kind of its matrix instructions. Says so and does nothing where there is no nvcc.
 *
 *   npm run test:nvcc
 *   npm run test:nvcc -- --write     takes what was found as the new budgets
 *
 * Registers are given out in eights, so a budget is a multiple of eight. Shared memory is what a kernel declares; what launches add is planned on the
 * host. `matrix` is the type of what tensor cores multiply, or `none` for a kernel that does not use them.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { type KernelCode, kernelsOf } from './cubin.ts';

interface Usage {
  readonly registers: number;
  readonly shared: number;
  readonly stack: number;
  readonly spills: number;
  readonly matrix: string;
}

/** By file and kernel, such as `conv_sweep.cu: convPack<true>`. */
type Kernels = ReadonlyMap<string, Usage>;

/** What may not grow, and how messages call it. */
const UNITS = {
  registers: 'registers',
  shared: 'bytes of shared memory',
  stack: 'bytes of stack',
  spills: 'bytes of spilled registers',
} as const;
const NUMBERS = ['registers', 'shared', 'stack', 'spills'] as const;
const COLUMNS = [...NUMBERS, 'matrix'] as const;

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCES = join(ROOT, 'kernels/cuda');
const TABLE = fileURLToPath(new URL('kernel-budgets.tsv', import.meta.url));
const ARCHITECTURE = 'sm_90';
const run = promisify(execFile);
const work = mkdtempSync(join(tmpdir(), 'eznas-nvcc-'));

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

/** Compiles as cmake/cuda.cmake does; the cubin lies in a folder of the source's name afterwards. */
async function compile(source: string, further: readonly string[]): Promise<{ cubin: string; report: string }> {
  const folder = mkdtempSync(join(work, 'kernel-'));
  const warnings = ['-Werror=all-warnings', '-Xcompiler=-Wall,-Wextra,-Wshadow,-Werror'];
  const flags = ['-c', '-O3', '-std=c++20', `-arch=${ARCHITECTURE}`, '-I', ROOT, '-Xptxas=-v', ...warnings, ...further];
  const output = ['--keep', '--keep-dir', folder, '-o', join(folder, 'object.o')];
  const { stdout, stderr } = await run('nvcc', [...flags, ...output, source], { maxBuffer: 2 ** 26 });
  const cubin = readdirSync(folder).find((name) => name.endsWith('.cubin'));
  if (cubin === undefined) throw new Error(`nvcc left no cubin of ${source}`);
  return { cubin: join(folder, cubin), report: stdout + stderr };
}

/** What ptxas reports of each kernel, by mangled name. */
function reported(report: string): Map<string, Omit<Usage, 'matrix'>> {
  const found = new Map<string, Omit<Usage, 'matrix'>>();
  for (const part of report.split("Compiling entry function '").slice(1)) {
    const number = (pattern: RegExp) => Number(pattern.exec(part)?.[1] ?? 0);
    found.set(part.slice(0, part.indexOf("'")), {
      registers: Math.ceil(number(/Used (\d+) registers/) / 8) * 8,
      shared: number(/(\d+) bytes smem/),
      stack: number(/(\d+) bytes stack frame/),
      spills: number(/(\d+) bytes spill stores/) + number(/(\d+) bytes spill loads/),
    });
  }
  return found;
}

function matrixKind({ matrix }: KernelCode): string {
  const types = Object.entries(matrix).filter(([, count]) => count > 0);
  return types.map(([type]) => type).join('+') || 'none';
}

async function usage(source: string, further: readonly string[] = []): Promise<Kernels> {
  const { cubin, report } = await compile(source, further);
  const resources = reported(report);
  const kernels = kernelsOf(readFileSync(cubin)).filter(({ symbol }) => resources.has(symbol));
  if (kernels.length !== resources.size)
    throw new Error(`ptxas's report of ${source} names kernels that the cubin lacks`);
  return new Map(
    kernels.map((code) => [
      `${basename(source)}: ${readable(code.symbol)}`,
      { ...resources.get(code.symbol)!, matrix: matrixKind(code) },
    ]),
  );
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

async function testReader(): Promise<void> {
  const source = join(work, 'probe.cu');
  writeFileSync(source, PROBE);
  for (const [name, { matrix }] of await usage(source)) {
    if (name !== `probe.cu: ${matrix}`)
      throw new Error(`this nvcc's code is not understood: ${name} reads as ${matrix}`);
  }
}

/** All kernels, by as many compilers as the machine has cores. */
async function compileAll(): Promise<Kernels> {
  const waiting = readdirSync(SOURCES).filter((name) => name.endsWith('.cu'));
  const found: [string, Usage][] = [];
  const worker = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const kernels = await usage(join(SOURCES, name), name === 'random.cu' ? ['--fmad=false'] : []);
      console.log(`${name}: ${kernels.size} kernels`);
      found.push(...kernels);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
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
  const heading = [`kernel, by nvcc ${compiler} for ${ARCHITECTURE}`, ...COLUMNS];
  return [heading, ...rows].map((fields) => `${fields.join('\t')}\n`).join('');
}

function parse(table: string): Kernels {
  const [, ...rows] = table.trimEnd().split('\n');
  return new Map(
    rows.map((row) => {
      const [name, registers, shared, stack, spills, matrix] = row.split('\t');
      const numbers = { registers, shared, stack, spills };
      if (matrix === undefined || Object.values(numbers).some((text) => !/^\d+$/.test(text!)))
        throw new Error(
          `${TABLE} has a row that is not "kernel${COLUMNS.map((name) => `, ${name}`).join('')}": ${row}`,
        );
      return [
        name!,
        {
          registers: Number(registers),
          shared: Number(shared),
          stack: Number(stack),
          spills: Number(spills),
          matrix,
        },
      ];
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

const { values: options } = parseArgs({ options: { write: { type: 'boolean', default: false } } });
const compiler = compilerVersion();
try {
  if (compiler === undefined) {
    console.log('no nvcc: kernels/cuda is not compiled for a device');
  } else {
    await testReader();
    const kernels = await compileAll();
    if (options.write) {
      writeFileSync(TABLE, print(kernels, compiler));
    } else {
      const complaints = compare(kernels, parse(readFileSync(TABLE, 'utf8')));
      for (const complaint of complaints) console.error(complaint);
      if (complaints.length > 0) process.exitCode = 1;
      else console.log(`${kernels.size} kernels within their budgets, by nvcc ${compiler} for ${ARCHITECTURE}`);
    }
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
