import { MEASURES, type MeasureName } from '../proxies/measures.ts';
import type { Inputs, Network, RunOptions } from './networks.ts';
import { nativeRequest, runWithProgress } from './run.ts';

/**
 * Scores networks with native proxies; what reads the same tensors shares a pass, and nothing is kept. A score that is not finite is NaN or an
 * infinity.
 *
 * @returns by name, one score for each network
 * @throws EznasError INVALID_GRAPH, INVALID_ARGUMENT (also where labels are missing or beyond the network's classes), TOO_LARGE,
 *   OUT_OF_MEMORY, ABORTED
 */
export async function measureNetworks(
  networks: readonly Network[],
  names: readonly MeasureName[],
  inputs: Inputs,
  options: RunOptions = {},
): Promise<Map<MeasureName, Float64Array>> {
  const request = {
    ...nativeRequest(networks, inputs, options),
    ...(inputs.labels && { labels: inputs.labels }),
  };
  const mask = names.reduce((bits, name) => bits | (1 << MEASURES.indexOf(name)), 0);
  const scores = await runWithProgress(
    (native, onProgress) => native.measure(request, mask, onProgress),
    networks.length,
    options,
  );
  return new Map(
    names.map((name) => {
      const row = MEASURES.indexOf(name) * networks.length;
      return [name, scores.slice(row, row + networks.length)];
    }),
  );
}
