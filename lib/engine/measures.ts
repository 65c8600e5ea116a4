import { MEASURES, type MeasureName } from '../proxies/measures.ts';
import type { Inputs, Network, RunOptions } from './networks.ts';
import { nativeRequest, runWithProgress } from './run.ts';

/** What a measure found, and how long it took. */
export interface Measured {
  /** One score for each network; NaN or an infinity where it is not defined. */
  readonly scores: Float64Array;
  /** Its share, 0 to 1, of the time that all measures took together. What shares a pass is given all of that pass. */
  readonly share: number;
}

/**
 * Scores networks with native proxies; what reads the same tensors shares a pass, and nothing is kept.
 *
 * @throws EznasError INVALID_GRAPH, INVALID_ARGUMENT (also where labels are missing or beyond the network's classes), TOO_LARGE,
 *   OUT_OF_MEMORY, ABORTED
 */
export async function measureNetworks(
  networks: readonly Network[],
  names: readonly MeasureName[],
  inputs: Inputs,
  options: RunOptions = {},
): Promise<Map<MeasureName, Measured>> {
  const request = {
    ...nativeRequest(networks, inputs, options),
    ...(inputs.labels && { labels: inputs.labels }),
    blocks: networks.map(({ graph }) => Int32Array.from(graph.blocks ?? [])),
  };
  const mask = names.reduce((bits, name) => bits | (1 << MEASURES.indexOf(name)), 0);
  const { scores, seconds, totalSeconds } = await runWithProgress(
    (native, onProgress) => native.measure(request, mask, onProgress),
    networks.length,
    options,
  );
  return new Map(
    names.map((name) => {
      const place = MEASURES.indexOf(name);
      const row = scores.slice(place * networks.length, (place + 1) * networks.length);
      return [name, { scores: row, share: totalSeconds > 0 ? seconds[place]! / totalSeconds : 0 }];
    }),
  );
}
