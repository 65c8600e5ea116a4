// npm run bench -- [suite…] [--json] [--out file] [--threads n] [--samples n] [--seed n]
// Every suite runs in a process of its own, beside its rival where that is installed.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { type BenchEntry, benchReport, measureMachine } from '../lib/bench/report.ts';

const NAMES = ['conv', 'collect', 'population', 'search', 'scale'];

function integer(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least) throw new InvalidArgumentError(`an integer of at least ${least}`);
    return value;
  };
}

const command = new Command('bench')
  .description('times eznas beside its rivals')
  .argument('[suites...]', `suites to run: ${NAMES.join(', ')} (default all)`)
  .option('--json', 'print the report as JSON on standard output')
  .option('--out <file>', 'also write the report as JSON to a file')
  .option('--threads <n>', 'threads (0: all)', integer(0), 0)
  .option('--samples <n>', 'timings per entry', integer(3), 9)
  .option('--seed <n>', 'of networks, inputs and programs', integer(0), 0)
  .parse();

const { json, out, threads, samples, seed } = command.opts<{
  json?: boolean;
  out?: string;
  threads: number;
  samples: number;
  seed: number;
}>();
const suites = command.args.length > 0 ? command.args : NAMES;
const unknown = suites.find((suite) => !NAMES.includes(suite));
if (unknown !== undefined) command.error(`unknown suite '${unknown}'; there are ${NAMES.join(', ')}`);

const machine = await measureMachine(threads);
console.error(
  `${machine.cpu}, ${machine.simd}, ${machine.threads} threads: peak ${machine.peakGflops.one.toFixed(0)} GFLOP/s on one, ` +
    `${machine.peakGflops.all.toFixed(0)} on all, copy bandwidth ${machine.bandwidthGBs.toFixed(1)} GB/s`,
);
const entries: BenchEntry[] = [];
for (const suite of suites) {
  const request = JSON.stringify({ suite, machine, options: { threads: machine.threads, samples, seed } });
  const trial = spawnSync(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(new URL('trial.ts', import.meta.url)), request],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 2 ** 28 },
  );
  if (trial.status !== 0) throw new Error(`the suite ${suite} failed`);
  entries.push(...(JSON.parse(trial.stdout) as BenchEntry[]));
}

const report = benchReport(machine, entries);
if (out !== undefined) writeFileSync(out, `${JSON.stringify(report, undefined, 2)}\n`);
if (json) console.log(JSON.stringify(report, undefined, 2));
else {
  for (const { suite, name, timing, figures } of entries) {
    const shown = Object.entries(figures).map(([figure, value]) => `${figure} ${value.toPrecision(4)}`);
    console.log([suite, name, `${(timing.median * 1000).toPrecision(4)} ms`, ...shown].join('\t'));
  }
}
