import type { RunOptions } from '../engine/networks.ts';
import { type Contender, formulaContender, resolveContenders } from '../evaluation/contenders.ts';
import { type Ranking, rankFinite } from '../evaluation/ranking.ts';
import { benchmarkArchitectures, scoreList } from '../evaluation/scoring.ts';
import { requireBenchmark, type Setting } from '../evaluation/setting.ts';
import type { Sign } from '../evolution/fitness.ts';
import type { Formula } from '../formulas/tree.ts';

/** A proxy that every search is compared with, on the same networks. */
export interface Baseline extends Ranking {
  readonly name: string;
}

/** Names of the baselines. */
export const BASELINES = ['eznas-a', 'params', 'flops'] as const;

/**
 * Judges a formula and the baselines on networks, which should be new to the search.
 *
 * @param found scores count with the sign, so that 1 is a perfect ranking
 */
export async function judge(
  setting: Setting,
  found: { readonly formula: Formula; readonly sign: Sign },
  indices: readonly number[],
  options: RunOptions,
): Promise<{ found: Ranking; baselines: Baseline[] }> {
  const { rankings, baselines } = await judgeContenders(
    setting,
    // No proxy of the catalogue has this name, so the formula found may be one of them.
    [{ contender: formulaContender('', found.formula), sign: found.sign }],
    indices,
    options,
  );
  return { found: rankings[0]!, baselines };
}

/** Judges contenders, whose names no proxy has, and the baselines; gives the scores of the contenders too. */
export async function judgeContenders(
  setting: Setting,
  judged: readonly { readonly contender: Contender; readonly sign: Sign }[],
  indices: readonly number[],
  options: RunOptions,
): Promise<{ rankings: Ranking[]; scores: Float64Array[]; baselines: Baseline[] }> {
  const { dataset, seed } = setting;
  const benchmark = requireBenchmark(setting);
  const baselines = resolveContenders({ proxies: BASELINES });
  const contenders = [...judged.map(({ contender }) => contender), ...baselines];
  const { scores } = await scoreList(setting, contenders, benchmarkArchitectures(benchmark, indices), options);
  const accuracies = indices.map((index) => benchmark.accuracy(index, dataset.name));
  const own = judged.map(({ contender }) => scores.get(contender.name)!);
  return {
    rankings: judged.map(({ sign }, at) =>
      rankFinite(
        own[at]!.map((score) => sign * score),
        accuracies,
        seed,
      ),
    ),
    scores: own,
    baselines: baselines.map(({ name }) => ({ name, ...rankFinite(scores.get(name)!, accuracies, seed) })),
  };
}
