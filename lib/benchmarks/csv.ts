import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { EznasError } from '../errors.ts';
import { isNumbered, type SearchSpace } from '../spaces/space.ts';
import type { Benchmark } from './benchmark.ts';
import { DATASETS, type Dataset, findDataset } from './datasets.ts';
import { requireEpochs, requireIndex } from './table.ts';

/** What a CSV file does not say. */
export interface CsvBenchmarkOptions {
  /** Default: the file's name without its ending. */
  readonly name?: string;
  /** Datasets besides those of the package ({@link DATASETS}) that columns may name. */
  readonly datasets?: readonly Dataset[];
  /** Training length in epochs, default 1. */
  readonly epochs?: number;
  /** Default `test`. */
  readonly split?: Benchmark<unknown>['split'];
}

/**
 * Accuracies of one's own: a CSV file with a column `architecture`, texts that the space parses, and a column for each dataset with accuracies in
 * per cent, such as
 *
 *     architecture,cifar10
 *     "16:32:64",91.3
 *
 * @throws EznasError INVALID_FILE naming the line that is wrong; an architecture may occur once, up to isomorphism where the space is not numbered
 */
export function readCsvBenchmark<A>(
  path: string,
  space: SearchSpace<A>,
  {
    name = basename(path).replace(/\.[^.]*$/, ''),
    datasets: own = [],
    epochs = 1,
    split = 'test',
  }: CsvBenchmarkOptions = {},
): Benchmark<A> {
  const fail = (problem: string, cause?: unknown): never => {
    const expected =
      'a CSV file with a column architecture and one of accuracies in per cent for each dataset is needed';
    throw new EznasError('INVALID_FILE', `${path}: ${problem}; ${expected}`, cause === undefined ? {} : { cause });
  };
  const [header, ...lines] = readLines(path, fail);
  const names = header === undefined ? [] : splitLine(header);
  const place = names.indexOf('architecture');
  const datasets = names
    .filter((_, at) => at !== place)
    .map((column) => {
      const known = [...own, ...DATASETS].find((dataset) => dataset.name === column);
      return (
        known ??
        fail(
          `column ${JSON.stringify(column.slice(0, 100))} is no dataset (${[...own, ...DATASETS].map((dataset) => dataset.name).join(', ')})`,
        )
      );
    });
  if (place < 0 || datasets.length === 0) fail(`its first line is ${JSON.stringify((header ?? '').slice(0, 200))}`);
  const architectures: A[] = [];
  const accuracies: number[][] = [];
  const indices = new Map<string, number>();
  // Benchmarks of numbered spaces train isomorphic architectures apart.
  const identity = (architecture: A) => (isNumbered(space) ? space.print(architecture) : space.canonical(architecture));
  for (const [at, line] of lines.entries()) {
    const fields = splitLine(line);
    if (fields.length !== names.length) fail(`line ${at + 2} has ${fields.length} fields, not ${names.length}`);
    let architecture: A;
    try {
      architecture = space.parse(fields[place]!);
    } catch (error) {
      return fail(`line ${at + 2}: ${(error as Error).message}`, error);
    }
    const values = fields
      .filter((_, column) => column !== place)
      .map((field) => (field.trim() === '' ? Number.NaN : Number(field)));
    const wrong = values.find((value) => !(value >= 0 && value <= 100));
    if (wrong !== undefined) fail(`line ${at + 2} has an accuracy that is no number from 0 to 100`);
    const key = identity(architecture);
    if (indices.has(key)) fail(`line ${at + 2} has the architecture of line ${indices.get(key)! + 2} again`);
    indices.set(key, architectures.length);
    architectures.push(architecture);
    accuracies.push(values);
  }
  if (architectures.length < 2) fail(`it has ${architectures.length} architectures; at least two are needed`);
  const size = architectures.length;
  const dataset = (wanted: string) => findDataset(datasets, wanted, name);
  return {
    name,
    space,
    size,
    datasets,
    epochs: [epochs],
    split,
    architecture: (index) => architectures[requireIndex(index, size, name)]!,
    index: (architecture) => indices.get(identity(architecture)),
    dataset,
    accuracy: (index, wanted, length = epochs) => {
      requireEpochs(length, [epochs], name);
      return accuracies[requireIndex(index, size, name)]![datasets.indexOf(dataset(wanted))]!;
    },
  };
}

function readLines(path: string, fail: (problem: string, cause?: unknown) => never): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split(/\r?\n/)
      .filter((line) => line.trim() !== '');
  } catch (error) {
    return fail(`cannot be read (${(error as NodeJS.ErrnoException).code})`, error);
  }
}

/** Fields of a line, where those with commas stand in double quotes and a double quote in them is doubled (RFC 4180). */
function splitLine(line: string): string[] {
  const fields: string[] = [];
  const pattern = /(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/gy;
  for (const [, quoted, plain] of line.matchAll(pattern)) fields.push(quoted?.replaceAll('""', '"') ?? plain!.trim());
  return fields;
}
