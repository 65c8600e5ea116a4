import type { Command } from 'commander';
import { type Comparison, compareReports, readReport } from '../../bench/compare.ts';
import {
  type BenchEntry,
  type BenchReport,
  benchReport,
  describeFigures,
  describeMachine,
  measureMachine,
} from '../../bench/report.ts';
import { resolveDevice } from '../../engine/device.ts';
import { noteToUser } from '../notes.ts';
import { addOptions, checkOptions } from '../options.ts';
import { giveResult } from '../result.ts';
import { type Column, formatTable } from '../table.ts';

const OPTIONS = ['device', 'precision', 'threads', 'samples', 'seed', 'compare', 'out', 'json'] as const;

/** A report, with how its times stand to an earlier one's where that is asked for. */
interface BenchResult extends BenchReport {
  readonly comparisons?: readonly Comparison[];
}

const ENTRY_COLUMNS: readonly Column<BenchEntry>[] = [
  { title: 'suite', text: ({ suite }) => suite },
  { title: 'name', text: ({ name }) => name },
  {
    title: 'ms (quartiles)',
    align: 'right',
    text: ({ timing }) => `${milliseconds(timing.median)} (${milliseconds(timing.low)} … ${milliseconds(timing.high)})`,
    fields: {
      medianSeconds: ({ timing }) => timing.median,
      lowSeconds: ({ timing }) => timing.low,
      highSeconds: ({ timing }) => timing.high,
    },
  },
  {
    title: 'samples',
    align: 'right',
    text: ({ timing }) => String(timing.samples),
    fields: { samples: ({ timing }) => timing.samples },
  },
  {
    title: 'figures',
    text: describeFigures,
  },
];

const COMPARISON_COLUMNS: readonly Column<Comparison>[] = [
  { title: 'suite', text: ({ suite }) => suite },
  { title: 'name', text: ({ name }) => name },
  {
    title: 'speedup (range)',
    align: 'right',
    text: ({ speedup, low, high }) => `${speedup.toFixed(2)} (${low.toFixed(2)} … ${high.toFixed(2)})`,
    fields: { speedup: ({ speedup }) => speedup, low: ({ low }) => low, high: ({ high }) => high },
  },
];

/** `eznas bench`: what this machine does, and how much of what it could. */
export function addBench(cli: Command, signal: AbortSignal): void {
  const command = cli
    .command('bench')
    .summary('time eznas on this machine')
    .description(
      "Times kernels, networks and programs on this machine, beside the peak and the bandwidth measured in the same run. Each entry's figures " +
        'name their units. On a GPU, times by its own clock stand beside those of the host, with the shares of its measured bandwidth and rate of ' +
        'products.',
    )
    .argument('[suites...]', 'conv, collect, population, spaces (default: all but spaces, which takes some minutes)');
  addOptions(command, OPTIONS).addHelpText(
    'after',
    `
Examples:
  $ eznas bench conv
  $ eznas bench --json --out before.json
  $ eznas bench collect --compare before.json
  $ eznas bench spaces
  $ eznas bench --device cuda --precision tf32 --json`,
  );
  command.action(async (names: string[], given: Record<string, unknown>) => {
    const options = checkOptions(given, OPTIONS);
    const earlier = options.compare === undefined ? undefined : readReport(options.compare);
    const device = resolveDevice(options.device ?? 'cpu');
    // Only this command needs the bench library, which takes time to load.
    const { DEFAULT_SUITES, findSuite, requireSuiteOn } = await import('../../bench/suites.ts');
    const chosen = names.length > 0 ? names : DEFAULT_SUITES;
    const suites = chosen.map((name) => findSuite(name));
    const { threads = 0, samples = 9, seed = 0, precision = 'float32' } = options;
    for (const name of chosen) requireSuiteOn(device, name);
    const onEntry = (name: string) => options.json || noteToUser(`timing ${name}`);
    const work = async (): Promise<BenchResult> => {
      const machine = await measureMachine(threads, { device, signal });
      const settings = { device, precision, threads: machine.threads, samples, seed, signal, onEntry };
      const entries: BenchEntry[] = [];
      for (const suite of suites) entries.push(...(await suite(machine, settings)));
      const report = benchReport(machine, settings, entries);
      return earlier ? { ...report, comparisons: compareReports(earlier.entries, entries) } : report;
    };
    const { machine } = await giveResult(options, work, forPeople);
    if (options.json) return;
    noteToUser(describeMachine(machine));
  });
}

function forPeople({ entries, comparisons }: BenchResult): string {
  const table = formatTable(ENTRY_COLUMNS, entries);
  return comparisons === undefined ? table : `${table}\n${formatTable(COMPARISON_COLUMNS, comparisons)}`;
}

function milliseconds(seconds: number): string {
  return (1000 * seconds).toPrecision(3);
}
