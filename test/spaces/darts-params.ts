import type { CellEdge } from '../../lib/spaces/cells/genotype.ts';
import type { DartsArchitecture } from '../../lib/spaces/darts.ts';

/** Channels of a node, summed over the cells of the NAS-Bench-301 network: two normal ones each with 32, 64 and 128, reductions with 64 and 128. */
const CHANNELS = { normal: 2 * (32 + 64 + 128), reduce: 64 + 128 };

/** Batch normalizations inside an operation. */
const NORMALIZATIONS: Readonly<Record<string, number>> = {
  sep_conv_3x3: 2,
  sep_conv_5x5: 2,
  dil_conv_3x3: 1,
  dil_conv_5x5: 1,
};

/**
 * Scales and shifts of the batch normalizations inside a network's operations, counted by hand: the published numbers of parameters lack them, since
 * they were taken from networks where those are fixed.
 */
export function operationScales({ normal, reduce }: DartsArchitecture): number {
  const count = (edges: readonly CellEdge[], reduces: boolean) =>
    edges.reduce((sum, { operation, input }) => {
      const shortcut = operation === 'skip_connect' && reduces && input < 2 ? 1 : 0;
      return sum + (NORMALIZATIONS[operation] ?? 0) + shortcut;
    }, 0);
  return 2 * (count(normal, false) * CHANNELS.normal + count(reduce, true) * CHANNELS.reduce);
}
