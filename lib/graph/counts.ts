import type { NetworkGraph, SampleShape } from './graph.ts';
import { inferShapes } from './shapes.ts';

/** One trainable tensor of a graph: the node that owns it, its role and its shape. */
export interface ParameterTensor {
  readonly node: number;
  readonly role: 'weight' | 'bias';
  readonly shape: readonly number[];
}

/**
 * The trainable tensors of a graph in node order, weight before bias: convolution weights [out, in / groups, kernel height, kernel width],
 * linear weights [features, inputs], batch normalization's scale (weight) and shift (bias) where it is affine.
 *
 * @throws EznasError INVALID_GRAPH
 */
export function parameterTensors(graph: NetworkGraph): ParameterTensor[] {
  return tensorsOf(graph, inferShapes(graph));
}

function tensorsOf(graph: NetworkGraph, shapes: readonly SampleShape[]): ParameterTensor[] {
  const tensors: ParameterTensor[] = [];
  for (const [index, node] of graph.nodes.entries()) {
    if (node.kind !== 'conv2d' && node.kind !== 'linear' && node.kind !== 'batchNorm') continue;
    const [channels, height, width] = shapes[node.inputs[0]]!;
    const outputs = shapes[index]![0];
    if (node.kind === 'conv2d') {
      tensors.push({ node: index, role: 'weight', shape: [outputs, channels / node.groups, ...node.kernel] });
    } else if (node.kind === 'linear') {
      tensors.push({ node: index, role: 'weight', shape: [outputs, channels * height * width] });
    } else if (node.affine) {
      tensors.push({ node: index, role: 'weight', shape: [outputs] });
    }
    if (node.kind === 'batchNorm' ? node.affine : node.bias) {
      tensors.push({ node: index, role: 'bias', shape: [outputs] });
    }
  }
  return tensors;
}

const product = (shape: readonly number[]): number => shape.reduce((size, extent) => size * extent, 1);

/**
 * Number of trainable parameters: convolutions, linear layers and the scale and shift of batch normalization.
 *
 * @throws EznasError INVALID_GRAPH
 */
export function params(graph: NetworkGraph): number {
  return parameterTensors(graph).reduce((total, { shape }) => total + product(shape), 0);
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
  for (const { node, shape } of tensorsOf(graph, shapes)) {
    if (graph.nodes[node]!.kind === 'batchNorm') continue;
    const [, height, width] = shapes[node]!;
    total += product(shape) * height * width;
  }
  return total;
}
