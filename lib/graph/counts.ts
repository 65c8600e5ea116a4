import type { NetworkGraph, SampleShape } from './graph.ts';
import { inferShapes } from './shapes.ts';

/** One tensor of weights: the node that owns it, its role and its shape. */
export interface ParameterTensor {
  readonly node: number;
  readonly role: 'weight' | 'bias' | 'scale' | 'shift';
  readonly shape: readonly number[];
}

/**
 * The tensors that a network may be given, in the order of the native side (node order, weight before bias): convolution weights
 * [out, in / groups, kernel height, kernel width] and linear weights [features, inputs], with their biases, and scale and shift of those batch
 * normalizations that are `scaled`. Others' scale and shift, always 1 and 0, are not among them.
 *
 * @throws EznasError INVALID_GRAPH
 */
export function parameterTensors(graph: NetworkGraph): ParameterTensor[] {
  return tensorsOf(graph, inferShapes(graph));
}

function tensorsOf(graph: NetworkGraph, shapes: readonly SampleShape[]): ParameterTensor[] {
  const tensors: ParameterTensor[] = [];
  for (const [index, node] of graph.nodes.entries()) {
    if (node.kind === 'batchNorm' && node.scaled) {
      const shape = [shapes[index]![0]];
      tensors.push({ node: index, role: 'scale', shape }, { node: index, role: 'shift', shape });
    }
    if (node.kind !== 'conv2d' && node.kind !== 'linear') continue;
    const [channels, height, width] = shapes[node.inputs[0]]!;
    const outputs = shapes[index]![0];
    const shape =
      node.kind === 'conv2d' ? [outputs, channels / node.groups, ...node.kernel] : [outputs, channels * height * width];
    tensors.push({ node: index, role: 'weight', shape });
    if (node.bias) tensors.push({ node: index, role: 'bias', shape: [outputs] });
  }
  return tensors;
}

const product = (shape: readonly number[]): number => shape.reduce((size, extent) => size * extent, 1);

/**
 * Number of trainable parameters: convolutions, linear layers, and the scale and shift of affine batch normalization.
 *
 * @throws EznasError INVALID_GRAPH
 */
export function params(graph: NetworkGraph): number {
  const shapes = inferShapes(graph);
  let total = 0;
  for (const { shape } of tensorsOf(graph, shapes)) total += product(shape);
  for (const [index, node] of graph.nodes.entries()) {
    if (node.kind === 'batchNorm' && node.affine && !node.scaled) total += 2 * shapes[index]![0];
  }
  return total;
}

/**
 * Multiply-adds of one forward pass on one sample, by the convention of NAS-Bench-201's published FLOPs (which are in millions): one per
 * weight and output position of convolutions and linear layers, and one per bias addition of those. Normalization, activations, pooling
 * and additions count nothing.
 *
 * @throws EznasError INVALID_GRAPH
 */
export function flops(graph: NetworkGraph): number {
  const shapes = inferShapes(graph);
  let total = 0;
  for (const { node, role, shape } of tensorsOf(graph, shapes)) {
    if (role === 'scale' || role === 'shift') continue;
    const [, height, width] = shapes[node]!;
    total += product(shape) * height * width;
  }
  return total;
}
