import { flops, params } from '../graph/counts.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import { inferShapes } from '../graph/shapes.ts';

/** A number that a network has without being run. */
export interface NetworkNumber {
  readonly name: string;
  readonly documentation: string;
  /** @throws EznasError INVALID_GRAPH */
  readonly of: (graph: NetworkGraph) => number;
}

const TABLE = [
  { name: 'params', documentation: 'Trainable parameters.', of: params },
  { name: 'flops', documentation: 'Multiply-adds of one forward pass on one image.', of: flops },
  { name: 'units', documentation: 'Units.', of: (graph) => graph.units.length },
  {
    name: 'depth',
    documentation: 'Convolutions and linear layers on the longest way from input to output.',
    of: depth,
  },
  { name: 'stages', documentation: 'Distinct resolutions of the inputs of its units.', of: stages },
] as const satisfies readonly NetworkNumber[];

export type NetworkNumberName = (typeof TABLE)[number]['name'];

/** Every network-level number. */
export const NETWORK_NUMBERS: readonly (NetworkNumber & { readonly name: NetworkNumberName })[] = TABLE;

const byName: ReadonlyMap<string, (typeof NETWORK_NUMBERS)[number]> = new Map(
  NETWORK_NUMBERS.map((row) => [row.name, row]),
);

/** The number of that name, if there is one. */
export function findNetworkNumber(name: string) {
  return byName.get(name);
}

function depth(graph: NetworkGraph): number {
  const depths: number[] = [];
  for (const { kind, inputs } of graph.nodes) {
    const before = inputs.reduce((most, input) => Math.max(most, depths[input]!), 0);
    depths.push(before + (kind === 'conv2d' || kind === 'linear' ? 1 : 0));
  }
  return depths.at(-1) ?? 0;
}

function stages(graph: NetworkGraph): number {
  const shapes = inferShapes(graph);
  return new Set(graph.units.map(({ conv }) => shapes[graph.nodes[conv]!.inputs[0]!]!.slice(1).join())).size;
}
