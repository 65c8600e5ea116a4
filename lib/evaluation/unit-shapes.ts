import { EznasError } from '../errors.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import { inferShapes } from '../graph/shapes.ts';
import type { UnitShapes } from '../programs/typing.ts';

/**
 * Shapes of the tensors of a network's units at a batch size, in definition order.
 *
 * @throws EznasError INVALID_GRAPH
 */
export function unitShapes(graph: NetworkGraph, batch: number): UnitShapes[] {
  const shapes = inferShapes(graph);
  return graph.units.map((unit) => {
    const conv = graph.nodes[unit.conv];
    if (conv?.kind !== 'conv2d') throw new EznasError('INVALID_GRAPH', `node ${unit.conv} of a unit is no convolution`);
    const before = shapes[conv.inputs[0]]!;
    const relu = shapes[unit.relu]!;
    return {
      ...(String(relu) !== String(before) && { activation: [batch, ...relu] }),
      before: [batch, ...before],
      weight: [conv.outChannels, before[0] / conv.groups, ...conv.kernel],
      after: [batch, ...shapes[unit.batchNorm]!],
    };
  });
}
