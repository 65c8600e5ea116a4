import { resolve } from 'node:path';
import { EznasError } from '../errors.ts';
import { requireDevice, type Scored, scoredBy } from '../evaluation/placement.ts';
import type { ScoreCache } from '../evaluation/score-cache.ts';
import { requireBenchmark, resolveBenchmark, resolveSetting, type Setting } from '../evaluation/setting.ts';
import { printFormula } from '../formulas/print.ts';
import { printProgram } from '../programs/print.ts';
import { resolveSearchConfig, type SearchConfig } from './config.ts';
import { readLatencyTable } from './latency.ts';
import { MetricNames, parseRival } from './metrics.ts';
import { networkMeasure, ORACLE, sharedMetrics } from './network-measure.ts';
import { objectiveMetrics, type SearchProblem } from './problem.ts';
import type { SearchRunConfig } from './run-config.ts';
import { checkObjectives } from './search.ts';
import type { OwnParts, SearchArchitecturesOptions, SearchRunningOptions } from './search-architectures.ts';

/** One search of a run, to be repeated. */
export interface Contest {
  readonly name: string;
  readonly problem: SearchProblem<unknown>;
}

/** A configuration made concrete. */
export interface Parts {
  readonly setting: Setting;
  readonly scored: Scored;
  /** The search, then its rivals, as a repeat of them has them. */
  readonly contests: (cache: ScoreCache | undefined, repeat: number) => readonly Contest[];
}

/** What of the options a configuration only names. */
export function ownParts({ space, benchmark, latency, images }: OwnParts | SearchArchitecturesOptions): OwnParts {
  return {
    ...(typeof space === 'object' && { space }),
    ...(typeof benchmark === 'object' && { benchmark }),
    ...(typeof latency === 'function' && { latency }),
    ...(typeof images === 'object' && { images }),
  };
}

/** The configuration that options mean. @throws EznasError INVALID_ARGUMENT */
export function configOf(options: SearchArchitecturesOptions): SearchRunConfig {
  const { seed = 0, programs = [], images = 'photographs', latency, cache, train, warmup } = options;
  const { space, benchmark } = resolveBenchmark(options);
  const proxies = options.proxies ?? (programs.length === 0 ? ['eznas-a'] : []);
  const texts = programs.map((program) =>
    typeof program === 'string' ? program : 'kind' in program ? printFormula(program) : printProgram(program),
  );
  const { algorithm, budget, chunk, population, sample } = options;
  const named = Object.entries({ algorithm, budget, chunk, population, sample }).filter(
    ([, value]) => value !== undefined,
  );
  return {
    space: space.name,
    benchmark: benchmark?.name ?? null,
    dataset: options.dataset ?? benchmark?.datasets[0]?.name ?? 'cifar10',
    images: typeof images !== 'string' ? images.name : isNamed(images) ? images : resolve(images),
    batch: options.batch ?? 16,
    precision: options.precision ?? 'float32',
    separableUnit: options.separableUnit ?? null,
    seed,
    metrics: [...proxies, ...texts],
    weights: options.weights ? [...options.weights] : null,
    minimize: [...(options.minimize ?? [])],
    limits: {
      ...(options.maxParams !== undefined && { params: options.maxParams }),
      ...(options.maxFlops !== undefined && { flops: options.maxFlops }),
      ...(options.maxLatency !== undefined && { latency: options.maxLatency }),
    },
    latency: typeof latency === 'string' ? resolve(latency) : null,
    cache: cache === undefined ? null : resolve(cache),
    best: options.best ?? 10,
    train: train ? { networks: train.networks, epochs: train.epochs ?? benchmark?.epochs[0] ?? 0 } : null,
    repeats: options.repeats ?? 1,
    sameScores: options.sameScores ?? false,
    beside: [...(options.beside ?? [])],
    search: resolveSearchConfig({
      ...(Object.fromEntries(named) as Partial<SearchConfig>),
      seed: options.searchSeed ?? seed,
      warmup: warmup ? { metric: warmup.proxy, count: warmup.count, keep: warmup.keep ?? warmup.count } : null,
      move: options.move ?? null,
    }),
  };
}

const isNamed = (images: string): boolean => images === 'photographs' || images === 'noise';

/**
 * Opens what a configuration names.
 *
 * @throws EznasError INVALID_ARGUMENT, INVALID_PROGRAM, INVALID_FILE, TOO_LARGE, ADDON_UNAVAILABLE
 */
export function setUp(config: SearchRunConfig, own: OwnParts, { device, threads }: SearchRunningOptions): Parts {
  checkCounts(config);
  const { space, benchmark, dataset, images, batch, precision, separableUnit, seed, limits } = config;
  const settingOf = (scoreSeed: number) =>
    resolveSetting({
      space: own.space ?? space,
      ...(own.benchmark ? { benchmark: own.benchmark } : benchmark !== null && !own.space && { benchmark }),
      dataset,
      images: own.images ?? images,
      batch,
      precision,
      ...(separableUnit && { separableUnit }),
      seed: scoreSeed,
      ...(device && { device }),
    });
  const setting = settingOf(seed);
  const latency =
    typeof own.latency === 'function'
      ? own.latency
      : config.latency === null
        ? undefined
        : readLatencyTable(config.latency);
  const names = new MetricNames();
  const main = [
    names.objective(config.metrics, config.weights ?? undefined),
    ...config.minimize.map((text) => names.minimized(text)),
  ];
  checkObjectives({ config: config.search, objectives: main });
  const constraints = Object.entries(limits).map(([text, most]) => ({
    metric: names.add(text),
    most: most ?? Number.POSITIVE_INFINITY,
  }));
  const { warmup, move } = config.search;
  const search = {
    ...config.search,
    warmup: warmup && { ...warmup, metric: names.add(warmup.metric) },
    move: move === null ? null : names.add(move),
  };
  const rivals = config.beside.map((text) => {
    const { name, algorithm, metric } = parseRival(text, search.algorithm === 'nsga2' ? 'aging' : search.algorithm);
    const objectives = metric === undefined ? main.slice(0, 1) : [names.objective([metric])];
    // Rivals are plain: what helps the search is what is to be seen beside them.
    return { name, objectives, search: { ...search, algorithm, warmup: null, move: null } };
  });
  const oracle = [main, ...rivals.map(({ objectives }) => objectives)].some((objectives) =>
    objectiveMetrics(objectives).includes(ORACLE),
  );
  if (oracle || config.train || config.repeats > 1 || rivals.length > 0) requireBenchmark(setting);
  // An unknown number of epochs is an error before the search, not after.
  if (config.train) setting.benchmark!.accuracy(0, setting.dataset.name, config.train.epochs);
  const { contenders, comparatives } = names;
  requireDevice(setting, contenders);
  const shared = sharedMetrics(contenders);
  const contests = (cache: ScoreCache | undefined, repeat: number): Contest[] => {
    const same = repeat === 0 || config.sameScores;
    const measure = networkMeasure({
      setting: same ? setting : settingOf(seed + repeat),
      contenders,
      latency,
      cache,
      threads,
    });
    const repeated = (plain: SearchConfig): SearchConfig => ({ ...plain, seed: plain.seed + repeat });
    const common = { space: setting.space, measure, shared, constraints, comparatives };
    return [
      {
        name: `${search.algorithm}:${main[0]!.name}`,
        problem: { ...common, objectives: main, config: repeated(search) },
      },
      ...rivals.map(({ name, objectives, search: plain }) => ({
        name,
        problem: { ...common, objectives, config: repeated(plain) },
      })),
    ];
  };
  return { setting, scored: scoredBy(contenders), contests };
}

function checkCounts({ best, repeats, limits, train }: SearchRunConfig): void {
  const requirePositive = (name: string, value: number) => {
    if (Number.isSafeInteger(value) && value >= 1) return;
    throw new EznasError('INVALID_ARGUMENT', `search option ${name} must be an integer of at least 1, got ${value}`);
  };
  requirePositive('best', best);
  requirePositive('repeats', repeats);
  if (train) requirePositive('train.networks', train.networks);
  for (const [name, most] of Object.entries(limits)) {
    if (most === undefined || most >= 0) continue;
    throw new EznasError('INVALID_ARGUMENT', `the most ${name} must be a number of at least 0, got ${most}`);
  }
}
