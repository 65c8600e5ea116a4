import { type Command, Option } from 'commander';
import { z } from 'zod';
import { BENCHMARK_NAMES } from '../benchmarks/registry.ts';
import { DEVICES, PRECISIONS } from '../engine/device.ts';
import { EznasError } from '../errors.ts';
import { PRESETS } from '../evolution/presets.ts';
import { SEPARABLE_UNITS } from '../graph/units.ts';
import { IMAGE_FORMATS } from '../images/normalization.ts';
import { didYouMean } from '../nearest.ts';
import { ONNX_WEIGHTS } from '../onnx/read.ts';
import { PROXIES } from '../proxies/catalogue.ts';
import { ALGORITHMS } from '../search/config.ts';
import { SPACE_NAMES } from '../spaces/registry.ts';

/** A number of at least 0, also as 1e6. */
const amount = () => {
  const error = 'a number of at least 0 is needed';
  return z
    .string()
    .regex(/^\d+(\.\d*)?(e\+?\d+)?$/i, { error })
    .transform(Number)
    .pipe(z.number({ error }));
};

/** An integer in decimal digits, within bounds. */
const integer = (least: number, most: number) => {
  const error = `an integer from ${least} to ${most} is needed`;
  return z
    .string()
    .regex(/^\d+$/, { error })
    .transform(Number)
    .pipe(z.int({ error }).min(least, { error }).max(most, { error }));
};

const oneOf = <const Name extends string>(names: readonly Name[]) =>
  z.custom<Name>((value) => names.includes(value as Name), {
    error: ({ input }) => `known are ${names.join(', ')}${didYouMean(String(input), names)}`,
  });

const text = (what: string) =>
  z
    .string()
    .trim()
    .min(1, { error: `${what} is needed` });

const NETWORKS = 'a number of networks, all, or indices separated by commas (one alone as 5,) is needed';

const networks = z.string().transform((value, context): number | 'all' | number[] => {
  if (value === 'all') return value;
  if (/^\d+$/.test(value)) return Number(value);
  if (/^\d+(,\d+)*,?$/.test(value)) return value.split(',').filter(Boolean).map(Number);
  context.addIssue({ code: 'custom', message: NETWORKS });
  return z.NEVER;
});

/** A field and its value, in JSON or as plain text. */
const assignment = z.string().transform((text, context): [field: string, value: unknown] => {
  const at = text.indexOf('=');
  if (at < 1) {
    context.addIssue({ code: 'custom', message: 'a field and its value are needed, such as replacement=plus' });
    return z.NEVER;
  }
  const value = text.slice(at + 1);
  try {
    return [text.slice(0, at).trim(), JSON.parse(value) as unknown];
  } catch {
    return [text.slice(0, at).trim(), value.trim()];
  }
});

/** Texts separated by commas. */
const names = (what: string) => {
  const error = `${what} separated by commas are needed`;
  return z
    .string()
    .transform((value) => value.split(',').map((name) => name.trim()))
    .pipe(z.array(z.string().min(1, { error })));
};

const MOST = Number.MAX_SAFE_INTEGER;

const SEEDS = 'integers separated by commas are needed, such as 0,1,2';

const list = (names: readonly string[]) => names.join(', ');

interface OptionRow {
  readonly flags: string;
  readonly help: string;
  /** What is taken when it is not given. */
  readonly fallback?: string;
  /** From what commander gives: text, or true for a flag, or the texts of a repeatable option. */
  readonly schema: z.ZodType;
  readonly repeatable?: boolean;
}

/** What an option is called, what it means and what it takes: for every command alike. */
const OPTIONS = {
  space: {
    flags: '--space <name>',
    help: `search space: ${list(SPACE_NAMES)}`,
    fallback: 'nasbench201',
    schema: oneOf(SPACE_NAMES),
  },
  benchmark: {
    flags: '--benchmark <name>',
    help: `accuracies to compare with: ${list(BENCHMARK_NAMES)}, a .csv file with the columns architecture and <dataset>, or a .json file of NDS or NAS-Bench-Macro`,
    fallback: "the space's",
    schema: z.union(
      [z.string().regex(/\.(csv|json|pth|pt|pkl|pickle)$|^(nds-|nasbench-macro|transnas)/), oneOf(BENCHMARK_NAMES)],
      {
        error: ({ input }) =>
          `known are ${list(BENCHMARK_NAMES)}, or a .csv or .json file${didYouMean(String(input), BENCHMARK_NAMES)}`,
      },
    ),
  },
  dataset: {
    flags: '--dataset <name>',
    help: `dataset of the networks: ${list(Object.keys(IMAGE_FORMATS))}`,
    fallback: "the benchmark's first",
    schema: oneOf(Object.keys(IMAGE_FORMATS)),
  },
  networks: {
    flags: '--networks <choice>',
    help: 'so many drawn with the seed, "all", or indices such as 0,7,6111 (one alone as 6111,)',
    schema: networks,
  },
  proxy: {
    flags: '--proxy <name>',
    help: 'a named proxy, again for more; "eznas proxies" lists them',
    repeatable: true,
    schema: z.array(oneOf(PROXIES.map(({ name }) => name))),
  },
  program: {
    flags: '--program <text>',
    help: 'a formula such as "frobenius_norm(T3)" or "rank_sum(unit_max(mean(T4D)), neg(params))", again for more',
    repeatable: true,
    schema: z.array(text('the text of a program')),
  },
  batch: { flags: '--batch <images>', help: 'images in the minibatch', fallback: '16', schema: integer(1, 4096) },
  seed: {
    flags: '--seed <integer>',
    help: 'decides everything that is drawn: networks, images, noise, initial parameters',
    fallback: '0',
    schema: integer(0, MOST),
  },
  seeds: {
    flags: '--seeds <list>',
    help: 'seeds of images, noise and initial parameters, as 0,1,2: networks are scored with each, and the spread is told',
    schema: z
      .string()
      .regex(/^\d+(,\d+)*$/, { error: SEEDS })
      .transform((value) => value.split(',').map(Number))
      .pipe(z.array(z.int({ error: SEEDS }).max(MOST, { error: SEEDS }))),
  },
  replay: {
    flags: '--replay <file>',
    help: 'do again what an earlier --out or --json tells, and compare',
    schema: text('the path of an earlier result'),
  },
  threads: { flags: '--threads <count>', help: 'threads to use', fallback: 'all', schema: integer(1, 1024) },
  device: {
    flags: '--device <name>',
    help: `where to run: ${list(DEVICES)}`,
    fallback: 'auto',
    schema: oneOf(DEVICES),
  },
  precision: {
    flags: '--precision <name>',
    help: `how convolutions multiply on a GPU: ${list(PRECISIONS)} (faster, 10 bits of mantissa)`,
    fallback: 'float32',
    schema: oneOf(PRECISIONS),
  },
  images: {
    flags: '--images <source>',
    help: 'photographs, noise, or the path of a .npy, .npz, CIFAR binary or image folder',
    fallback: 'photographs',
    schema: text('photographs, noise or a path'),
  },
  out: { flags: '--out <file>', help: 'also write the result, as JSON, to a file', schema: text('the path of a file') },
  report: {
    flags: '--report <file>',
    help: 'also draw the result as one HTML file',
    schema: text('the path of an .html file'),
  },
  details: {
    flags: '--details',
    help: 'give the scores of every network in the JSON, so that "eznas report" can draw it',
    schema: z.boolean(),
  },
  html: {
    flags: '--out <file>',
    help: 'HTML file to write',
    schema: text('the path of an .html file'),
  },
  export: {
    flags: '--export <format>',
    help: 'write a standalone module in place of the explanation: pytorch',
    schema: oneOf(['pytorch']),
  },
  json: { flags: '--json', help: 'print the result as JSON, and no progress', schema: z.boolean() },
  preset: {
    flags: '--preset <name>',
    help: `search to start from: ${list(Object.keys(PRESETS))}`,
    fallback: 'default',
    schema: oneOf(Object.keys(PRESETS) as (keyof typeof PRESETS)[]),
  },
  generations: { flags: '--generations <count>', help: 'generations to run', schema: integer(1, 1_000_000) },
  population: {
    flags: '--population <count>',
    help: 'programs in each generation, or networks of a population',
    schema: integer(2, 1_000_000),
  },
  terms: { flags: '--terms <count>', help: 'most terms of the forest', schema: integer(1, 32) },
  tasks: {
    flags: '--tasks <list>',
    help: 'what to learn from: benchmarks, with a dataset or not, such as nasbench201:cifar10,darts-nasbench301',
    fallback: 'that of --space and --dataset',
    schema: names('benchmarks'),
  },
  unlabelled: {
    flags: '--unlabelled <count>',
    help: 'networks of each task that are run without their accuracies, to choose terms by predicted ones',
    fallback: '200',
    schema: integer(0, 1_000_000),
  },
  judge: {
    flags: '--judge <list>',
    help: 'what to judge the result on besides, "all" for every dataset of every benchmark',
    fallback: 'all with --tasks, else nothing',
    schema: names('benchmarks'),
  },
  set: {
    flags: '--set <field=value>',
    help: 'change a field of the search, such as replacement=plus or aggregators=["unit_sum","unit_max"]; repeatable (docs/cli.md lists them)',
    repeatable: true,
    schema: z.array(assignment),
  },
  groups: {
    flags: '--groups <count>',
    help: 'groups that the networks of each task are split into; the paper takes the least τ over them as fitness',
    schema: integer(1, 10_000),
  },
  run: {
    flags: '--run <folder>',
    help: 'new folder for the run',
    fallback: 'runs/<date and time>',
    schema: text('a folder'),
  },
  resume: {
    flags: '--resume <folder>',
    help: 'continue the run in this folder as it was started',
    schema: text('a folder'),
  },
  judgeBatch: {
    flags: '--judge-batch <images>',
    help: 'images in the minibatch that the result is judged with',
    fallback: "the search's; 16 with --preset paper",
    schema: integer(1, 4096),
  },
  heldOut: {
    flags: '--held-out <count>',
    help: 'networks of each task, never seen by the search, that judge the result',
    fallback: '1000; of several tasks 200 of each, down to 50 where networks are dear',
    schema: integer(2, 1_000_000),
  },
  algorithm: {
    flags: '--algorithm <name>',
    help: `how to search: ${list(ALGORITHMS)}`,
    fallback: 'aging',
    schema: oneOf(ALGORITHMS),
  },
  oracle: {
    flags: '--oracle',
    help: "search by the benchmark's accuracies, as if every network were trained",
    schema: z.boolean(),
  },
  weight: {
    flags: '--weight <number>',
    help: 'weight of each proxy, then each program, in their sum of ranks, again for more',
    repeatable: true,
    schema: z.array(
      z
        .string()
        .regex(/^[-+]?\d+(\.\d*)?$/, { error: 'a number is needed' })
        .transform(Number),
    ),
  },
  minimize: {
    flags: '--minimize <metric>',
    help: 'a further objective of nsga2, less of which is better: params, flops, latency or a proxy; again for more',
    repeatable: true,
    schema: z.array(text('a metric')),
  },
  maxParams: { flags: '--max-params <count>', help: 'parameters at most', schema: amount() },
  maxFlops: { flags: '--max-flops <count>', help: 'multiply-adds at most', schema: amount() },
  maxLatency: { flags: '--max-latency <number>', help: 'latency at most, in the unit of the table', schema: amount() },
  latency: {
    flags: '--latency <file>',
    help: 'table of latencies: lines of an architecture, a comma and a number',
    schema: text('the path of a file'),
  },
  budget: {
    flags: '--budget <count>',
    help: 'different networks to score',
    fallback: '500',
    schema: integer(1, 10_000_000),
  },
  sample: {
    flags: '--sample <count>',
    help: 'networks among which aging evolution takes a parent',
    fallback: '25',
    schema: integer(1, 1_000_000),
  },
  chunk: {
    flags: '--chunk <count>',
    help: 'networks proposed and scored at a time',
    fallback: '16',
    schema: integer(1, 100_000),
  },
  searchSeed: {
    flags: '--search-seed <integer>',
    help: 'decides what the search draws, where that is to differ from the seed of the scores',
    fallback: 'the seed',
    schema: integer(0, MOST),
  },
  warmup: {
    flags: '--warmup <count>',
    help: 'start from the best of so many random networks by --warmup-proxy',
    schema: integer(1, 10_000_000),
  },
  warmupProxy: {
    flags: '--warmup-proxy <name>',
    help: 'proxy or program of the warm-up',
    fallback: 'the first of the search',
    schema: text('a proxy or program'),
  },
  warmupKeep: {
    flags: '--warmup-keep <count>',
    help: 'networks of the warm-up to start from',
    fallback: 'all, the best first',
    schema: integer(1, 10_000_000),
  },
  move: {
    flags: '--move <name>',
    help: 'proxy or program by which the best neighbour of a parent is its child, in three of four',
    schema: text('a proxy or program'),
  },
  best: { flags: '--best <count>', help: 'networks in the result', fallback: '10', schema: integer(1, 1_000_000) },
  train: {
    flags: '--train <count>',
    help: 'look up the accuracies of so many of the best, as if they were trained, and take the best',
    schema: integer(1, 1_000_000),
  },
  trainEpochs: {
    flags: '--train-epochs <count>',
    help: 'epochs of that training, 200 or 12 in NAS-Bench-201',
    fallback: 'full training',
    schema: integer(1, 1_000_000),
  },
  repeats: {
    flags: '--repeats <count>',
    help: 'searches with consecutive seeds, of the draws and of the scores, to see the spread',
    fallback: '1',
    schema: integer(1, 10_000),
  },
  sameScores: {
    flags: '--same-scores',
    help: 'let repeats share images and initial parameters, so that they differ in what the search draws alone',
    schema: z.boolean(),
  },
  beside: {
    flags: '--beside <search>',
    help: 'a search to compare with: an algorithm, a metric, or both as random:oracle; again for more',
    repeatable: true,
    schema: z.array(text('a search')),
  },
  cache: {
    flags: '--cache <file>',
    help: 'keep scores in this file as they come, and take those that it has from there',
    schema: text('the path of a file'),
  },
  svg: {
    flags: '--svg <file>',
    help: 'draw the cells of the best network',
    schema: text('the path of a file'),
  },
  onnx: {
    flags: '--onnx <file>',
    help: 'write the best network, with the initial parameters that it was scored with, as ONNX',
    schema: text('the path of a file'),
  },
  models: {
    flags: '--onnx <file>',
    help: 'score the network of this ONNX file, again for more',
    repeatable: true,
    schema: z.array(text('the path of an .onnx file')),
  },
  onnxTable: {
    flags: '--onnx <file>',
    help: 'rank networks of ONNX files: a .csv file with the columns architecture, their paths, and <dataset>, accuracies',
    schema: text('the path of a .csv file'),
  },
  weights: {
    flags: '--weights <name>',
    help: 'of ONNX files: initialize draws new ones, as proxies expect; file takes those of the file',
    fallback: 'initialize',
    schema: oneOf(ONNX_WEIGHTS),
  },
  separableUnit: {
    flags: '--separable-unit <which>',
    help: `which of two convolutions in a row their unit holds, in DARTS, NDS, TransNAS-Bench-101 and ONNX files: ${list(SEPARABLE_UNITS)}`,
    fallback: 'first',
    schema: oneOf(SEPARABLE_UNITS),
  },
  curves: {
    flags: '--curves <file>',
    help: 'write the course of the searches in true accuracy as CSV',
    schema: text('the path of a file'),
  },
  samples: { flags: '--samples <count>', help: 'timings of each entry', fallback: '9', schema: integer(3, 100_000) },
  compare: {
    flags: '--compare <file>',
    help: 'tell how the times stand to those of an earlier --json or --out',
    schema: text('the path of an earlier report'),
  },
} as const satisfies Record<string, OptionRow>;

export type OptionName = keyof typeof OPTIONS;

/** Values of the options that were given. */
export type OptionValues<Name extends OptionName> = {
  readonly [Key in Name]?: z.output<(typeof OPTIONS)[Key]['schema']>;
};

/** Options of every command that runs networks. */
export const SHARED = [
  'space',
  'dataset',
  'batch',
  'seed',
  'threads',
  'device',
  'precision',
  'images',
  'out',
  'json',
] as const;

/** Adds options to a command, with what it takes when they are not given where that is its own. */
export function addOptions(
  command: Command,
  names: readonly OptionName[],
  fallbacks: { readonly [Name in OptionName]?: string } = {},
): Command {
  for (const name of names) {
    const { flags, help, repeatable, fallback: common }: OptionRow = OPTIONS[name];
    const fallback = fallbacks[name] ?? common;
    const option = new Option(flags, fallback === undefined ? help : `${help} (default: ${fallback})`);
    if (repeatable) option.argParser((value: string, before: string[] = []) => [...before, value]);
    command.addOption(option);
  }
  return command;
}

/**
 * Checks what commander read.
 *
 * @throws EznasError INVALID_ARGUMENT naming the option, its value and what would be right
 */
export function checkOptions<const Name extends OptionName>(
  given: Readonly<Record<string, unknown>>,
  names: readonly Name[],
): OptionValues<Name> {
  const values: Partial<Record<OptionName, unknown>> = {};
  for (const name of names) {
    const raw = given[name];
    if (raw === undefined) continue;
    const { schema, flags } = OPTIONS[name];
    const result = schema.safeParse(raw);
    if (!result.success) {
      const { path, message } = result.error.issues[0]!;
      const value = path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown>)[key], raw);
      throw new EznasError('INVALID_ARGUMENT', `option ${flags.split(' ')[0]}: '${value}' is not right; ${message}`);
    }
    values[name] = result.data;
  }
  return values as OptionValues<Name>;
}
