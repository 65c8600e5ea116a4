import type { Benchmark } from '../benchmarks/benchmark.ts';
import { BENCHMARK_NAMES, benchmarkOf, openBenchmark } from '../benchmarks/registry.ts';
import { EznasError } from '../errors.ts';
import { buildNetwork, requireBenchmark, type Setting } from '../evaluation/setting.ts';
import { unitShapes } from '../evaluation/unit-shapes.ts';
import type { FitnessTask, NetworkPool } from '../evolution/task.ts';
import { type SymbolicOptions, symbolicSignature } from '../programs/symbols.ts';
import type { Signature } from '../programs/typing.ts';

/** A benchmark with one of its datasets. */
export interface TaskPlace {
  readonly benchmark: Benchmark<unknown>;
  readonly dataset: string;
}

/** How tasks are named: `nasbench201:cifar10`. */
export const taskName = ({ benchmark, dataset }: TaskPlace): string => `${benchmark.name}:${dataset}`;

/**
 * The benchmark and dataset that a text names: `nasbench201:cifar100`, or a benchmark, its file or a space alone for its first dataset.
 *
 * @param own benchmarks of the caller, found before those of the package
 * @throws EznasError INVALID_ARGUMENT for an unknown benchmark or dataset; INVALID_FILE
 */
export function findTask(text: string, own: readonly Benchmark<unknown>[]): TaskPlace {
  const [name = '', dataset, ...rest] = text.trim().split(':');
  if (rest.length > 0 || dataset === '') {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `'${text}' names no task; a benchmark is needed, or a benchmark and a dataset such as nasbench201:cifar100`,
    );
  }
  const benchmark =
    own.find((candidate) => candidate.name === name) ??
    openBenchmark(BENCHMARK_NAMES.includes(name) ? name : (benchmarkOf(name) ?? name));
  return { benchmark, dataset: benchmark.dataset(dataset ?? benchmark.datasets[0]!.name).name };
}

/**
 * The tasks that texts name, each once.
 *
 * @param texts see {@link findTask}; `all` stands for every dataset of every benchmark there is
 */
export function findTasks(texts: readonly string[], own: readonly Benchmark<unknown>[]): TaskPlace[] {
  const everything = () =>
    [...own, ...BENCHMARK_NAMES.map((name) => openBenchmark(name))].flatMap((benchmark) =>
      benchmark.datasets.map(({ name }) => ({ benchmark, dataset: name })),
    );
  const places = texts.flatMap((text) => (text.trim() === 'all' ? everything() : [findTask(text, own)]));
  return [...new Map(places.map((place) => [taskName(place), place])).values()];
}

/** The networks of a task, to draw from. */
export function networkPool(setting: Setting): NetworkPool {
  const { space, dataset, inputs } = setting;
  const benchmark = requireBenchmark(setting);
  return {
    name: `${benchmark.name}/${dataset.name}`,
    space: space.name,
    size: benchmark.size,
    inputs,
    network: (index) => buildNetwork(setting, benchmark.architecture(index)),
    accuracy: (index) => benchmark.accuracy(index, dataset.name),
    canonical: (index) => space.canonical(benchmark.architecture(index)),
  };
}

/**
 * The signature by which programs are made for tasks: valid on every unit of their networks, whatever sizes coincide on some of them.
 */
export function tasksSignature(tasks: readonly FitnessTask[]): Signature {
  const found: { -readonly [Name in keyof SymbolicOptions]: boolean } = {
    grouped: false,
    apart: false,
    joined: false,
    oblong: false,
  };
  for (const { networks, inputs } of tasks) {
    for (const { graph } of networks) {
      for (const { activation, before, weight, after } of unitShapes(graph, inputs.batch)) {
        found.grouped ||= weight[1] !== before[1];
        found.apart ||= activation !== undefined;
        found.joined ||= weight[0] !== after[1];
        found.oblong ||= weight[2] !== weight[3];
      }
    }
  }
  const { grouped, apart, joined, oblong } = found as Record<keyof typeof found, boolean>;
  return symbolicSignature({ grouped, apart, joined, oblong });
}
