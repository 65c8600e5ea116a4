import { resolve } from 'node:path';
import type { Benchmark } from '../benchmarks/benchmark.ts';
import type { RunOptions } from '../engine/networks.ts';
import { EznasError } from '../errors.ts';
import { PROGRAMS_ALONE } from '../evaluation/placement.ts';
import { type Protocol, protocolOf } from '../evaluation/protocol.ts';
import type { Ranking } from '../evaluation/ranking.ts';
import { DEFAULT_BATCH, type SettingOptions } from '../evaluation/setting.ts';
import type { SearchConfig } from '../evolution/config.ts';
import { evolve, type GenerationEvent } from '../evolution/evolve.ts';
import type { Sign } from '../evolution/fitness.ts';
import { type PresetName, resolveConfig } from '../evolution/presets.ts';
import { RunFolder } from '../evolution/run-folder.ts';
import { drawTasks, type FitnessTask } from '../evolution/task.ts';
import { printFormula } from '../formulas/print.ts';
import { formulaSize } from '../formulas/tree.ts';
import { Random } from '../random.ts';
import { type Baseline, judge } from './judge.ts';
import { type DiscoveryConfig, parseDiscoveryConfig } from './run-config.ts';
import { TaskEvaluator } from './task-evaluator.ts';
import {
  drawJudged,
  findTasks,
  type Judged,
  judgedOn,
  nameTasks,
  networkPool,
  requireSeparable,
  type TaskOptions,
  type TaskPlace,
  taskSetting,
  taskStream,
  tasksSignature,
} from './tasks.ts';

/** How far a search has come. */
export type DiscoveryProgress =
  /** Networks of the evolution tasks whose statistics are recorded. */
  | { readonly stage: 'record'; readonly done: number; readonly total: number }
  /** Generations. */
  | { readonly stage: 'search'; readonly done: number; readonly total: number; readonly generation: GenerationEvent }
  /** Networks that the result has been judged on. */
  | { readonly stage: 'judge'; readonly done: number; readonly total: number };

/** What may differ between the parts of a run without changing its result; on another device it is the same to rounding. */
export interface ResumeOptions extends Pick<RunOptions, 'threads' | 'device' | 'signal'> {
  /** Benchmarks of your own, which tasks name beside those of the package. */
  readonly benchmarks?: readonly Benchmark<unknown>[];
  readonly onProgress?: (progress: DiscoveryProgress) => void;
}

export interface EvolveProxyOptions
  extends ResumeOptions,
    TaskOptions,
    Pick<SettingOptions, 'seed' | 'precision' | 'separableUnit'> {
  /** Default `default`. */
  readonly preset?: PresetName;
  /** Changes to the preset. */
  readonly search?: Partial<Omit<SearchConfig, 'seed'>>;
  /** `photographs` (default), `noise`, or a path. */
  readonly images?: string;
  /** Images in the search's minibatch, default 1. */
  readonly batch?: number;
  /** Images in the minibatch of the final judgement; default that of the search, on which values of many formulas depend, and 16 with the preset `paper`. */
  readonly judgeBatch?: number;
  /**
   * Networks of the final judgement on each task, which the search never sees; fewer where a task has no more. Default 1,000, or where there are several
   * tasks 200 of each, fewer where a space's networks are dear (HELD_OUT in tasks.ts).
   */
  readonly heldOut?: number;
  /** A new or empty folder to keep the run in; without one the run cannot be resumed. */
  readonly runFolder?: string;
}

/** The judgement on one task. */
export interface TaskJudgement {
  /** Such as `nasbench201:cifar10`. */
  readonly task: string;
  /** Whether the search learned from networks of this task; those of the judgement are others. */
  readonly seen: boolean;
  /** What it is judged with: networks, fewer where they are dear and no number was asked for, and images in the minibatch. */
  readonly judged: { readonly networks: number; readonly shortened: boolean; readonly batch: number };
  readonly heldOut: Ranking;
  readonly baselines: readonly Baseline[];
}

export interface EvolveResult {
  /** Of the final judgement on the first task. */
  readonly protocol: Protocol;
  readonly search: SearchConfig & { readonly batch: number };
  readonly best: {
    readonly program: string;
    /** On all evolution tasks. */
    readonly fitness: number;
    /** −1 where lower scores mean higher accuracy; fitness and held-out correlations count with it. */
    readonly sign: Sign;
    readonly heldOut: Ranking;
  };
  /** The formulas of the final choice that none as small or smaller surpasses in fitness, the smallest first. */
  readonly front: readonly {
    readonly program: string;
    readonly size: number;
    readonly fitness: number;
    readonly sign: Sign;
  }[];
  /** EZNAS-A, parameters and FLOPs on the same networks of the first task. */
  readonly baselines: readonly Baseline[];
  /** The judgement on every task, those of the search first. */
  readonly tasks: readonly TaskJudgement[];
  /** Absolute path, or null. */
  readonly runFolder: string | null;
}

/**
 * Evolves a proxy on a benchmark's accuracies and judges it on networks that the search never saw, beside known proxies.
 *
 * The same options give the same result on the same kind of device, whatever the threads.
 *
 * @throws EznasError INVALID_ARGUMENT; INVALID_RUN for a folder that cannot hold the run; INVALID_FILE for images; ABORTED, after which
 *   {@link resumeEvolution} continues; TOO_LARGE, OUT_OF_MEMORY, NO_DEVICE, CUDA_ERROR, ADDON_UNAVAILABLE
 */
export async function evolveProxy(options: EvolveProxyOptions = {}): Promise<EvolveResult> {
  const { images = 'photographs', runFolder, seed = 0 } = options;
  const config: DiscoveryConfig = {
    ...nameTasks(options),
    images: images === 'photographs' || images === 'noise' ? images : resolve(images),
    batch: options.batch ?? 1,
    judgeBatch: options.judgeBatch ?? (options.preset === 'paper' ? DEFAULT_BATCH : (options.batch ?? 1)),
    precision: options.precision ?? 'float32',
    separableUnit: options.separableUnit ?? null,
    heldOut: options.heldOut ?? null,
    search: resolveConfig(options.preset, { ...options.search, seed }),
  };
  const problem = setUp(config, options);
  if (runFolder === undefined) return discover(problem, undefined, options);
  using run = RunFolder.create(runFolder, { ...config });
  return await discover(problem, run, options);
}

/**
 * Continues a run from its folder, to the same result as if it had not been stopped.
 *
 * @throws EznasError INVALID_RUN when the folder holds no run that this version can continue, and what {@link evolveProxy} throws
 */
export async function resumeEvolution(runFolder: string, options: ResumeOptions = {}): Promise<EvolveResult> {
  using run = RunFolder.resume(runFolder);
  return await discover(setUp(parseDiscoveryConfig(run.config, run.path), options), run, options);
}

/** A configuration with its networks drawn. */
interface Problem {
  readonly config: DiscoveryConfig;
  readonly tasks: readonly FitnessTask[];
  readonly choiceTasks: readonly FitnessTask[];
  readonly judged: readonly Judged[];
}

function setUp(config: DiscoveryConfig, { device = 'auto', benchmarks = [] }: ResumeOptions): Problem {
  const { images, batch, judgeBatch, precision, separableUnit } = config;
  const { seed, tasksPerPool, tasksPerGeneration, networksPerTask, choiceTasks: kept = 0 } = config.search;
  const learned = findTasks(config.tasks, benchmarks);
  const seen = tasksPerPool * learned.length;
  if (tasksPerGeneration > seen) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `a generation cannot draw ${tasksPerGeneration} tasks (tasksPerGeneration) where there are ${seen} (tasksPerPool)`,
    );
  }
  const settingOf = (place: TaskPlace, images_: number) =>
    taskSetting(place, { images, seed, device, precision, separableUnit, batch: images_ });
  const random = new Random(seed).fork('evolve proxy');
  const drawn = learned.map((place, at) => {
    const pool = networkPool(settingOf(place, batch));
    return drawTasks(pool, taskStream(random, 'tasks', at, pool.name), { tasks: tasksPerPool + kept, networksPerTask });
  });
  const tasks = drawn.flatMap((ofPool) => ofPool.slice(0, tasksPerPool));
  const choiceTasks = drawn.flatMap((ofPool) => ofPool.slice(tasksPerPool));
  const places = [...learned, ...findTasks(config.judgedTasks, benchmarks)];
  requireSeparable(places, separableUnit);
  const judged = drawJudged(places, (place) => settingOf(place, judgeBatch), random, {
    learned: learned.length,
    tasks: drawn.flat(),
    heldOut: config.heldOut,
  });
  return { config, tasks, choiceTasks, judged };
}

async function discover(
  { config, tasks, choiceTasks, judged }: Problem,
  run: RunFolder | undefined,
  options: ResumeOptions,
): Promise<EvolveResult> {
  const { search, batch } = config;
  const { threads = 0, signal, onProgress } = options;
  const running = { threads, ...(signal && { signal }) };
  const began = performance.now();
  const { backend: device, precision } = judged[0]!.setting;
  using evaluator = new TaskEvaluator({ seed: search.seed, threads, device, precision });
  await evaluator.prepare([...tasks, ...choiceTasks], {
    ...running,
    onProgress: (done, total) => onProgress?.({ stage: 'record', done, total }),
  });
  run?.saveTime({ stage: 'record', seconds: (performance.now() - began) / 1000 });
  const problem = {
    config: search,
    tasks,
    choiceTasks,
    signature: tasksSignature([...tasks, ...choiceTasks]),
    evaluator: evaluator.evaluate,
  };
  const { best, front } = await evolve(problem, {
    ...(run && { run }),
    ...(signal && { signal }),
    onGeneration: (generation) =>
      onProgress?.({ stage: 'search', done: generation.generation, total: search.generations, generation }),
  });
  // The judgement needs the memory.
  evaluator.dispose();
  const judging = performance.now();
  const total = judged.reduce((sum, { indices }) => sum + indices.length, 0);
  const judgements: TaskJudgement[] = [];
  let before = 0;
  for (const on of judged) {
    const { found, baselines } = await judge(on.setting, best, on.indices, {
      ...running,
      onProgress: (done) => onProgress?.({ stage: 'judge', done: before + done, total }),
    });
    judgements.push({ ...judgedOn(on), heldOut: found, baselines });
    before += on.indices.length;
  }
  run?.saveTime({ stage: 'judge', seconds: (performance.now() - judging) / 1000 });
  const first = judged[0]!;
  const { formula, fitness, sign } = best;
  const result: EvolveResult = {
    protocol: protocolOf(first.setting, { indices: first.indices, chosen: 'held-out' }, threads, PROGRAMS_ALONE),
    search: { ...search, batch },
    best: { program: printFormula(formula), fitness, sign, heldOut: judgements[0]!.heldOut },
    front: front.map(({ formula: one, ...found }) => ({
      program: printFormula(one),
      size: formulaSize(one),
      fitness: found.fitness,
      sign: found.sign,
    })),
    baselines: judgements[0]!.baselines,
    tasks: judgements,
    runFolder: run?.path ?? null,
  };
  run?.saveReport(result);
  return result;
}
