import { type EvolveForestOptions, type EvolveForestResult, evolveForest } from '../../lib/discovery/grow-forest.ts';
import type { EvaluationResult } from '../../lib/evaluation/evaluate.ts';
import { rankFinite } from '../../lib/evaluation/ranking.ts';
import { evolve } from '../../lib/evolution/evolve.ts';
import { RunFolder } from '../../lib/evolution/run-folder.ts';
import { printFormula } from '../../lib/formulas/print.ts';
import { Random } from '../../lib/random.ts';
import type { ArchitectureSearchResult } from '../../lib/search/result.ts';
import { searchArchitectures } from '../../lib/search/search-architectures.ts';
import { nasbench201 } from '../../lib/spaces/nasbench201.ts';
import { fakeProblem } from '../evolution/fixtures/fake-search.ts';
import { SMALL_SEARCH } from '../forests/small-search.ts';

const estimate = (value: number) => ({ value, low: value - 0.05, high: value + 0.05, spread: Number.NaN });

const protocol: EvaluationResult['protocol'] = {
  version: '1.2.3',
  space: 'nasbench201',
  benchmark: 'nasbench201',
  dataset: 'cifar10',
  networks: { count: 0, chosen: 'all' },
  accuracy: { split: 'test', epochs: 200 },
  batch: 16,
  seed: 0,
  seeds: [0],
  images: 'photographs',
  labels: null,
  initialization: 'kaiming-normal-fan-out',
  separableUnit: null,
  onnx: null,
  device: 'cpu',
  measures: null,
  gpus: [],
  precision: 'float32',
  simd: 'avx2',
  threads: 2,
};

/** An evaluation of real architectures with made-up accuracies and scores; `params`, `flat` (constant) and `frobenius_norm(T3)` (not finite on network 1). */
export function evaluation(networks: number): EvaluationResult {
  const random = new Random(1);
  const indices = Array.from({ length: networks }, (_, index) => index);
  const accuracies = indices.map(() => 50 + 45 * random.uniform());
  const scores = {
    params: accuracies.map((accuracy) => accuracy + 20 * random.uniform()),
    flat: accuracies.map(() => 7),
    'frobenius_norm(T3)': accuracies.map((_, at) => (at === 1 ? Number.NaN : random.uniform())),
  };
  return {
    protocol: { ...protocol, networks: { count: networks, chosen: 'all' } },
    request: null,
    results: Object.entries(scores).map(([name, values]) => ({
      name,
      networks: values.filter(Number.isFinite).length,
      kendallTau: estimate(name === 'params' ? 0.6 : name === 'flat' ? Number.NaN : 0.1),
      spearmanRho: estimate(0.7),
      pearsonR: estimate(0.5),
      weightedTau: estimate(0.4),
      top10: estimate(0.3),
      top1: estimate(0.2),
      bestAccuracy: estimate(93.1),
      bySeed: [],
      secondsPerNetwork: 0.01,
      cached: 0,
      cost: { forwardImages: 16, backwardImages: 0, multiplyAdds: 1e9 },
    })),
    networks: {
      indices,
      architectures: indices.map((index) => nasbench201.print(nasbench201.architecture(index))),
      accuracies,
      scores,
    },
    stages: [
      {
        name: 'frobenius_norm(T3)',
        stages: ['32×32', '16×16', '8×8'].map((name, at) => ({ name, networks, kendallTau: estimate(0.1 * at) })),
      },
    ],
  };
}

/** Runs the fake search in a folder. Without a result, as a run that was stopped before its judgement. */
export async function makeRun(folder: string, { finished = true, generations = 8 } = {}): Promise<void> {
  const problem = fakeProblem({ population: 30, kept: 10, generations, networksPerTask: 6 });
  using run = RunFolder.create(folder, {
    space: 'nasbench201',
    dataset: 'cifar10',
    batch: 1,
    search: problem.config,
  });
  const { best } = await evolve(problem, { run });
  if (!finished) return;
  const random = new Random(2);
  const accuracies = Array.from({ length: 40 }, () => random.uniform());
  const heldOut = rankFinite(
    accuracies.map((accuracy) => accuracy + 0.3 * random.uniform()),
    accuracies,
    0,
  );
  run.saveReport({
    protocol: { ...protocol, networks: { count: 40, chosen: 'held-out' } },
    search: { ...problem.config, batch: 1 },
    best: { program: printFormula(best.formula), fitness: best.fitness, sign: best.sign, heldOut },
    baselines: [{ name: 'params', ...heldOut }],
    runFolder: run.path,
  });
}

/** A search by parameters over three repeats beside random search that knows the accuracies: no network is run. */
export function comparedSearch(runFolder?: string): Promise<ArchitectureSearchResult> {
  return searchArchitectures({
    proxies: ['params'],
    budget: 60,
    population: 20,
    sample: 5,
    repeats: 3,
    beside: ['random:oracle'],
    train: { networks: 3, epochs: 12 },
    details: true,
    ...(runFolder && { runFolder }),
  });
}

/** A search for accuracy and few parameters. */
export function frontSearch(): Promise<ArchitectureSearchResult> {
  return searchArchitectures({
    algorithm: 'nsga2',
    proxies: ['oracle'],
    minimize: ['params'],
    budget: 80,
    population: 20,
    details: true,
  });
}

/** A small forest grown in a folder on noise. */
export function makeForest(runFolder: string, options: EvolveForestOptions = {}): Promise<EvolveForestResult> {
  return evolveForest({
    networks: 8,
    unlabelled: 4,
    heldOut: 8,
    judgeBatch: 1,
    images: 'noise',
    search: SMALL_SEARCH,
    runFolder,
    ...options,
  });
}
