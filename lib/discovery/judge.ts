import type { RunOptions } from '../engine/networks.ts';
import { programContender, resolveContenders } from '../evaluation/contenders.ts';
import { type Ranking, rankFinite } from '../evaluation/ranking.ts';
import { benchmarkArchitectures, scoreList } from '../evaluation/scoring.ts';
import { requireBenchmark, type Setting } from '../evaluation/setting.ts';
import type { Sign } from '../evolution/fitness.ts';
import type { Program } from '../programs/tree.ts';

/** A proxy that every search is compared with, on the same networks. */
export interface Baseline extends Ranking {
  readonly name: string;
}

/** Names of the baselines. */
export const BASELINES = ['eznas-a', 'params', 'flops'] as const;

/**
 * Judges a program and the baselines on networks, which should be new to the search.
 *
 * @param found scores count with the sign, so that 1 is a perfect ranking
 */
export async function judge(
  setting: Setting,
  found: { readonly program: Program; readonly sign: Sign },
  indices: readonly number[],
  options: RunOptions,
): Promise<{ found: Ranking; baselines: Baseline[] }> {
  const { dataset, seed } = setting;
  const benchmark = requireBenchmark(setting);
  // No proxy of the catalogue has this name, so the program found may be one of them.
  const contender = programContender('', found.program);
  const baselines = resolveContenders({ proxies: BASELINES });
  const { scores } = await scoreList(
    setting,
    [contender, ...baselines],
    benchmarkArchitectures(benchmark, indices),
    options,
  );
  const accuracies = indices.map((index) => benchmark.accuracy(index, dataset.name));
  const signed = scores.get(contender.name)!.map((score) => found.sign * score);
  return {
    found: rankFinite(signed, accuracies, seed),
    baselines: baselines.map(({ name }) => ({ name, ...rankFinite(scores.get(name)!, accuracies, seed) })),
  };
}
