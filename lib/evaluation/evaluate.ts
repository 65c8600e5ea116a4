import { type ContenderOptions, readsLabels, resolveContenders, runsNetworks } from './contenders.ts';
import { chooseNetworks, type NetworkChoice } from './networks.ts';
import { type Protocol, protocolOf } from './protocol.ts';
import { type Ranking, rankFinite } from './ranking.ts';
import { benchmarkArchitectures, scoreList } from './scoring.ts';
import { requireBenchmark, resolveSetting, type SettingOptions } from './setting.ts';

export interface EvaluateProxiesOptions extends SettingOptions, ContenderOptions {
  /** Networks to rank, default 1,000 drawn with the seed, or all where there are fewer. */
  readonly networks?: NetworkChoice;
}

/** How well one proxy or program ranks the networks. */
export interface ProxyEvaluation extends Ranking {
  readonly name: string;
  /** Wall-clock seconds; all programs of an evaluation share one pass over the networks, so each reports the time of the whole pass. */
  readonly secondsPerNetwork: number;
}

export interface EvaluationResult {
  readonly protocol: Protocol;
  /** In the order given: proxies, then programs. */
  readonly results: readonly ProxyEvaluation[];
}

/**
 * Ranks networks by proxies and programs and compares with their accuracies after full training.
 *
 * @throws EznasError INVALID_ARGUMENT, INVALID_PROGRAM, INVALID_ARCHITECTURE, INVALID_FILE, TOO_LARGE, OUT_OF_MEMORY, ADDON_UNAVAILABLE,
 *   ABORTED
 */
export async function evaluateProxies(options: EvaluateProxiesOptions): Promise<EvaluationResult> {
  const contenders = resolveContenders(options);
  const setting = resolveSetting(options);
  const { dataset, seed } = setting;
  const benchmark = requireBenchmark(setting);
  const chosen = chooseNetworks(benchmark.size, options.networks ?? Math.min(1000, benchmark.size), seed);
  const architectures = benchmarkArchitectures(benchmark, chosen.indices);
  const { scores, seconds } = await scoreList(setting, contenders, architectures, options);
  const accuracies = chosen.indices.map((index) => benchmark.accuracy(index, dataset.name));
  return {
    protocol: protocolOf(setting, chosen, options.threads, runsNetworks(contenders), readsLabels(contenders)),
    results: contenders.map(({ name }) => ({
      name,
      ...rankFinite(scores.get(name)!, accuracies, seed),
      secondsPerNetwork: seconds.get(name)! / chosen.indices.length,
    })),
  };
}
