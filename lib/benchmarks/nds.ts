import { basename } from 'node:path';
import { z } from 'zod';
import { EznasError } from '../errors.ts';
import { type NdsArchitecture, NdsSpace, ndsSpaces } from '../spaces/nds.ts';
import type { SearchSpace } from '../spaces/space.ts';
import type { Benchmark } from './benchmark.ts';
import { DATASETS, type Dataset, findDataset } from './datasets.ts';
import { readJsonElements } from './json-elements.ts';
import { requireEpochs, requireIndex } from './table.ts';

/** What a file does not say. */
export interface NdsBenchmarkOptions {
  /** The space of its networks; by default the one that the file's official name tells. */
  readonly space?: SearchSpace<unknown>;
  /** Called with the bytes read and the file's size. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Official names of the files with networks of cells, such as `DARTS.json`, `PNAS_fix-w-d.json`, `DARTS_lr-wd.json`, `Amoeba_in.json`. */
const OFFICIAL_NAME = /^(amoeba|darts|enas|nasnet|pnas)(_fix-w-d|_lr-wd)?(_in)?\.json$/i;

/** Lists of a file that has more than one, in the order in which others number their networks. */
const LISTS = ['top', 'mid'] as const;

const edge = z.tuple([z.string(), z.int()]);
const states = z.array(z.int());

/** What is read of a network; files have more. Errors are in per cent, one for every epoch; only the last is used. */
const ENTRY = z.object({
  net: z.object({
    genotype: z.object({
      normal: z.array(edge),
      normal_concat: states,
      reduce: z.array(edge),
      reduce_concat: states,
    }),
    width: z.int(),
    depth: z.int(),
  }),
  test_ep_top1: z
    .array(z.number().min(0).max(100).nullable())
    .refine((errors) => typeof errors.at(-1) === 'number', { error: 'a number is needed for the last epoch' }),
});

/** The name of the space whose networks a file of that name has; undefined for other names. */
export function ndsSpaceOf(path: string): string | undefined {
  const match = OFFICIAL_NAME.exec(basename(path));
  if (match === null) return undefined;
  const [, design, given, imagenet] = match;
  return `nds-${design!.toLowerCase()}${imagenet ? '-in' : ''}${given?.toLowerCase() === '_fix-w-d' ? '-fix' : ''}`;
}

/**
 * Accuracies of a file of NDS (Radosavovic et al., ICCV 2019; `nds_data.zip` of facebookresearch/nds), which its users download: thousands of networks of
 * cells, trained on CIFAR-10 or ImageNet. Networks are numbered as in the file, lists `top` and `mid` one after the other; an architecture that occurs
 * again is found by the first of its numbers.
 *
 * @throws EznasError INVALID_FILE naming the entry that is wrong, also for a file of networks that are not made of cells; INVALID_ARGUMENT when
 *   neither name nor options tell the space, or they contradict each other
 */
export function readNdsBenchmark(
  path: string,
  { space: given, onProgress }: NdsBenchmarkOptions = {},
): Benchmark<NdsArchitecture> {
  const space = resolveSpace(path, given);
  const entries = new Map<string | undefined, Entry[]>();
  let count = 0;
  for (const { list, value } of readJsonElements(path, onProgress)) {
    if (list !== undefined && !LISTS.includes(list as (typeof LISTS)[number])) {
      fail(path, `has a list ${JSON.stringify(list)}; ${LISTS.join(' and ')} are known`);
    }
    const entry = readEntry(path, count++, value, space);
    const known = entries.get(list);
    if (known === undefined) entries.set(list, [entry]);
    else known.push(entry);
  }
  const all = [undefined, ...LISTS].flatMap((list) => entries.get(list) ?? []);
  if (all.length < 2) fail(path, `has ${all.length} networks; at least two are needed`);
  return new NdsBenchmark(path, space, all);
}

interface Entry {
  readonly architecture: NdsArchitecture;
  /** Test accuracy after the last epoch, in per cent. */
  readonly accuracy: number;
  readonly epochs: number;
}

class NdsBenchmark implements Benchmark<NdsArchitecture> {
  /** The file's path, by which it can be opened again. */
  readonly name: string;
  readonly space: NdsSpace;
  readonly size: number;
  readonly datasets: readonly Dataset[];
  /** Of the longest training. */
  readonly epochs: readonly number[];
  readonly split = 'test';
  readonly #entries: readonly Entry[];
  /** By canonical form; made when first asked for. */
  #indices: ReadonlyMap<string, number> | undefined;

  constructor(path: string, space: NdsSpace, entries: readonly Entry[]) {
    this.name = path;
    this.space = space;
    this.size = entries.length;
    this.datasets = [findDataset(DATASETS, space.dataset, 'the package')];
    this.epochs = [entries.reduce((most, { epochs }) => Math.max(most, epochs), 0)];
    this.#entries = entries;
  }

  architecture(index: number): NdsArchitecture {
    return this.#entries[requireIndex(index, this.size, this.name)]!.architecture;
  }

  index(architecture: NdsArchitecture): number | undefined {
    // Backwards, so that the first of equal ones stays.
    this.#indices ??= new Map(
      Array.from({ length: this.size }, (_, place): [string, number] => {
        const index = this.size - 1 - place;
        return [this.space.canonical(this.architecture(index)), index];
      }),
    );
    return this.#indices.get(this.space.canonical(architecture));
  }

  dataset(name: string): Dataset {
    return findDataset(this.datasets, name, this.name);
  }

  accuracy(index: number, dataset: string, epochs = this.epochs[0]!): number {
    this.dataset(dataset);
    requireEpochs(epochs, this.epochs, this.name);
    return this.#entries[requireIndex(index, this.size, this.name)]!.accuracy;
  }
}

function resolveSpace(path: string, given: SearchSpace<unknown> | undefined): NdsSpace {
  const told = ndsSpaceOf(path);
  if (given !== undefined && !(given instanceof NdsSpace)) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `${path}: JSON files have networks of NDS, not of the space ${given.name}`,
    );
  }
  if (given === undefined && told === undefined) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `${path}: its name does not tell which networks of NDS it has; keep the official one, such as DARTS.json, ENAS_fix-w-d.json or Amoeba_in.json, or name the space, such as ${ndsSpaces[0]!.name}`,
    );
  }
  if (given !== undefined && told !== undefined && given.name !== told) {
    throw new EznasError('INVALID_ARGUMENT', `${path}: by its name it has networks of ${told}, not of ${given.name}`);
  }
  return given ?? ndsSpaces.find(({ name }) => name === told)!;
}

function readEntry(path: string, place: number, value: unknown, space: NdsSpace): Entry {
  if (typeof value === 'object' && value !== null && 'net' in value && !hasGenotype(value.net)) {
    fail(path, 'has networks without cells, such as ResNets');
  }
  const parsed = ENTRY.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return fail(path, `entry ${place} is wrong at ${issue!.path.join('.') || 'its top'}: ${issue!.message}`);
  }
  const { net, test_ep_top1: errors } = parsed.data;
  const { genotype, width, depth } = net;
  const cell = (name: 'normal' | 'reduce') =>
    `${name}:|${genotype[name].map(([operation, input]) => `${operation}~${input}`).join('|')}| ${name}_concat:[${genotype[`${name}_concat`]}]`;
  try {
    const architecture = space.parse(`${cell('normal')} ${cell('reduce')} width:${width} depth:${depth}`);
    return { architecture, accuracy: 100 - errors.at(-1)!, epochs: errors.length };
  } catch (error) {
    return fail(path, `entry ${place}: ${(error as Error).message}`, error);
  }
}

const hasGenotype = (net: unknown): boolean => typeof net === 'object' && net !== null && 'genotype' in net;

function fail(path: string, problem: string, cause?: unknown): never {
  const expected =
    'a JSON file of NDS with networks of cells is needed: a list of networks with net.genotype, net.width, net.depth and test_ep_top1, or lists top and mid';
  throw new EznasError('INVALID_FILE', `${path} ${problem}; ${expected}`, cause === undefined ? {} : { cause });
}
