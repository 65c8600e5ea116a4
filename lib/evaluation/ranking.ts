import { type RankCorrelation, rankCorrelation } from '../correlation/index.ts';

/**
 * How well a proxy ranks networks: τ-b, ρ and r of score and accuracy, each with its 95 % bootstrap interval. NaN (null in JSON) where one is
 * not defined, as for a score that is the same everywhere.
 */
export interface Ranking extends RankCorrelation {
  /** Networks ranked: those whose score is finite. */
  readonly networks: number;
}

/** Ranks by the scores that are finite. The seed decides the bootstrap's resamples. */
export function rankFinite(scores: ArrayLike<number>, accuracies: ArrayLike<number>, seed: number): Ranking {
  const finite = Array.from(scores, (_, at) => at).filter((at) => Number.isFinite(scores[at]));
  const correlation = rankCorrelation(
    finite.map((at) => scores[at]!),
    finite.map((at) => accuracies[at]!),
    { seed },
  );
  return { networks: finite.length, ...correlation };
}
