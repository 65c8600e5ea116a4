import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { EznasError } from '../errors.ts';
import { type NasbenchMacroArchitecture, nasbenchMacro } from '../spaces/nasbench-macro.ts';
import type { Benchmark } from './benchmark.ts';
import { DATASETS, findDataset } from './datasets.ts';
import { requireEpochs, requireIndex } from './table.ts';

/** Epochs of every training. */
const EPOCHS = 50;

/** The published mean is of the runs to more digits than that. */
const MEAN_TOLERANCE = 1e-6;

const accuracy = z.number().min(0).max(100);

/** What is read of an architecture; the file also has the runs' deviation, parameters and FLOPs. */
const ENTRY = z
  .object({ test_acc: z.array(accuracy).min(1), mean_acc: accuracy })
  .refine(
    ({ test_acc, mean_acc }) =>
      Math.abs(test_acc.reduce((sum, run) => sum + run, 0) / test_acc.length - mean_acc) <= MEAN_TOLERANCE,
    { error: 'mean_acc is not the mean of test_acc', path: ['mean_acc'] },
  );

/** Whether a file of that name is that of NAS-Bench-Macro. */
export function isNasbenchMacroName(path: string): boolean {
  return /nas-?bench-?macro[^/]*\.json$/i.test(path);
}

/**
 * Test accuracies of NAS-Bench-Macro's file `nas-bench-macro_cifar10.json` (Su et al., CVPR 2021; xiusu/NAS-Bench-Macro), which its users download: all
 * 6,561 architectures on CIFAR-10, the mean of three runs of 50 epochs. Architectures are numbered as in the space where the file has all of them, and in
 * that order where it has some.
 *
 * @throws EznasError INVALID_FILE naming the architecture that is wrong
 */
export function readNasbenchMacro(path: string): Benchmark<NasbenchMacroArchitecture> {
  const entries = Object.entries(parse(path)).map(([text, value]) => readEntry(path, text, value));
  if (entries.length < 2) fail(path, `it has ${entries.length} architectures; at least two are needed`);
  entries.sort((a, b) => a.index - b.index);
  const places = new Map(entries.map(({ index }, place) => [index, place]));
  const datasets = [findDataset(DATASETS, 'cifar10', 'the package')];
  const size = entries.length;
  const dataset = (name: string) => findDataset(datasets, name, path);
  return {
    name: path,
    space: nasbenchMacro,
    size,
    datasets,
    epochs: [EPOCHS],
    split: 'test',
    architecture: (place) => nasbenchMacro.architecture(entries[requireIndex(place, size, path)]!.index),
    index: (architecture) => places.get(nasbenchMacro.index(architecture)),
    dataset,
    accuracy: (place, name, epochs = EPOCHS) => {
      dataset(name);
      requireEpochs(epochs, [EPOCHS], path);
      return entries[requireIndex(place, size, path)]!.accuracy;
    },
  };
}

function parse(path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return fail(path, code === undefined ? `is no JSON (${message.slice(0, 200)})` : `cannot be read (${code})`, error);
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : fail(path, 'it is no object of architectures');
}

function readEntry(path: string, text: string, value: unknown): { index: number; accuracy: number } {
  const shown = JSON.stringify(text.slice(0, 100));
  let index: number;
  try {
    index = nasbenchMacro.index(nasbenchMacro.parse(text));
  } catch (error) {
    return fail(path, `its entry ${shown} is no architecture: eight digits 0, 1 or 2 make one`, error);
  }
  const parsed = ENTRY.safeParse(value);
  if (parsed.success) return { index, accuracy: parsed.data.mean_acc };
  const [issue] = parsed.error.issues;
  return fail(path, `entry ${shown} is wrong at ${issue!.path.join('.') || 'its top'}: ${issue!.message}`);
}

function fail(path: string, problem: string, cause?: unknown): never {
  const expected =
    'nas-bench-macro_cifar10.json of xiusu/NAS-Bench-Macro is needed: an object with test_acc and mean_acc for every architecture such as "22212220"';
  throw new EznasError('INVALID_FILE', `${path}: ${problem}; ${expected}`, cause === undefined ? {} : { cause });
}
