import { resolve } from 'node:path';
import { z } from 'zod';
import { PRECISIONS } from '../engine/device.ts';
import { EznasError } from '../errors.ts';
import { formulaContender } from '../evaluation/contenders.ts';
import { type Protocol, protocolOf } from '../evaluation/protocol.ts';
import type { Ranking } from '../evaluation/ranking.ts';
import { resolveSetting, type Setting, type SettingOptions } from '../evaluation/setting.ts';
import { drawHeldOut, drawTasks, type FitnessTask } from '../evolution/task.ts';
import type { ProgramValues } from '../forests/candidates.ts';
import { type ForestConfig, resolveForestConfig } from '../forests/config.ts';
import { type ForestProgress, type GrowthBatch, type GrowthRound, growForest } from '../forests/grow.ts';
import { systematicPrograms } from '../forests/systematic.ts';
import { ValueStore } from '../forests/value-store.ts';
import { quantilesOf, type Reference } from '../formulas/combine.ts';
import { printFormula } from '../formulas/print.ts';
import { symbolicSignature } from '../programs/symbols.ts';
import { canonicalText, type Program } from '../programs/tree.ts';
import { Random } from '../random.ts';
import { parseRunConfig } from '../runs/config.ts';
import { LockedFolder } from '../runs/folder.ts';
import { parseTimes, printTime, type StageTime } from '../runs/times.ts';
import type { ResumeOptions as EvolveResumeOptions } from './evolve-proxy.ts';
import { type Baseline, judgeContenders } from './judge.ts';
import { TaskEvaluator } from './task-evaluator.ts';
import { networkPool } from './tasks.ts';

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

/** Statistics of the search's networks kept in memory, at most: 100 networks of NAS-Bench-201 at batch 1 take 3.2 GiB. */
const KEPT_BYTES = 4 * 2 ** 30;

/** Networks whose statistics are recorded, and kept or not, together. */
const CHUNK = 20;

/** How far a search has come. */
export type GrowthProgress =
  | { readonly stage: 'record' | 'judge'; readonly done: number; readonly total: number }
  | ({ readonly stage: 'search' } & ForestProgress);

export interface ResumeGrowthOptions extends Omit<EvolveResumeOptions, 'onProgress'> {
  readonly onProgress?: (progress: GrowthProgress) => void;
}

export interface EvolveForestOptions
  extends ResumeGrowthOptions,
    Pick<SettingOptions, 'dataset' | 'seed' | 'precision'> {
  /** Name of the search space, default `nasbench201`. */
  readonly space?: string;
  /** Networks whose accuracies the search sees, default 100. */
  readonly networks?: number;
  /** Changes to the defaults of the search. */
  readonly search?: Partial<Omit<ForestConfig, 'seed'>>;
  /** `photographs` (default), `noise`, or a path. */
  readonly images?: string;
  /** Images in the search's minibatch, default 1, and in that of the final judgement, default as many: values of many formulas depend on it. */
  readonly batch?: number;
  readonly judgeBatch?: number;
  /** Networks of the final judgement, which the search never sees; default 1,000. */
  readonly heldOut?: number;
  /** A new or empty folder to keep the run in; without one the run cannot be resumed. */
  readonly runFolder?: string;
}

export interface EvolveForestResult {
  /** Of the final judgement. */
  readonly protocol: Protocol;
  readonly search: ForestConfig & { readonly networks: number; readonly batch: number };
  readonly best: {
    /** A forest, see parseFormula; higher scores mean higher accuracy. */
    readonly formula: string;
    /** Of the networks of the search: a quantile of τ over resamples less a penalty for size, and τ itself. */
    readonly fitness: number;
    readonly tau: number;
    /** How each term came in: the formula and the fitness with it. */
    readonly growth: readonly { readonly term: string; readonly fitness: number }[];
    readonly heldOut: Ranking;
    /** Quantiles of the terms on the networks of the judgement: a forest needs them to score networks one by one. */
    readonly reference: Reference;
  };
  /** Distinct programs that were evaluated. */
  readonly programs: number;
  /** EZNAS-A, parameters and FLOPs on the same networks. */
  readonly baselines: readonly Baseline[];
  /** Absolute path, or null. */
  readonly runFolder: string | null;
}

const schema = z.strictObject({
  space: z.string().nullable(),
  dataset: z.string().nullable(),
  images: z.string(),
  batch: z.int().min(1),
  judgeBatch: z.int().min(1),
  precision: z.enum(PRECISIONS).default('float32'),
  networks: z.int().min(2),
  heldOut: z.int().min(2),
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
  const { space = null, dataset = null, images = 'photographs', runFolder, seed = 0 } = options;
  const config: Config = {
    space,
    dataset,
    images: images === 'photographs' || images === 'noise' ? images : resolve(images),
    batch: options.batch ?? 1,
    judgeBatch: options.judgeBatch ?? options.batch ?? 1,
    precision: options.precision ?? 'float32',
    networks: options.networks ?? 100,
    heldOut: options.heldOut ?? 1000,
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

/** Configurations without `systematic` are of runs that began without such programs. */
const parseSearch = (search: unknown) =>
  resolveForestConfig({ systematic: false, ...z.record(z.string(), z.unknown()).parse(search) });

interface Problem {
  readonly config: Config;
  /** The networks of the search, in chunks. */
  readonly chunks: readonly FitnessTask[];
  readonly heldOut: readonly number[];
  readonly judgeSetting: Setting;
}

function setUp(config: Config, { device = 'auto' }: ResumeGrowthOptions): Problem {
  const { space, dataset, images, batch, judgeBatch, precision, networks, heldOut } = config;
  const { seed } = config.search;
  const named = { ...(space !== null && { space }), ...(dataset !== null && { dataset }) };
  const common = { ...named, images, seed, device, precision };
  const pool = networkPool(resolveSetting({ ...common, batch }));
  const random = new Random(seed).fork('grow forest');
  const [all] = drawTasks(pool, random.fork('networks'), { tasks: 1, networksPerTask: networks });
  const unseen = drawHeldOut(pool, random.fork('held-out'), [all!], pool.size);
  if (heldOut > unseen.length) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `cannot hold out ${heldOut} networks; the search's networks leave ${unseen.length} of ${pool.name}`,
    );
  }
  const chunks = Array.from({ length: Math.ceil(networks / CHUNK) }, (_, chunk): FitnessTask => {
    const [from, to] = [chunk * CHUNK, (chunk + 1) * CHUNK];
    return {
      ...all!,
      name: `${pool.name}/${chunk}`,
      networks: all!.networks.slice(from, to),
      accuracies: all!.accuracies.slice(from, to),
      indices: all!.indices.slice(from, to),
    };
  });
  return {
    config,
    chunks,
    heldOut: unseen.slice(0, heldOut),
    judgeSetting: resolveSetting({ ...common, batch: judgeBatch }),
  };
}

async function discover(
  { config, chunks, heldOut, judgeSetting }: Problem,
  run: LockedFolder | undefined,
  options: ResumeGrowthOptions,
): Promise<EvolveForestResult> {
  const { search, batch, networks } = config;
  const { threads = 0, signal, onProgress } = options;
  const running = { threads, ...(signal && { signal }) };
  const { backend: device, precision } = judgeSetting;
  using evaluator = new TaskEvaluator({ seed: search.seed, threads, device, precision, keptBytes: KEPT_BYTES });
  using store = run && new ValueStore(run.file(VALUES));
  const clock = new GrowthClock(run);
  await evaluator.prepare(chunks, {
    ...running,
    onProgress: (done, total) => onProgress?.({ stage: 'record', done, total }),
  });
  clock.end('record');
  const evaluate = async (programs: readonly Program[]) => {
    const began = performance.now();
    const rows = programs.map((): Float64Array[] | undefined => []);
    for (const chunk of chunks) {
      const found = await chunkValues(evaluator, store, chunk, programs, signal);
      for (const [at, values] of found.entries()) {
        if (values === undefined) rows[at] = undefined;
        else rows[at]?.push(...values);
      }
    }
    clock.evaluated(performance.now() - began);
    return rows;
  };
  const task = {
    name: 'all',
    graphs: chunks.flatMap((chunk) => chunk.networks.map(({ graph }) => graph)),
    accuracies: Float64Array.from(chunks.flatMap(({ accuracies }) => [...accuracies])),
  };
  const course: GrowthCourse[] = [];
  const grown = await growForest(
    {
      config: search,
      tasks: [task],
      signature: symbolicSignature(),
      evaluate,
      ...(search.systematic && { seeds: systematicPrograms() }),
    },
    {
      ...(signal && { signal }),
      onProgress: (progress) => {
        clock.end('generation', progress.done - 1);
        onProgress?.({ stage: 'search', ...progress });
      },
      onRound: (round) => {
        course.push(courseOf(round));
        run?.write(COURSE, `${JSON.stringify(course)}\n`);
      },
    },
  );
  clock.end('choice');
  // The judgement needs the memory.
  evaluator.dispose();
  const formula = printFormula(grown.forest);
  // No proxy has a number for a name.
  const judged = [grown.forest, ...grown.forest.terms].map((one, at) => ({
    contender: formulaContender(String(at), one),
    sign: 1 as const,
  }));
  const { rankings, scores, baselines } = await judgeContenders(judgeSetting, judged, heldOut, {
    ...running,
    onProgress: (done, total) => onProgress?.({ stage: 'judge', done, total }),
  });
  clock.end('judge');
  const terms = scores.slice(1);
  const result: EvolveForestResult = {
    protocol: protocolOf(judgeSetting, { indices: heldOut, chosen: 'held-out' }, threads, true, false),
    search: { ...search, networks, batch },
    best: {
      formula,
      fitness: grown.fitness,
      tau: grown.taus[0]!,
      growth: grown.growth.map(({ term, fitness }) => ({ term: printFormula(term), fitness })),
      heldOut: rankings[0]!,
      reference: quantilesOf(terms, QUANTILES),
    },
    programs: grown.programs,
    baselines,
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

/** Values of programs on a chunk: those of the store, and those that had to be computed, which it keeps. */
async function chunkValues(
  evaluator: TaskEvaluator,
  store: ValueStore | undefined,
  chunk: FitnessTask,
  programs: readonly Program[],
  signal: AbortSignal | undefined,
): Promise<(ProgramValues | undefined)[]> {
  const texts = programs.map(canonicalText);
  const known = new Map(texts.map((text) => [text, store?.get(chunk.name, text)]));
  const missing = programs.filter((_, at) => known.get(texts[at]!) === undefined);
  const found = new Map<string, ProgramValues | undefined>();
  if (missing.length > 0) {
    const matrix = await evaluator.evaluateUnits(missing, chunk, signal);
    for (const [row, program] of missing.entries()) {
      const invalid = chunk.networks.some((_, network) => matrix.status(row, network) === 'invalid');
      const values = chunk.networks.map((_, network) => matrix.unitScores(row, network)!.slice());
      found.set(canonicalText(program), invalid ? undefined : values);
    }
    store?.put(chunk.name, found);
  }
  return texts.map((text) => (found.has(text) ? found.get(text) : (known.get(text) ?? undefined)));
}
