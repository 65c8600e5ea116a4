import type { Benchmark } from '../benchmarks/benchmark.ts';
import { BENCHMARK_NAMES, benchmarkOf, openBenchmark } from '../benchmarks/registry.ts';
import { EznasError } from '../errors.ts';
import {
  buildNetwork,
  requireBenchmark,
  resolveSetting,
  type Setting,
  type SettingOptions,
} from '../evaluation/setting.ts';
import { unitShapes } from '../evaluation/unit-shapes.ts';
import { drawHeldOut, type FitnessTask, type NetworkPool } from '../evolution/task.ts';
import { flops } from '../graph/counts.ts';
import type { SeparableUnit } from '../graph/units.ts';
import { type SymbolicOptions, symbolicSignature } from '../programs/symbols.ts';
import type { Signature } from '../programs/typing.ts';
import type { Random } from '../random.ts';

/** What a search learns from, and what its result is judged on. */
export interface TaskOptions {
  /**
   * What the search learns from: benchmarks with a dataset, such as `nasbench201:cifar10`, or without for the first. Default: those that `space`
   * and `dataset` name.
   */
  readonly tasks?: readonly string[];
  /** What the result is judged on besides, `all` for everything there is. Default: all where `tasks` are given, else nothing. */
  readonly judgedTasks?: readonly string[];
  /** Search space of the only task, default `nasbench201`. */
  readonly space?: string;
  /** Dataset of the only task, default the first of its benchmark. */
  readonly dataset?: string;
}

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

/**
 * Names of the tasks that a search learns from, and of those that its result is judged on besides.
 *
 * @throws EznasError INVALID_ARGUMENT
 */
export function nameTasks(options: TaskOptions & { readonly benchmarks?: readonly Benchmark<unknown>[] }): {
  tasks: string[];
  judgedTasks: string[];
} {
  const { space = 'nasbench201', dataset, benchmarks = [] } = options;
  if (options.tasks && (options.space ?? dataset) !== undefined) {
    throw new EznasError('INVALID_ARGUMENT', 'give either tasks, or a space with its dataset, to learn from; not both');
  }
  const given = options.tasks ?? [dataset === undefined ? space : `${space}:${dataset}`];
  const tasks = findTasks(given, benchmarks).map(taskName);
  const judged = findTasks(options.judgedTasks ?? (options.tasks ? ['all'] : []), benchmarks).map(taskName);
  if (tasks.length === 0) throw new EznasError('INVALID_ARGUMENT', 'no tasks are given; a search needs at least one');
  return { tasks, judgedTasks: judged.filter((name) => !tasks.includes(name)) };
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

/** What all tasks of a search share. */
export interface TaskSettingOptions extends Pick<SettingOptions, 'seed' | 'device' | 'precision' | 'batch'> {
  readonly images: string;
  /** Null for the default. */
  readonly separableUnit: SeparableUnit | null;
}

/** The setting of a task's networks; `separableUnit` is for those that have two convolutions in a row. */
export function taskSetting(
  { benchmark, dataset }: TaskPlace,
  { separableUnit, ...options }: TaskSettingOptions,
): Setting {
  return resolveSetting({
    ...options,
    benchmark,
    dataset,
    ...(separableUnit && benchmark.space.separable && { separableUnit }),
  });
}

/** @throws EznasError INVALID_ARGUMENT where a unit is asked for that no network of the tasks has */
export function requireSeparable(places: readonly TaskPlace[], separableUnit: SeparableUnit | null): void {
  if (separableUnit === null || places.some(({ benchmark }) => benchmark.space.separable)) return;
  throw new EznasError(
    'INVALID_ARGUMENT',
    "no network of the tasks has two convolutions in a row, of which separableUnit (--separable-unit) tells the unit's; leave it out",
  );
}

/**
 * Networks of the final judgement on each task, where nothing else is asked for: 1,000 of one task alone; 200 of each of several, or fewer, but
 * at least 50, where one forward pass over their minibatches would take more multiply-adds than `multiplyAdds`. Those of NAS-Bench-101 take 24 times as
 * many as those of NAS-Bench-201.
 */
export const HELD_OUT = { alone: 1000, each: 200, least: 50, multiplyAdds: 1.6e12 };

/** Networks that a result is judged on. */
export interface Judged {
  readonly name: string;
  readonly seen: boolean;
  readonly setting: Setting;
  readonly indices: readonly number[];
  /** Whether they are fewer than of other tasks because they are dear. */
  readonly shortened: boolean;
}

/** What a judgement on networks says of them. */
export function judgedOn({ name, seen, setting, indices, shortened }: Judged) {
  return { task: name, seen, judged: { networks: indices.length, shortened, batch: setting.inputs.batch } };
}

/** The stream of a task's draws: a search on one task alone draws the same networks whatever the task. */
export function taskStream(random: Random, label: string, place: number, name: string): Random {
  return random.fork(place === 0 ? label : `${label} ${name}`);
}

/**
 * Draws the networks of the final judgement, which none of the search's tasks holds.
 *
 * @param places those that the search learned from first
 * @param heldOut networks on each; null for what is usual
 * @throws EznasError INVALID_ARGUMENT where too few are left
 */
export function drawJudged(
  places: readonly TaskPlace[],
  settingOf: (place: TaskPlace) => Setting,
  random: Random,
  { learned, tasks, heldOut }: { learned: number; tasks: readonly FitnessTask[]; heldOut: number | null },
): Judged[] {
  return places.map((place, at): Judged => {
    const setting = settingOf(place);
    const pool = networkPool(setting);
    const wanted = heldOut ?? (places.length === 1 ? HELD_OUT.alone : HELD_OUT.each);
    const drawn = drawHeldOut(pool, taskStream(random, 'held-out', at, pool.name), tasks, wanted);
    const indices = heldOut === null && places.length > 1 ? affordable(pool, drawn) : drawn;
    const enough = heldOut === null || places.length > 1 ? 2 : wanted;
    if (wanted < 2 || indices.length < enough) {
      throw new EznasError(
        'INVALID_ARGUMENT',
        `cannot hold out ${wanted} networks; at least 2 are needed, and the search's tasks leave ${indices.length} of ${pool.name}`,
      );
    }
    return { name: taskName(place), seen: at < learned, setting, indices, shortened: indices.length < drawn.length };
  });
}

/** The first of the networks, as many as {@link HELD_OUT} says. */
function affordable(pool: NetworkPool, indices: readonly number[]): readonly number[] {
  let left = HELD_OUT.multiplyAdds;
  for (const [at, index] of indices.entries()) {
    left -= pool.inputs.batch * flops(pool.network(index).graph);
    if (left < 0 && at >= HELD_OUT.least) return indices.slice(0, at);
  }
  return indices;
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
