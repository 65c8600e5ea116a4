// npm run bench -- [suite…] [--json] [--out file] [--device cpu|cuda] [--precision float32|tf32] [--threads n] [--samples n] [--seed n]
// Every suite runs in a process of its own, beside its rival where that is installed.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type BenchEntry, benchReport, describeFigures, describeMachine, measureMachine } from '../lib/bench/report.ts';
import { DEFAULT_SUITES, requireSuiteOn } from '../lib/bench/suites.ts';
import { PRECISIONS, type Precision, resolveDevice } from '../lib/engine/device.ts';
import { EznasError } from '../lib/errors.ts';

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
  .argument('[suites...]', `suites to run: ${NAMES.join(', ')} (default all there are on the device)`)
  .option('--json', 'print the report as JSON on standard output')
  .option('--out <file>', 'also write the report as JSON to a file')
  .addOption(new Option('--device <name>', 'where to run').choices(['cpu', 'cuda'] as const).default('cpu'))
  .addOption(new Option('--precision <name>', 'of convolutions on a GPU').choices(PRECISIONS).default('float32'))
  .option('--threads <n>', 'threads (0: all)', integer(0), 0)
  .option('--samples <n>', 'timings per entry', integer(3), 9)
  .option('--seed <n>', 'of networks, inputs and programs', integer(0), 0)
  .parse();

const {
  json,
  out,
  threads,
  samples,
  seed,
  device: asked,
  precision,
} = command.opts<{
  device: 'cpu' | 'cuda';
  precision: Precision;
  json?: boolean;
  out?: string;
  threads: number;
  samples: number;
  seed: number;
}>();
const suites = command.args.length > 0 ? command.args : asked === 'cpu' ? NAMES : DEFAULT_SUITES;
const unknown = suites.find((suite) => !NAMES.includes(suite));
if (unknown !== undefined) command.error(`unknown suite '${unknown}'; there are ${NAMES.join(', ')}`);

function chooseDevice() {
  try {
    const device = resolveDevice(asked);
    for (const suite of suites) requireSuiteOn(device, suite);
    return device;
  } catch (error) {
    if (error instanceof EznasError) command.error(`${error.code}: ${error.message}`);
    throw error;
  }
}

const device = chooseDevice();
const machine = await measureMachine(threads, { device });
console.error(describeMachine(machine));
const settings = { device, precision, threads: machine.threads, samples, seed };
const entries: BenchEntry[] = [];
for (const suite of suites) {
  const request = JSON.stringify({ suite, machine, options: settings });
  const trial = spawnSync(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(new URL('trial.ts', import.meta.url)), request],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 2 ** 28 },
  );
  if (trial.status !== 0) throw new Error(`the suite ${suite} failed`);
  entries.push(...(JSON.parse(trial.stdout) as BenchEntry[]));
}

const report = benchReport(machine, settings, entries);
if (out !== undefined) writeFileSync(out, `${JSON.stringify(report, undefined, 2)}\n`);
if (json) console.log(JSON.stringify(report, undefined, 2));
else {
  for (const entry of entries) {
    const { suite, name, timing } = entry;
    console.log([suite, name, `${(timing.median * 1000).toPrecision(4)} ms`, describeFigures(entry)].join('\t'));
  }
}
