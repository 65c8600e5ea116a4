import { EznasError } from '../errors.ts';
import type { Scored } from '../evaluation/placement.ts';
import { type Protocol, protocolOf } from '../evaluation/protocol.ts';
import type { Setting } from '../evaluation/setting.ts';
import { networkCounts } from '../spaces/space.ts';
import { type SearchSummary, spread } from './comparison.ts';
import type { SearchConfig } from './config.ts';
import type { Evaluation, History } from './history.ts';
import { trueAccuracy } from './network-measure.ts';
import type { Constraint, Objective } from './problem.ts';
import type { SearchRunConfig } from './run-config.ts';
import { found, type SearchOutcome } from './search.ts';
import type { Contest } from './set-up.ts';
import { type CurvePoint, type Optimum, optimum, trueCurve } from './truth.ts';

/** A network that a search gives. */
export interface FoundNetwork {
  /** As its space prints it. */
  readonly architecture: string;
  /** Its number in the benchmark; null where it has none. */
  readonly index: number | null;
  /** How many networks were scored when it was, itself included. */
  readonly found: number;
  /** By metric of the objectives; a forest or combined proxy, which compares all networks scored, comes after its parts. */
  readonly values: Readonly<Record<string, number>>;
  readonly params: number;
  /** Multiply-adds. */
  readonly flops: number;
  /** True accuracy in per cent; null where it is not known. */
  readonly accuracy: number | null;
}

/** Every network that a search scored, in order: each list has one entry for each. */
export interface SearchedNetworks {
  readonly architectures: readonly string[];
  /** Their numbers in the benchmark; null where they have none. */
  readonly indices: readonly (number | null)[];
  /** True accuracy in per cent; null where it is not known. */
  readonly accuracies: readonly (number | null)[];
  /** By metric, as in {@link FoundNetwork}. */
  readonly values: Readonly<Record<string, readonly number[]>>;
  /** By objective, more is better: of several metrics the weighted sum of ranks among all of these networks. */
  readonly merits: readonly (readonly number[])[];
}

/** Networks trained at the end of a search, by the table. */
export interface TrainedNetworks {
  readonly epochs: number;
  /** What their training would cost, in epochs. */
  readonly totalEpochs: number;
  readonly networks: readonly { readonly architecture: string; readonly accuracy: number }[];
  /** The most accurate of them, with its accuracy after full training. */
  readonly best: { readonly architecture: string; readonly accuracy: number };
}

export interface ArchitectureSearchResult {
  readonly protocol: Protocol;
  readonly search: SearchConfig & {
    readonly objectives: readonly Objective[];
    readonly constraints: readonly Constraint[];
  };
  /** Networks scored. */
  readonly scored: number;
  /** Architectures proposed, many of which were scored before. */
  readonly proposals: number;
  /** Why the search ended: its budget was spent, or nothing new was found any more. */
  readonly ended: SearchOutcome<unknown>['ended'];
  /** Seconds of measuring; of scores from a cache those that they took once. */
  readonly seconds: number;
  /** The best networks, the best first; of several objectives the whole front, in the order found. */
  readonly best: readonly FoundNetwork[];
  /** The most accurate architecture within the constraints; null without a benchmark. */
  readonly optimum: Optimum | null;
  /** What the best network falls short of it, in per cent. */
  readonly regret: number | null;
  /** The course of the search in true accuracy; empty without a benchmark. */
  readonly curve: readonly CurvePoint[];
  readonly trained: TrainedNetworks | null;
  /** The search and its rivals over all repeats; empty without repeats and rivals. */
  readonly comparison: readonly SearchSummary[];
  /** With `details`: every network that the search, in its first repeat, scored. */
  readonly networks?: SearchedNetworks;
  /** Absolute path, or null. */
  readonly runFolder: string | null;
}

/**
 * What a run found.
 *
 * @param outcomes by contest, then by repeat
 */
export async function resultOf(
  config: SearchRunConfig,
  setting: Setting,
  contests: readonly Contest[],
  outcomes: readonly (readonly SearchOutcome<unknown>[])[],
  runFolder: string | null,
  {
    threads,
    scored,
    details,
  }: { readonly threads: number | undefined; readonly scored: Scored; readonly details: boolean },
): Promise<ArchitectureSearchResult> {
  const { problem } = contests[0]!;
  const { objectives, constraints, measure } = problem;
  const { history, proposals, seconds, ended } = outcomes[0]![0]!;
  const describe = describeNetwork(setting, history);
  const best = found(history, config.best).map(describe);
  const known = setting.benchmark !== undefined;
  const goal = known ? ((await optimum(setting, constraints, measure)) ?? null) : null;
  const accuracy = describe(history.best(1)[0]!).accuracy;
  const compared = config.repeats > 1 || contests.length > 1;
  const indices = { length: history.evaluations.length };
  const seeds = Array.from({ length: config.sameScores ? 1 : config.repeats }, (_, repeat) => config.seed + repeat);
  return {
    protocol: protocolOf(setting, { indices, chosen: 'searched' }, threads, scored, seeds),
    search: { ...problem.config, objectives, constraints },
    scored: history.evaluations.length,
    proposals,
    ended,
    seconds,
    best,
    optimum: goal,
    regret: goal && accuracy !== null ? goal.accuracy - accuracy : null,
    curve: known ? trueCurve(setting, history) : [],
    trained: config.train && trainBest(setting, history, config.train),
    comparison: compared
      ? contests.map((contest, place) => summarize(setting, contest, outcomes[place]!, goal?.accuracy ?? Number.NaN))
      : [],
    ...(details && { networks: searchedNetworks(setting, history) }),
    runFolder,
  };
}

function searchedNetworks({ space, benchmark, dataset }: Setting, history: History<unknown>): SearchedNetworks {
  const { evaluations, objectives } = history;
  const rows = evaluations.map((evaluation) => history.valuesOf(evaluation));
  const indices = evaluations.map(({ architecture }) => benchmark?.index(architecture) ?? null);
  return {
    architectures: evaluations.map(({ architecture }) => space.print(architecture)),
    indices,
    accuracies: indices.map((index) => (index === null ? null : benchmark!.accuracy(index, dataset.name))),
    values: Object.fromEntries(Object.keys(rows[0] ?? {}).map((metric) => [metric, rows.map((row) => row[metric]!)])),
    merits: objectives.map((objective) => evaluations.map((evaluation) => history.merit(evaluation, objective))),
  };
}

function describeNetwork(
  setting: Setting,
  history: History<unknown>,
): (evaluation: Evaluation<unknown>) => FoundNetwork {
  const { space, benchmark, dataset } = setting;
  const { classes, resolution, channels: inputChannels } = dataset;
  return (evaluation) => {
    const { architecture, order } = evaluation;
    const index = benchmark?.index(architecture) ?? null;
    return {
      architecture: space.print(architecture),
      index,
      found: order + 1,
      values: history.valuesOf(evaluation),
      ...networkCounts(space, architecture, { classes, resolution, inputChannels }),
      accuracy: index === null ? null : benchmark!.accuracy(index, dataset.name),
    };
  };
}

function trainBest(
  setting: Setting,
  history: History<unknown>,
  { networks: count, epochs }: { readonly networks: number; readonly epochs: number },
): TrainedNetworks {
  const { space, benchmark, dataset } = setting;
  const candidates = found(history, count)
    .slice(0, count)
    .flatMap(({ architecture }) => {
      const index = benchmark!.index(architecture);
      if (index === undefined) return [];
      const accuracy = benchmark!.accuracy(index, dataset.name, epochs);
      return [{ architecture: space.print(architecture), accuracy, index }];
    });
  if (candidates.length === 0) {
    throw new EznasError('INVALID_ARGUMENT', `${benchmark!.name} knows the accuracy of none of the best networks`);
  }
  const best = candidates.reduce((most, one) => (one.accuracy > most.accuracy ? one : most));
  return {
    epochs,
    totalEpochs: epochs * candidates.length,
    networks: candidates.map(({ architecture, accuracy }) => ({ architecture, accuracy })),
    best: { architecture: best.architecture, accuracy: benchmark!.accuracy(best.index, dataset.name) },
  };
}

function summarize(
  setting: Setting,
  { name, problem: { config, objectives } }: Contest,
  outcomes: readonly SearchOutcome<unknown>[],
  goal: number,
): SearchSummary {
  const curves = outcomes.map(({ history }) => trueCurve(setting, history));
  const accuracyOf = trueAccuracy(setting);
  const accuracies = outcomes.map(({ history }) => accuracyOf(history.best(1)[0]!.architecture));
  return {
    name,
    algorithm: config.algorithm,
    objective: objectives[0]!.name,
    accuracies,
    accuracy: spread(accuracies),
    highest: spread(curves.map((curve) => curve.at(-1)!.highest)),
    regret: spread(accuracies.map((accuracy) => goal - accuracy)),
    seconds: spread(outcomes.map(({ seconds }) => seconds)),
    curves,
  };
}
