import { resolve } from 'node:path';
import { z } from 'zod';
import { PRECISIONS } from '../engine/device.ts';
import { type EvaluateOptions, scoreNetworks } from '../engine/run.ts';
import { formulaContender } from '../evaluation/contenders.ts';
import { PROGRAMS_ALONE } from '../evaluation/placement.ts';
import { type Protocol, protocolOf } from '../evaluation/protocol.ts';
import type { Ranking } from '../evaluation/ranking.ts';
import type { Setting, SettingOptions } from '../evaluation/setting.ts';
import { drawTasks, type FitnessTask } from '../evolution/task.ts';
import type { ProgramValues } from '../forests/candidates.ts';
import { type ForestConfig, resolveForestConfig } from '../forests/config.ts';
import {
  type ForestProgress,
  type GrowthBatch,
  type GrowthRound,
  growForest,
  type UnitEvaluator,
} from '../forests/grow.ts';
import { systematicPrograms } from '../forests/systematic.ts';
import { ValueStore } from '../forests/value-store.ts';
import { quantilesOf, type Reference } from '../formulas/combine.ts';
import { printFormula } from '../formulas/print.ts';
import { SEPARABLE_UNITS } from '../graph/units.ts';
import { canonicalText, type Program } from '../programs/tree.ts';
import { Random } from '../random.ts';
import { parseRunConfig } from '../runs/config.ts';
import { LockedFolder } from '../runs/folder.ts';
import { parseTimes, printTime, type StageTime } from '../runs/times.ts';
import type { ResumeOptions as EvolveResumeOptions, TaskJudgement } from './evolve-proxy.ts';
import { type Baseline, judgeContenders } from './judge.ts';
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

/** File of a run folder with the values of all programs met. */
const VALUES = 'values.sqlite';

/** File of a run folder with the course of the search, see {@link GrowthCourse}. */
export const COURSE = 'growth.json';

/** File of a run folder with what each part took. */
const TIMES = 'times.jsonl';

/** The course of a search, for its report: a line of growth.json for each term that was looked for. */
export interface GrowthCourse {
  /** Formulas of the terms that stood before. */
  readonly beside: readonly string[];
  /** The best candidates in the end, the best first: their formula, nodes, and the fitness of the forest with each. */
  readonly considered: readonly { readonly term: string; readonly size: number; readonly fitness: number }[];
  readonly batches: readonly GrowthBatch[];
}

/** Quantiles of each term that go with a forest, so that it can score single networks. */
const QUANTILES = 101;

/** Networks whose values are computed, and kept in the run folder, together. */
const CHUNK = 20;

/** Networks run without their accuracies, where nothing else is asked for. */
const UNLABELLED = 200;

/** How far a search has come. */
export type GrowthProgress =
  /** Networks that the first programs have run on, of all; those of unknown accuracy are run on by few programs. Networks of the judgement. */
  | { readonly stage: 'begin' | 'judge'; readonly done: number; readonly total: number }
  | ({ readonly stage: 'search' } & ForestProgress);

export interface ResumeGrowthOptions extends Omit<EvolveResumeOptions, 'onProgress'> {
  readonly onProgress?: (progress: GrowthProgress) => void;
}

export interface EvolveForestOptions
  extends ResumeGrowthOptions,
    TaskOptions,
    Pick<SettingOptions, 'seed' | 'precision' | 'separableUnit'> {
  /** Networks of each task whose accuracies the search sees, default 100. */
  readonly networks?: number;
  /** Networks of each task that the search runs without seeing their accuracies, default 200, or half of what a task has besides. */
  readonly unlabelled?: number;
  /** Changes to the defaults of the search. */
  readonly search?: Partial<Omit<ForestConfig, 'seed'>>;
  /** `photographs` (default), `noise`, or a path. */
  readonly images?: string;
  /** Images in the search's minibatch, default 1, and in that of the final judgement, default as many: values of many formulas depend on it. */
  readonly batch?: number;
  readonly judgeBatch?: number;
  /** Networks of the final judgement on each task, as those of evolveProxy. */
  readonly heldOut?: number;
  /** A new or empty folder to keep the run in; without one the run cannot be resumed. */
  readonly runFolder?: string;
}

export interface EvolveForestResult {
  /** Of the final judgement on the first task. */
  readonly protocol: Protocol;
  readonly search: ForestConfig & { readonly networks: number; readonly unlabelled: number; readonly batch: number };
  readonly best: {
    /** A forest, see parseFormula; higher scores mean higher accuracy. */
    readonly formula: string;
    /** The least correlation with the ranks of predicted accuracies of any task, less a penalty for size; and the least τ with the known ones. */
    readonly fitness: number;
    readonly tau: number;
    /** How each term came in: the formula and the fitness with it. */
    readonly growth: readonly { readonly term: string; readonly fitness: number }[];
    readonly heldOut: Ranking;
    /** Quantiles of the terms on the networks of the judgement on the first task: a forest needs them to score networks one by one. */
    readonly reference: Reference;
  };
  /** Distinct programs met. */
  readonly programs: number;
  /** EZNAS-A, parameters and FLOPs on the same networks of the first task. */
  readonly baselines: readonly Baseline[];
  /** The judgement on every task, those of the search first. */
  readonly tasks: readonly TaskJudgement[];
  /** Absolute path, or null. */
  readonly runFolder: string | null;
}

const schema = z.strictObject({
  /** What the search learns from, and what its result is judged on besides: benchmarks with their datasets, as taskName prints them. */
  tasks: z.array(z.string()).min(1),
  judgedTasks: z.array(z.string()),
  images: z.string(),
  batch: z.int().min(1),
  judgeBatch: z.int().min(1),
  precision: z.enum(PRECISIONS),
  /** Null for the default. */
  separableUnit: z.enum(SEPARABLE_UNITS).nullable().default(null),
  networks: z.int().min(2),
  unlabelled: z.int().min(0).nullable(),
  heldOut: z.int().min(2).nullable(),
});

type Config = z.infer<typeof schema> & { readonly search: ForestConfig };

/**
 * Grows a forest on accuracies of a benchmark and judges it on networks that the search never saw, beside known proxies.
 *
 * The same options give the same result, whatever the threads.
 *
 * @throws EznasError INVALID_ARGUMENT; INVALID_RUN for a folder that cannot hold the run; INVALID_FILE for images; ABORTED, after which
 *   {@link resumeForest} continues; TOO_LARGE, OUT_OF_MEMORY, ADDON_UNAVAILABLE
 */
export async function evolveForest(options: EvolveForestOptions = {}): Promise<EvolveForestResult> {
  const { images = 'photographs', runFolder, seed = 0 } = options;
  const config: Config = {
    ...nameTasks(options),
    images: images === 'photographs' || images === 'noise' ? images : resolve(images),
    batch: options.batch ?? 1,
    judgeBatch: options.judgeBatch ?? options.batch ?? 1,
    precision: options.precision ?? 'float32',
    separableUnit: options.separableUnit ?? null,
    networks: options.networks ?? 100,
    unlabelled: options.unlabelled ?? null,
    heldOut: options.heldOut ?? null,
    search: resolveForestConfig({ ...options.search, seed }),
  };
  const problem = setUp(config, options);
  if (runFolder === undefined) return await discover(problem, undefined, options);
  using run = LockedFolder.create(runFolder, 'grow', { ...config });
  return await discover(problem, run, options);
}

/**
 * Continues a run from its folder, to the same result as if it had not been stopped.
 *
 * @throws EznasError INVALID_RUN when the folder holds no run that this version can continue, and what {@link evolveForest} throws
 */
export async function resumeForest(runFolder: string, options: ResumeGrowthOptions = {}): Promise<EvolveForestResult> {
  using run = LockedFolder.resume(runFolder, 'grow');
  return await discover(setUp(parseRunConfig(run.config, schema, parseSearch, run.path), options), run, options);
}

const parseSearch = (search: unknown) => resolveForestConfig(z.record(z.string(), z.unknown()).parse(search));

/** A task of the search, with its networks: first those whose accuracies it sees. */
interface Learned {
  readonly task: FitnessTask;
  readonly known: Float64Array;
}

interface Problem {
  readonly config: Config;
  readonly setting: Setting;
  readonly learned: readonly Learned[];
  readonly judged: readonly Judged[];
}

function setUp(config: Config, { device = 'auto', benchmarks = [] }: ResumeGrowthOptions): Problem {
  const { images, batch, judgeBatch, precision, separableUnit, networks, unlabelled, heldOut } = config;
  const { seed } = config.search;
  const settingOf = (place: TaskPlace, images_: number) =>
    taskSetting(place, { images, seed, device, precision, separableUnit, batch: images_ });
  const random = new Random(seed).fork('grow forest');
  const places = findTasks(config.tasks, benchmarks);
  const settings = places.map((place) => settingOf(place, batch));
  const learned = settings.map((setting, at): Learned => {
    const pool = networkPool(setting);
    const others = unlabelled ?? Math.max(0, Math.min(UNLABELLED, Math.floor((pool.size - networks) / 2)));
    const stream = taskStream(random, 'networks', at, pool.name);
    const [task] = drawTasks(pool, stream, { tasks: 1, networksPerTask: networks + others });
    return { task: task!, known: task!.accuracies.subarray(0, networks) };
  });
  const all = [...places, ...findTasks(config.judgedTasks, benchmarks)];
  requireSeparable(all, separableUnit);
  const judged = drawJudged(all, (place) => settingOf(place, judgeBatch), random, {
    learned: places.length,
    tasks: learned.map(({ task }) => task),
    heldOut,
  });
  return { config, setting: settings[0]!, learned, judged };
}

async function discover(
  { config, setting, learned, judged }: Problem,
  run: LockedFolder | undefined,
  options: ResumeGrowthOptions,
): Promise<EvolveForestResult> {
  const { search, batch, networks } = config;
  const { threads = 0, signal, onProgress } = options;
  const running = { threads, ...(signal && { signal }) };
  const { backend: device, precision } = setting;
  using store = run && new ValueStore(run.file(VALUES));
  const clock = new GrowthClock(run);
  const tasks = learned.map(({ task, known }) => ({
    name: task.name,
    graphs: task.networks.map(({ graph }) => graph),
    accuracies: known,
  }));
  const all = tasks.reduce((sum, { graphs }) => sum + graphs.length, 0);
  let begun = 0;
  const evaluate: UnitEvaluator = async (programs, task, { from, to }) => {
    const began = performance.now();
    const rows = programs.map((): Float64Array[] | undefined => []);
    for (let start = from; start < to; start += CHUNK) {
      const end = Math.min(start + CHUNK, to);
      const chunk = { task: learned[task]!.task, from: start, to: end };
      const found = await chunkValues(store, chunk, programs, { ...running, seed: search.seed, device, precision });
      for (const [at, values] of found.entries()) {
        if (values === undefined) rows[at] = undefined;
        else rows[at]?.push(...values);
      }
      if (begun < all) {
        begun += end - start;
        onProgress?.({ stage: 'begin', done: begun, total: all });
      }
    }
    clock.evaluated(performance.now() - began);
    return rows;
  };
  const course: GrowthCourse[] = [];
  const grown = await growForest(
    {
      config: search,
      tasks,
      signature: tasksSignature(learned.map(({ task }) => task)),
      evaluate,
      ...(search.systematic && { seeds: systematicPrograms() }),
    },
    {
      ...(signal && { signal }),
      onProgress: (progress) => {
        clock.end('generation', progress.done - 1);
        begun = all;
        onProgress?.({ stage: 'search', ...progress });
      },
      onRound: (round) => {
        course.push(courseOf(round));
        run?.write(COURSE, `${JSON.stringify(course)}\n`);
      },
    },
  );
  clock.end('choice');
  const formula = printFormula(grown.forest);
  // No proxy has a number for a name.
  const contenders = [grown.forest, ...grown.forest.terms].map((one, at) => ({
    contender: formulaContender(String(at), one),
    sign: 1 as const,
  }));
  const total = judged.reduce((sum, { indices }) => sum + indices.length, 0);
  const judgements: TaskJudgement[] = [];
  let terms: readonly Float64Array[] = [];
  let before = 0;
  for (const [at, on] of judged.entries()) {
    const { rankings, scores, baselines } = await judgeContenders(on.setting, contenders, on.indices, {
      ...running,
      onProgress: (done) => onProgress?.({ stage: 'judge', done: before + done, total }),
    });
    judgements.push({ ...judgedOn(on), heldOut: rankings[0]!, baselines });
    if (at === 0) terms = scores.slice(1);
    before += on.indices.length;
  }
  clock.end('judge');
  const first = judged[0]!;
  const result: EvolveForestResult = {
    protocol: protocolOf(first.setting, { indices: first.indices, chosen: 'held-out' }, threads, PROGRAMS_ALONE),
    search: { ...search, networks, unlabelled: tasks[0]!.graphs.length - networks, batch },
    best: {
      formula,
      fitness: grown.fitness,
      tau: Math.min(...grown.taus),
      growth: grown.growth.map(({ term, fitness }) => ({ term: printFormula(term), fitness })),
      heldOut: judgements[0]!.heldOut,
      reference: quantilesOf(terms, QUANTILES),
    },
    programs: grown.programs,
    baselines: judgements[0]!.baselines,
    tasks: judgements,
    runFolder: run?.path ?? null,
  };
  run?.saveReport(result);
  return result;
}

function courseOf({ beside, considered, batches }: GrowthRound): GrowthCourse {
  return {
    beside: beside.map(printFormula),
    considered: considered.map(({ term, size, fitness }) => ({ term: printFormula(term), size, fitness })),
    batches,
  };
}

/** Writes what the parts of a run take. Of a batch that a resumed run only looks up, the time that it took once stays. */
class GrowthClock {
  readonly #run: LockedFolder | undefined;
  readonly #known: ReadonlySet<number | undefined>;
  #began = performance.now();
  #evaluate = 0;

  constructor(run: LockedFolder | undefined) {
    this.#run = run;
    this.#known = new Set(parseTimes(run?.read(TIMES) ?? '').map(({ generation }) => generation));
  }

  /** Milliseconds of the part under way were spent on evaluating programs. */
  evaluated(milliseconds: number): void {
    this.#evaluate += milliseconds / 1000;
  }

  end(stage: StageTime['stage'], generation?: number): void {
    const now = performance.now();
    const seconds = (now - this.#began) / 1000;
    if (stage !== 'generation' || !this.#known.has(generation)) {
      const batch = generation === undefined ? {} : { generation, evaluate: this.#evaluate };
      this.#run?.append(TIMES, printTime({ stage, ...batch, seconds }));
    }
    this.#began = now;
    this.#evaluate = 0;
  }
}

/** Networks of a task that are run together. */
interface Chunk {
  readonly task: FitnessTask;
  readonly from: number;
  readonly to: number;
}

/** Values of programs on a chunk: those of the store, and those that had to be computed, which it keeps. */
async function chunkValues(
  store: ValueStore | undefined,
  { task, from, to }: Chunk,
  programs: readonly Program[],
  options: EvaluateOptions,
): Promise<(ProgramValues | undefined)[]> {
  const name = `${task.name} ${from}-${to}`;
  const networks = task.networks.slice(from, to);
  const texts = programs.map(canonicalText);
  const known = new Map(texts.map((text) => [text, store?.get(name, text)]));
  const missing = programs.filter((_, at) => known.get(texts[at]!) === undefined);
  const found = new Map<string, ProgramValues | undefined>();
  if (missing.length > 0) {
    const matrix = await scoreNetworks(networks, missing, task.inputs, { ...options, unitScores: true });
    for (const [row, program] of missing.entries()) {
      const invalid = networks.some((_, network) => matrix.status(row, network) === 'invalid');
      const values = networks.map((_, network) => matrix.unitScores(row, network)!.slice());
      found.set(canonicalText(program), invalid ? undefined : values);
    }
    store?.put(name, found);
  }
  return texts.map((text) => (found.has(text) ? found.get(text) : (known.get(text) ?? undefined)));
}
