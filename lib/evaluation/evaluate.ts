import { setImmediate } from 'node:timers/promises';
import { AGREEMENTS, type AgreementName, agreement, type Estimate } from '../correlation/index.ts';
import { EznasError } from '../errors.ts';
import { flops } from '../graph/counts.ts';
import type { Contender, ContenderOptions } from './contenders.ts';
import { resolveContenders } from './contenders.ts';
import { detailsOf, type EvaluationDetails } from './details.ts';
import { type ChosenNetworks, chooseNetworks, type NetworkChoice } from './networks.ts';
import { requireDevice, scoredBy } from './placement.ts';
import { type Protocol, protocolOf } from './protocol.ts';
import { type EvaluationRequest, requestOf } from './replay.ts';
import { ScoreCache } from './score-cache.ts';
import { benchmarkArchitectures, type Scores, scoreList } from './scoring.ts';
import { buildNetwork, requireBenchmark, resolveSetting, type Setting, type SettingOptions } from './setting.ts';

export interface EvaluateProxiesOptions extends SettingOptions, ContenderOptions {
  /** Networks to rank, default 1,000 drawn with the seed, or all where there are fewer. */
  readonly networks?: NetworkChoice;
  /**
   * Different seeds of minibatch, noise, labels and initial parameters: every network is scored with each. `seed`, by default the first of them,
   * still decides which networks are drawn. Default: the seed alone.
   */
  readonly seeds?: readonly number[];
  /**
   * A file of scores: those that it has are taken from there, and others are kept there as networks are scored, so that an evaluation that ended
   * early goes on where it was. Made where there is none; several evaluations and searches may use one.
   */
  readonly cache?: string;
  /** Also give every network's scores and the programs' rankings by stage, which a report draws (default false). */
  readonly details?: boolean;
}

/** A statistic over the networks. */
export interface EvaluationEstimate extends Estimate {
  /** Standard deviation between seeds; NaN (null in JSON) of one. `value` is the mean over seeds, and the interval is the mean's. */
  readonly spread: number;
}

/** What scoring one network with one proxy alone takes; nothing is shared with others. */
export interface EvaluationCost {
  /** Images that go through the network forward, and backward. */
  readonly forwardImages: number;
  readonly backwardImages: number;
  /** Mean over the networks, a backward pass counted as two forward ones. */
  readonly multiplyAdds: number;
}

/**
 * How well one proxy or program ranks the networks: τ-b, ρ and r of score and accuracy, the weighted τ, the share of the best 10 % and 1 % that it
 * finds, and the accuracy of the network that it ranks first; each with its 95 % bootstrap interval. NaN (null in JSON) where one is not defined.
 */
export interface ProxyEvaluation extends Readonly<Record<AgreementName, EvaluationEstimate>> {
  readonly name: string;
  /** Networks ranked: those whose score is finite with every seed. */
  readonly networks: number;
  /** The statistics of each seed, in the order of the protocol's. */
  readonly bySeed: readonly ({ readonly seed: number } & Readonly<Record<AgreementName, number>>)[];
  /**
   * Wall-clock seconds on the networks that were scored now, NaN (null in JSON) where all scores were cached; all programs of an evaluation share one pass over the networks, so each reports the time of the whole pass, and native
   * proxies that share a pass report the whole of theirs.
   */
  readonly secondsPerNetwork: number;
  /** Scores that the cache had, of all networks and seeds. */
  readonly cached: number;
  readonly cost: EvaluationCost;
}

/** With `details`, what {@link EvaluationDetails} has besides. */
export interface EvaluationResult extends Partial<EvaluationDetails> {
  readonly protocol: Protocol;
  /** What was asked for, to be asked again; null where it holds something that cannot be written down, such as a source of images of one's own. */
  readonly request: EvaluationRequest | null;
  /** In the order given: proxies, then programs. */
  readonly results: readonly ProxyEvaluation[];
}

/** Resamples of the bootstrap, 1,000 as a rule; with many points, whose intervals are narrow, as few as 200: each is a pass over all points. */
const resamplesFor = (points: number) => Math.min(1000, Math.max(200, Math.round(2e6 / Math.max(1, points))));

/** Networks over which mean multiply-adds are taken; they need be built once more. */
const COST_SAMPLE = 200;

/**
 * Ranks networks by proxies and programs and compares with their accuracies after full training.
 *
 * @throws EznasError INVALID_ARGUMENT, INVALID_PROGRAM, INVALID_ARCHITECTURE, INVALID_FILE, TOO_LARGE, OUT_OF_MEMORY, NO_DEVICE,
 *   CUDA_ERROR, ADDON_UNAVAILABLE, ABORTED
 */
export async function evaluateProxies(options: EvaluateProxiesOptions): Promise<EvaluationResult> {
  const contenders = resolveContenders(options);
  const seeds = requireSeeds(options);
  const seed = options.seed ?? seeds[0]!;
  const settings = seeds.map((one) => resolveSetting({ ...options, seed: one }));
  const setting = { ...settings[0]!, seed };
  requireDevice(setting, contenders);
  const benchmark = requireBenchmark(setting);
  const chosen = chooseNetworks(benchmark.size, options.networks ?? Math.min(1000, benchmark.size), seed);
  using cache = options.cache === undefined ? undefined : new ScoreCache(options.cache);
  const runs = await scoreSeeds(settings, contenders, chosen, options, cache);
  const accuracies = chosen.indices.map((index) => benchmark.accuracy(index, setting.dataset.name));
  const meanFlops = sampleFlops(setting, chosen);
  const results: ProxyEvaluation[] = [];
  for (const contender of contenders) {
    results.push(judgeContender(contender, runs, { seeds, seed, accuracies, meanFlops, batch: setting.inputs.batch }));
    // Signals and timers get their turn: intervals take their time.
    await setImmediate();
    if (options.signal?.aborted) throw new EznasError('ABORTED', 'the operation was aborted');
  }
  const { threads } = options;
  return {
    protocol: protocolOf(setting, chosen, threads, scoredBy(contenders), seeds),
    request: requestOf(options, contenders, seeds, seed),
    results,
    ...(options.details && detailsOf(setting, chosen, runs[0]!, accuracies)),
  };
}

function requireSeeds({ seeds, seed = 0 }: EvaluateProxiesOptions): readonly number[] {
  if (seeds === undefined) return [seed];
  if (seeds.length === 0) throw new EznasError('INVALID_ARGUMENT', 'seeds are none; at least one is needed');
  const twice = seeds.find((one, at) => seeds.indexOf(one) !== at);
  if (twice !== undefined) throw new EznasError('INVALID_ARGUMENT', `seed ${twice} is given twice; once is enough`);
  return seeds;
}

/** Scores of all seeds; counts on the graph do not depend on them. */
async function scoreSeeds(
  settings: readonly Setting[],
  contenders: readonly Contender[],
  chosen: ChosenNetworks,
  { details: stages, ...options }: EvaluateProxiesOptions,
  cache: ScoreCache | undefined,
): Promise<Scores[]> {
  const runs: Scores[] = [];
  for (const [at, setting] of settings.entries()) {
    const architectures = benchmarkArchitectures(requireBenchmark(setting), chosen.indices);
    const total = settings.length * architectures.length;
    const onProgress = (done: number) => options.onProgress?.(at * architectures.length + done, total);
    runs.push(await scoreList(setting, contenders, architectures, { ...options, stages, cache, onProgress }));
  }
  return runs;
}

function sampleFlops(setting: Setting, { indices }: ChosenNetworks): number {
  const step = Math.ceil(indices.length / COST_SAMPLE);
  const sample = benchmarkArchitectures(
    requireBenchmark(setting),
    indices.filter((_, at) => at % step === 0),
  );
  let total = 0;
  for (let at = 0; at < sample.length; at++) total += flops(buildNetwork(setting, sample.at(at)).graph);
  return total / sample.length;
}

interface Judgement {
  readonly seeds: readonly number[];
  readonly seed: number;
  readonly accuracies: readonly number[];
  readonly meanFlops: number;
  readonly batch: number;
}

function judgeContender(
  contender: Contender,
  runs: readonly Scores[],
  { seeds, seed, accuracies, meanFlops, batch }: Judgement,
): ProxyEvaluation {
  const { name } = contender;
  const rows = runs.map(({ scores }) => scores.get(name)!);
  const finite = accuracies.flatMap((_, at) => (rows.every((row) => Number.isFinite(row[at])) ? [at] : []));
  const found = agreement(
    rows.map((row) => finite.map((at) => row[at]!)),
    finite.map((at) => accuracies[at]!),
    { seed, resamples: resamplesFor(finite.length) },
  );
  const estimates = AGREEMENTS.map((statistic) => {
    const { value, low, high, spread } = found[statistic];
    return [statistic, { value, low, high, spread }];
  });
  const bySeed = seeds.map((one, at) => ({
    seed: one,
    ...Object.fromEntries(AGREEMENTS.map((statistic) => [statistic, found[statistic].each[at]!])),
  }));
  const { forward, backward } = contender.passes(batch);
  const timings = runs.map((run) => run.timings.get(name)!);
  const scored = timings.reduce((sum, { networks }) => sum + networks, 0);
  const seconds = timings.reduce((sum, timing) => sum + timing.seconds, 0);
  return {
    name,
    networks: finite.length,
    ...Object.fromEntries(estimates),
    bySeed,
    secondsPerNetwork: seconds / scored,
    cached: accuracies.length * runs.length - scored,
    cost: { forwardImages: forward, backwardImages: backward, multiplyAdds: (forward + 2 * backward) * meanFlops },
  } as ProxyEvaluation;
}
