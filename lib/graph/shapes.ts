import { EznasError } from '../errors.ts';
import { type GraphNode, type NetworkGraph, NODE_KINDS, type Pair, type SampleShape } from './graph.ts';

/** Largest value of a size, attribute or index: graphs cross the native boundary as int32. */
const INT32_MAX = 2 ** 31 - 1;

/** Names one node in an error message. */
function describe(index: number, node: GraphNode, shapes: readonly SampleShape[]): string {
  const inputs = node.inputs.map((input) => `node ${input} ${formatShape(shapes[input])}`).join(', ');
  return `node ${index} (${node.kind}${inputs === '' ? '' : ` of ${inputs}`})`;
}

function formatShape(shape: SampleShape | undefined): string {
  return shape === undefined ? '[unknown]' : `[${shape.join(', ')}]`;
}

function isInteger(value: unknown, least: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= INT32_MAX;
}

/** How many inputs a node of this kind may have. */
function arity(kind: GraphNode['kind']): readonly [least: number, most: number] {
  if (kind === 'input') return [0, 0];
  if (kind === 'add' || kind === 'concat') return [1, Number.POSITIVE_INFINITY];
  return [1, 1];
}

/**
 * Extent of a convolution's or pool's output along one axis, by PyTorch's rule. With `ceilMode` the extent is rounded up, but the last
 * window must start inside the input or its leading padding. Below 1 means that no window fits.
 */
export function windowExtent(
  extent: number,
  kernel: number,
  stride: number,
  padding: number,
  dilation = 1,
  ceilMode = false,
): number {
  const span = extent + 2 * padding - dilation * (kernel - 1) - 1;
  const steps = ceilMode ? Math.ceil(span / stride) : Math.floor(span / stride);
  const startsOutside = ceilMode && steps * stride >= extent + padding;
  return steps + (startsOutside ? 0 : 1);
}

/**
 * Shape of one node's output from the shapes of the nodes before it.
 *
 * @param shapes output shapes of nodes 0 … index − 1
 * @throws EznasError INVALID_GRAPH naming the node, its kind and its input shapes when an input does not exist, an attribute is out of
 *   range or the shapes do not fit
 */
export function inferNodeShape(
  node: GraphNode,
  index: number,
  shapes: readonly SampleShape[],
  inputShape: SampleShape,
): SampleShape {
  const fail = (reason: string): never => {
    throw new EznasError('INVALID_GRAPH', `${describe(index, node, shapes)}: ${reason}`);
  };
  if (!NODE_KINDS.includes(node.kind)) {
    throw new EznasError(
      'INVALID_GRAPH',
      `node ${index}: unknown kind ${String(node.kind)}; known: ${NODE_KINDS.join(', ')}`,
    );
  }
  const [least, most] = arity(node.kind);
  if (node.inputs.length < least || node.inputs.length > most) {
    fail(`${node.inputs.length} inputs given, ${least === most ? least : `at least ${least}`} needed`);
  }
  for (const input of node.inputs) {
    if (!isInteger(input, 0) || input >= index) fail(`input ${input} is not an earlier node`);
  }
  const positive = (name: string, value: number): void => {
    if (!isInteger(value, 1)) fail(`${name} must be an integer of at least 1, got ${value}`);
  };
  const pairOf = (name: string, pair: Pair, smallest: number): void => {
    if (pair.length !== 2 || !pair.every((value) => isInteger(value, smallest))) {
      fail(`${name} must be two integers of at least ${smallest}, got [${pair.join(', ')}]`);
    }
  };
  const [channels, height, width] = node.kind === 'input' ? inputShape : shapes[node.inputs[0]!]!;
  const windowShape = (
    outChannels: number,
    { kernel, stride, padding }: { kernel: Pair; stride: Pair; padding: Pair },
    dilation: Pair,
    ceilMode: boolean,
  ): SampleShape => {
    pairOf('kernel', kernel, 1);
    pairOf('stride', stride, 1);
    pairOf('padding', padding, 0);
    pairOf('dilation', dilation, 1);
    const outHeight = windowExtent(height, kernel[0], stride[0], padding[0], dilation[0], ceilMode);
    const outWidth = windowExtent(width, kernel[1], stride[1], padding[1], dilation[1], ceilMode);
    if (outHeight < 1 || outWidth < 1) {
      fail(`window ${kernel.join('×')} with dilation ${dilation.join('×')} does not fit the padded input`);
    }
    return [outChannels, outHeight, outWidth];
  };

  switch (node.kind) {
    case 'input':
      if (inputShape.length !== 3 || !inputShape.every((extent) => isInteger(extent, 1))) {
        fail(`the input shape must be three integers of at least 1, got ${formatShape(inputShape)}`);
      }
      return inputShape;
    case 'conv2d': {
      positive('outChannels', node.outChannels);
      positive('groups', node.groups);
      if (channels % node.groups !== 0 || node.outChannels % node.groups !== 0) {
        fail(`${node.groups} groups must divide ${channels} input and ${node.outChannels} output channels`);
      }
      return windowShape(node.outChannels, node, node.dilation, false);
    }
    case 'maxPool':
    case 'avgPool': {
      const shape = windowShape(channels, node, [1, 1], node.ceilMode);
      if (node.padding.some((padding, axis) => padding > node.kernel[axis]! / 2)) {
        fail(`padding ${node.padding.join('×')} is more than half of the kernel ${node.kernel.join('×')}`);
      }
      return shape;
    }
    case 'batchNorm':
    case 'relu':
    case 'identity':
      return [channels, height, width];
    case 'add':
      for (const input of node.inputs) {
        if (shapes[input]!.some((extent, axis) => extent !== [channels, height, width][axis])) {
          fail('all inputs must have one shape');
        }
      }
      return [channels, height, width];
    case 'concat': {
      let total = 0;
      for (const input of node.inputs) {
        const [c, h, w] = shapes[input]!;
        if (h !== height || w !== width) fail('all inputs must have one height and width');
        total += c;
      }
      return [total, height, width];
    }
    case 'globalAvgPool':
      return [channels, 1, 1];
    case 'linear':
      positive('features', node.features);
      return [node.features, 1, 1];
    case 'zero':
      positive('stride', node.stride);
      return [channels, Math.ceil(height / node.stride), Math.ceil(width / node.stride)];
    case 'slice': {
      if (node.axis !== 1 && node.axis !== 2 && node.axis !== 3) fail(`axis must be 1, 2 or 3, got ${node.axis}`);
      const extent = [channels, height, width][node.axis - 1]!;
      if (!isInteger(node.begin, 0) || !isInteger(node.end, 1) || node.begin >= node.end || node.end > extent) {
        fail(`range ${node.begin}…${node.end} must be non-empty and inside 0…${extent} of axis ${node.axis}`);
      }
      const shape: [number, number, number] = [channels, height, width];
      shape[node.axis - 1] = node.end - node.begin;
      return shape;
    }
  }
}

/**
 * Output shape of every node, after checking the whole graph: node inputs and attributes, one input node at index 0, the output node, and
 * that every unit names a ReLU, a convolution and a batch normalization in that order. A linear layer reads its input flattened
 * channel-major.
 *
 * @throws EznasError INVALID_GRAPH
 */
export function inferShapes(graph: NetworkGraph): SampleShape[] {
  const { nodes, units, output, inputShape } = graph;
  const shapes: SampleShape[] = [];
  for (const [index, node] of nodes.entries()) {
    if ((node.kind === 'input') !== (index === 0)) {
      throw new EznasError('INVALID_GRAPH', `node ${index} (${node.kind}): node 0, and no other, must be the input`);
    }
    shapes.push(inferNodeShape(node, index, shapes, inputShape));
  }
  if (!isInteger(output, 0) || output >= nodes.length) {
    throw new EznasError('INVALID_GRAPH', `output node ${output} does not exist: the graph has ${nodes.length} nodes`);
  }
  for (const [index, { relu, conv, batchNorm }] of units.entries()) {
    const kinds = [relu, conv, batchNorm].map((node) => nodes[node]?.kind ?? 'missing');
    const fits = kinds[0] === 'relu' && kinds[1] === 'conv2d' && kinds[2] === 'batchNorm';
    if (!fits || relu >= conv || conv >= batchNorm) {
      throw new EznasError(
        'INVALID_GRAPH',
        `unit ${index} names nodes ${relu} (${kinds[0]}), ${conv} (${kinds[1]}), ${batchNorm} (${kinds[2]}); a unit is a relu, a later conv2d and a later batchNorm`,
      );
    }
  }
  return shapes;
}
