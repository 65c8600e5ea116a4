import type { Command } from 'commander';
import { type Comparison, compareReports, readReport } from '../../bench/compare.ts';
import { type BenchEntry, type BenchReport, benchReport, measureMachine } from '../../bench/report.ts';
import { noteToUser } from '../notes.ts';
import { addOptions, checkOptions } from '../options.ts';
import { giveResult } from '../result.ts';
import { type Column, formatTable } from '../table.ts';

const OPTIONS = ['threads', 'samples', 'seed', 'compare', 'out', 'json'] as const;

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
    title: 'figures',
    text: ({ figures }) =>
      Object.entries(figures)
        .map(([figure, value]) => `${figure} ${value.toPrecision(4)}`)
        .join(', '),
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
        'name their units.',
    )
    .argument('[suites...]', 'conv, collect, population, spaces (default: all but spaces, which takes minutes)');
  addOptions(command, OPTIONS).addHelpText(
    'after',
    `
Examples:
  $ eznas bench conv
  $ eznas bench --json --out before.json
  $ eznas bench collect --compare before.json
  $ eznas bench spaces`,
  );
  command.action(async (names: string[], given: Record<string, unknown>) => {
    const options = checkOptions(given, OPTIONS);
    const earlier = options.compare === undefined ? undefined : readReport(options.compare);
    // Only this command needs the bench library, which takes time to load.
    const { DEFAULT_SUITES, findSuite } = await import('../../bench/suites.ts');
    const suites = (names.length > 0 ? names : DEFAULT_SUITES).map((name) => findSuite(name));
    const { threads = 0, samples = 9, seed = 0 } = options;
    const onEntry = (name: string) => options.json || noteToUser(`timing ${name}`);
    const work = async (): Promise<BenchResult> => {
      const machine = await measureMachine(threads, signal);
      const entries: BenchEntry[] = [];
      for (const suite of suites)
        entries.push(
          ...(await suite(machine, { device: 'cpu', threads: machine.threads, samples, seed, signal, onEntry })),
        );
      const report = benchReport(machine, entries);
      return earlier ? { ...report, comparisons: compareReports(earlier.entries, entries) } : report;
    };
    const { machine } = await giveResult(options, work, forPeople);
    if (options.json) return;
    const { cpu, simd, peakGflops, bandwidthGBs } = machine;
    const peaks = `peak ${peakGflops.one.toFixed(0)} GFLOP/s on one, ${peakGflops.all.toFixed(0)} on all`;
    noteToUser(`${cpu}, ${simd}, ${machine.threads} threads; ${peaks}; copying ${bandwidthGBs.toFixed(1)} GB/s`);
  });
}

function forPeople({ entries, comparisons }: BenchResult): string {
  const table = formatTable(ENTRY_COLUMNS, entries);
  return comparisons === undefined ? table : `${table}\n${formatTable(COMPARISON_COLUMNS, comparisons)}`;
}

function milliseconds(seconds: number): string {
  return (1000 * seconds).toPrecision(3);
}
