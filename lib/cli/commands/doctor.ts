import type { Command } from 'commander';
import { type Diagnosis, diagnose } from '../diagnosis.ts';
import { EXIT } from '../exit-codes.ts';
import { addOptions, checkOptions } from '../options.ts';
import { giveResult } from '../result.ts';
import { type Column, formatTable } from '../table.ts';

const OPTIONS = ['out', 'json'] as const;

type Line = readonly [what: string, found: string];

const COLUMNS: readonly Column<Line>[] = [
  { title: 'what', text: ([what]) => what },
  { title: 'found', text: ([, found]) => found },
];

/** `eznas doctor`: what eznas finds on this machine. */
export function addDoctor(cli: Command): void {
  const command = cli
    .command('doctor')
    .summary('tell what eznas finds on this machine')
    .description(
      'Tells versions, the binary that was chosen and why, processor, instructions and threads used, memory, GPU and driver, and whether all ' +
        'native parts load and the package is whole. Native parts are tried in a process of their own.',
    );
  addOptions(command, OPTIONS).addHelpText(
    'after',
    `
Examples:
  $ eznas doctor
  $ EZNAS_SIMD=avx2 eznas doctor --json`,
  );
  command.action(async (given: Record<string, unknown>) => {
    const { addon, sqlite, data } = await giveResult(checkOptions(given, OPTIONS), diagnose, (diagnosis) =>
      formatTable(COLUMNS, describe(diagnosis)),
    );
    if (!addon.ok || !sqlite.ok) process.exitCode = EXIT.addon;
    else if (!data.every(({ ok }) => ok)) process.exitCode = EXIT.file;
  });
}

function describe(diagnosis: Diagnosis): Line[] {
  const { eznas, node, napi, platform, glibc, cpu, binary, addon, threads, memory, gpu, sqlite, data } = diagnosis;
  const limits = [
    `${gibibytes(memory.total)} in all`,
    ...(memory.constrained === null ? [] : [`${gibibytes(memory.constrained)} allowed`]),
    ...(memory.limit === null ? [] : [`${gibibytes(memory.limit)} at most for the addon`]),
  ];
  return [
    ['eznas', eznas],
    ['Node.js', `${node}, Node-API ${napi}`],
    ['platform', `${platform}, ${glibc === null ? 'no glibc' : `glibc ${glibc}`}`],
    ['binary', describeBinary(binary)],
    // A table has one line for each.
    ['addon', addon.ok ? `loads, built with ${addon.compiler}` : addon.error.replaceAll('\n', '; ')],
    ['CPU', `${cpu.model}, ${cpu.available} threads available`],
    ['instructions', describeSimd(diagnosis.simd)],
    ['threads', threads === null ? 'unknown' : `${threads} used where none are asked for`],
    ['memory', limits.join(', ')],
    ['GPU', describeGpu(gpu)],
    ['SQLite', sqlite.ok ? sqlite.version : sqlite.error.replaceAll('\n', '; ')],
    ...data.map(({ name, ok, error }): Line => [`data/${name}`, ok ? 'whole' : (error ?? 'damaged')]),
  ];
}

function describeBinary(binary: Diagnosis['binary']): string {
  if (binary === null) return 'none';
  const { path, origin, why, needsGlibc } = binary;
  const needs = needsGlibc === null ? '' : `, for glibc ${needsGlibc} or newer`;
  return `${path} (${origin === 'environment' ? '' : `${origin}${needs}: `}${why})`;
}

function describeSimd(simd: Diagnosis['simd']): string {
  if (simd === null) return 'unknown';
  const { level, supported, chosenBy } = simd;
  const why = chosenBy === 'EZNAS_SIMD' ? 'by EZNAS_SIMD' : 'the best of this processor';
  return `${level}, ${why} (supported: ${supported.join(', ')})`;
}

function describeGpu({ driver, devices, cuda, usable, advice }: Diagnosis['gpu']): string {
  const names = devices.map(({ name, memory, computeCapability }) => {
    const size = memory === null ? '' : `, ${gibibytes(memory)}`;
    return `${name} (compute capability ${computeCapability}${size})`;
  });
  const found = [...(driver === null ? [] : [`driver ${driver}`]), ...names].join(', ') || 'none found';
  const code = cuda === null ? [] : [`code of CUDA ${cuda} in the binary`];
  return [found, ...code, ...(usable ? ['usable'] : []), ...(advice === null ? [] : [advice])].join('; ');
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toPrecision(3)} GiB`;
}
