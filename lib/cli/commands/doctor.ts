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
      'Tells versions, processor, instructions and threads used, memory, GPU and driver, and whether the addon loads and the package is whole. ' +
        'The addon is tried in a process of its own.',
    );
  addOptions(command, OPTIONS).addHelpText(
    'after',
    `
Examples:
  $ eznas doctor
  $ EZNAS_SIMD=avx2 eznas doctor --json`,
  );
  command.action(async (given: Record<string, unknown>) => {
    const { addon, data } = await giveResult(checkOptions(given, OPTIONS), diagnose, (diagnosis) =>
      formatTable(COLUMNS, describe(diagnosis)),
    );
    if (!addon.ok) process.exitCode = EXIT.addon;
    else if (!data.every(({ ok }) => ok)) process.exitCode = EXIT.file;
  });
}

function describe({ eznas, node, napi, platform, cpu, addon, simd, threads, memory, gpu, data }: Diagnosis): Line[] {
  const limits = [
    `${gibibytes(memory.total)} in all`,
    ...(memory.constrained === null ? [] : [`${gibibytes(memory.constrained)} allowed`]),
    ...(memory.limit === null ? [] : [`${gibibytes(memory.limit)} at most for the addon`]),
  ];
  return [
    ['eznas', eznas],
    ['Node.js', `${node}, Node-API ${napi}, ${platform}`],
    ['addon', addon.ok ? `${addon.path ?? 'loaded'}, built with ${addon.compiler}` : addon.error],
    ['CPU', `${cpu.model}, ${cpu.available} threads available`],
    ['instructions', simd === null ? 'unknown' : `${simd.level} (supported: ${simd.supported.join(', ')})`],
    ['threads', threads === null ? 'unknown' : `${threads} used where none are asked for`],
    ['memory', limits.join(', ')],
    ['GPU', describeGpu(gpu)],
    ...data.map(({ name, ok, error }): Line => [`data/${name}`, ok ? 'whole' : (error ?? 'damaged')]),
  ];
}

function describeGpu({ driver, devices, usable }: Diagnosis['gpu']): string {
  if (driver === null && devices.length === 0) return 'none found';
  const names = devices.map(({ name, memory }) => (memory === null ? name : `${name} (${gibibytes(memory)})`));
  const found = [driver === null ? 'no driver' : `driver ${driver}`, ...names];
  return `${found.join(', ')}; ${usable ? 'usable' : 'this build has no CUDA backend'}`;
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toPrecision(3)} GiB`;
}
