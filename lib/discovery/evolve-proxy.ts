import { resolve } from 'node:path';
import type { RunOptions } from '../engine/networks.ts';
import { EznasError } from '../errors.ts';
import { type Protocol, protocolOf } from '../evaluation/protocol.ts';
import type { Ranking } from '../evaluation/ranking.ts';
import {
  buildNetwork,
  DEFAULT_BATCH,
  requireBenchmark,
  resolveSetting,
  type Setting,
  type SettingOptions,
} from '../evaluation/setting.ts';
import type { SearchConfig } from '../evolution/config.ts';
import { evolve, type GenerationEvent } from '../evolution/evolve.ts';
import type { Sign } from '../evolution/fitness.ts';
import { type PresetName, resolveConfig } from '../evolution/presets.ts';
import { RunFolder } from '../evolution/run-folder.ts';
import { drawHeldOut, drawTasks, type FitnessTask, type NetworkPool } from '../evolution/task.ts';
import { printProgram } from '../programs/print.ts';
import { symbolicSignature } from '../programs/symbols.ts';
import { Random } from '../random.ts';
import { type Baseline, judge } from './judge.ts';
import { type DiscoveryConfig, parseDiscoveryConfig } from './run-config.ts';
import { TaskEvaluator } from './task-evaluator.ts';

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
  readonly onProgress?: (progress: DiscoveryProgress) => void;
}

export interface EvolveProxyOptions extends ResumeOptions, Pick<SettingOptions, 'seed' | 'precision'> {
  /** Search space, default `nasbench201`. */
  readonly space?: string;
  /** Dataset of its benchmark, default `cifar10`. */
  readonly dataset?: string;
  /** Default `default`. */
  readonly preset?: PresetName;
  /** Changes to the preset. */
  readonly search?: Partial<Omit<SearchConfig, 'seed'>>;
  /** `photographs` (default), `noise`, or a path. */
  readonly images?: string;
  /** Images in the search's minibatch, default 1. */
  readonly batch?: number;
  /** Images in the minibatch of the final judgement, default 16. */
  readonly judgeBatch?: number;
  /** Networks of the final judgement, which the search never sees; default 1,000. */
  readonly heldOut?: number;
  /** A new or empty folder to keep the run in; without one the run cannot be resumed. */
  readonly runFolder?: string;
}

export interface EvolveResult {
  /** Of the final judgement. */
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
  /** EZNAS-A, parameters and FLOPs on the same networks. */
  readonly baselines: readonly Baseline[];
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
  const { space = 'nasbench201', dataset = 'cifar10', images = 'photographs', runFolder, seed = 0 } = options;
  const config: DiscoveryConfig = {
    space,
    dataset,
    images: images === 'photographs' || images === 'noise' ? images : resolve(images),
    batch: options.batch ?? 1,
    judgeBatch: options.judgeBatch ?? DEFAULT_BATCH,
    precision: options.precision ?? 'float32',
    heldOut: options.heldOut ?? 1000,
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
  /** Indices of the networks of the final judgement. */
  readonly heldOut: readonly number[];
  readonly judgeSetting: Setting;
}

function setUp(config: DiscoveryConfig, { device = 'auto' }: ResumeOptions): Problem {
  const { space, dataset, images, batch, judgeBatch, precision } = config;
  const { seed, tasksPerPool, tasksPerGeneration, networksPerTask } = config.search;
  if (tasksPerGeneration > tasksPerPool) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `a generation cannot draw ${tasksPerGeneration} tasks (tasksPerGeneration) where there are ${tasksPerPool} (tasksPerPool)`,
    );
  }
  const common = { space, dataset, images, seed, device, precision };
  const pool = networkPool(resolveSetting({ ...common, batch }));
  const random = new Random(seed).fork('evolve proxy');
  const tasks = drawTasks(pool, random.fork('tasks'), { tasks: tasksPerPool, networksPerTask });
  const unseen = drawHeldOut(pool, random.fork('held-out'), tasks, pool.size);
  if (!(config.heldOut >= 2 && config.heldOut <= unseen.length)) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `cannot hold out ${config.heldOut} networks; at least 2 are needed, and the search's tasks leave ${unseen.length} of ${pool.name}`,
    );
  }
  const heldOut = unseen.slice(0, config.heldOut);
  return { config, tasks, heldOut, judgeSetting: resolveSetting({ ...common, batch: judgeBatch }) };
}

async function discover(
  { config, tasks, heldOut, judgeSetting }: Problem,
  run: RunFolder | undefined,
  options: ResumeOptions,
): Promise<EvolveResult> {
  const { search, batch } = config;
  const { threads = 0, signal, onProgress } = options;
  const running = { threads, ...(signal && { signal }) };
  const began = performance.now();
  const { backend: device, precision } = judgeSetting;
  using evaluator = new TaskEvaluator({ seed: search.seed, threads, device, precision });
  await evaluator.prepare(tasks, {
    ...running,
    onProgress: (done, total) => onProgress?.({ stage: 'record', done, total }),
  });
  run?.saveTime({ stage: 'record', seconds: (performance.now() - began) / 1000 });
  const problem = { config: search, tasks, signature: symbolicSignature(), evaluator: evaluator.evaluate };
  const { best } = await evolve(problem, {
    ...(run && { run }),
    ...(signal && { signal }),
    onGeneration: (generation) =>
      onProgress?.({ stage: 'search', done: generation.generation, total: search.generations, generation }),
  });
  // The judgement needs the memory.
  evaluator.dispose();
  const judging = performance.now();
  const { found, baselines } = await judge(judgeSetting, best, heldOut, {
    ...running,
    onProgress: (done, total) => onProgress?.({ stage: 'judge', done, total }),
  });
  run?.saveTime({ stage: 'judge', seconds: (performance.now() - judging) / 1000 });
  const { program, fitness, sign } = best;
  const result: EvolveResult = {
    protocol: protocolOf(judgeSetting, { indices: heldOut, chosen: 'held-out' }, threads, true),
    search: { ...search, batch },
    best: { program: printProgram(program), fitness, sign, heldOut: found },
    baselines,
    runFolder: run?.path ?? null,
  };
  run?.saveReport(result);
  return result;
}

/** The networks of a setting's benchmark. */
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
