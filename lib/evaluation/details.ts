import type { ChosenNetworks } from './networks.ts';
import type { Scores } from './scoring.ts';
import { requireBenchmark, type Setting } from './setting.ts';
import type { StageRanking } from './stages.ts';

/** Networks with their scores; every list has one entry for each network. */
export interface EvaluatedNetworks {
  /** Their numbers in the benchmark. */
  readonly indices: readonly number[];
  /** As the space prints them. */
  readonly architectures: readonly string[];
  /** Per cent. */
  readonly accuracies: readonly number[];
  /** By proxy or program; NaN (null in JSON) where a score is not finite. */
  readonly scores: Readonly<Record<string, readonly number[]>>;
}

/** What an evaluation tells of single networks and stages; with several seeds, of the first. */
export interface EvaluationDetails {
  readonly networks: EvaluatedNetworks;
  /** For each program, how well the units of each stage alone rank the networks. */
  readonly stages: readonly { readonly name: string; readonly stages: readonly StageRanking[] }[];
}

/** @param run scored with stages */
export function detailsOf(
  setting: Setting,
  { indices }: ChosenNetworks,
  { scores, stages }: Scores,
  accuracies: readonly number[],
): EvaluationDetails {
  const benchmark = requireBenchmark(setting);
  return {
    networks: {
      indices,
      architectures: indices.map((index) => setting.space.print(benchmark.architecture(index))),
      accuracies,
      scores: Object.fromEntries([...scores].map(([name, values]) => [name, [...values]])),
    },
    stages: stages?.rank(accuracies, setting.seed) ?? [],
  };
}
