import { EznasError } from '../errors.ts';
import {
  ACTIVATIONS,
  type Activation,
  type GraphNode,
  type NetworkGraph,
  NODE_KINDS,
  type Pair,
  type SampleShape,
} from './graph.ts';

/** Largest value of a size, attribute or index: graphs cross the native boundary as int32. */
const INT32_MAX = 2 ** 31 - 1;

/** A node under inspection: what error messages tell of it. */
interface Place {
  readonly node: GraphNode;
  readonly index: number;
  readonly shapes: readonly SampleShape[];
}

function formatShape(shape: SampleShape | undefined): string {
  return shape === undefined ? '[unknown]' : `[${shape.join(', ')}]`;
}

function fail({ node, index, shapes }: Place, reason: string): never {
  const inputs = node.inputs.map((input) => `node ${input} ${formatShape(shapes[input])}`).join(', ');
  const label = `node ${index} (${node.kind}${inputs === '' ? '' : ` of ${inputs}`})`;
  throw new EznasError('INVALID_GRAPH', `${label}: ${reason}`);
}

function sameShape(a: SampleShape, b: SampleShape): boolean {
  return a[0] === b[0] && a[1] === b[1] && a[2] === b[2];
}

function isInteger(value: unknown, least: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= INT32_MAX;
}

function checkPositive(place: Place, name: string, value: number): void {
  if (!isInteger(value, 1)) fail(place, `${name} must be an integer of at least 1, got ${value}`);
}

function checkPair(place: Place, name: string, pair: Pair, least: number): void {
  if (pair.length !== 2 || !isInteger(pair[0], least) || !isInteger(pair[1], least)) {
    fail(place, `${name} must be two integers of at least ${least}, got [${pair.join(', ')}]`);
  }
}

function checkInputs(place: Place): void {
  const { node, index } = place;
  if (!NODE_KINDS.includes(node.kind)) {
    throw new EznasError(
      'INVALID_GRAPH',
      `node ${index}: unknown kind ${String(node.kind)}; known: ${NODE_KINDS.join(', ')}`,
    );
  }
  const count = node.inputs.length;
  if (node.kind === 'add' || node.kind === 'concat') {
    if (count < 1) fail(place, 'no inputs given, at least 1 needed');
  } else {
    const needed = node.kind === 'input' ? 0 : node.kind === 'multiply' ? 2 : 1;
    if (count !== needed) fail(place, `${count} inputs given, ${needed} needed`);
  }
  for (const input of node.inputs) {
    if (!isInteger(input, 0) || input >= index) fail(place, `input ${input} is not an earlier node`);
  }
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

/** Shape of a convolution's or pool's output. */
function windowShape(
  place: Place,
  outChannels: number,
  [, height, width]: SampleShape,
  { kernel, stride, padding }: { readonly kernel: Pair; readonly stride: Pair; readonly padding: Pair },
  dilation: Pair,
  ceilMode: boolean,
): SampleShape {
  checkPair(place, 'kernel', kernel, 1);
  checkPair(place, 'stride', stride, 1);
  checkPair(place, 'padding', padding, 0);
  checkPair(place, 'dilation', dilation, 1);
  const outHeight = windowExtent(height, kernel[0], stride[0], padding[0], dilation[0], ceilMode);
  const outWidth = windowExtent(width, kernel[1], stride[1], padding[1], dilation[1], ceilMode);
  if (outHeight < 1 || outWidth < 1) {
    fail(place, `window ${kernel.join('×')} with dilation ${dilation.join('×')} does not fit the padded input`);
  }
  return [outChannels, outHeight, outWidth];
}

function concatShape(place: Place, [, height, width]: SampleShape): SampleShape {
  let channels = 0;
  for (const input of place.node.inputs) {
    const [c, h, w] = place.shapes[input]!;
    if (h !== height || w !== width) fail(place, 'all inputs must have one height and width');
    channels += c;
  }
  return [channels, height, width];
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
  const place: Place = { node, index, shapes };
  checkInputs(place);
  const read = node.kind === 'input' ? inputShape : shapes[node.inputs[0]!]!;
  const [channels, height, width] = read;
  switch (node.kind) {
    case 'input':
      if (inputShape.length !== 3 || !inputShape.every((extent) => isInteger(extent, 1))) {
        fail(place, `the input shape must be three integers of at least 1, got ${formatShape(inputShape)}`);
      }
      return inputShape;
    case 'conv2d': {
      const { outChannels, groups, dilation } = node;
      checkPositive(place, 'outChannels', outChannels);
      checkPositive(place, 'groups', groups);
      if (channels % groups !== 0 || outChannels % groups !== 0) {
        fail(place, `${groups} groups must divide ${channels} input and ${outChannels} output channels`);
      }
      return windowShape(place, outChannels, read, node, dilation, false);
    }
    case 'maxPool':
    case 'avgPool': {
      const { kernel, padding, ceilMode } = node;
      const shape = windowShape(place, channels, read, node, [1, 1], ceilMode);
      if (2 * padding[0] > kernel[0] || 2 * padding[1] > kernel[1]) {
        fail(place, `padding ${padding.join('×')} is more than half of the kernel ${kernel.join('×')}`);
      }
      return shape;
    }
    case 'batchNorm':
    case 'relu':
    case 'relu6':
    case 'hardSwish':
    case 'hardSigmoid':
    case 'sigmoid':
    case 'identity':
      return read;
    case 'multiply': {
      const factor = shapes[node.inputs[1]]!;
      if (!sameShape(factor, read) && !sameShape(factor, [channels, 1, 1])) {
        fail(place, `the second input must have the first one's shape, or [${channels}, 1, 1]`);
      }
      return read;
    }
    case 'add':
      for (const input of node.inputs) {
        if (!sameShape(shapes[input]!, read)) fail(place, 'all inputs must have one shape');
      }
      return read;
    case 'concat':
      return concatShape(place, read);
    case 'globalAvgPool':
      return [channels, 1, 1];
    case 'linear':
      checkPositive(place, 'features', node.features);
      return [node.features, 1, 1];
    case 'zero':
      checkPositive(place, 'stride', node.stride);
      return [channels, Math.ceil(height / node.stride), Math.ceil(width / node.stride)];
    case 'slice': {
      const { axis, begin, end } = node;
      if (axis !== 1 && axis !== 2 && axis !== 3) fail(place, `axis must be 1, 2 or 3, got ${axis}`);
      const extent = read[axis - 1]!;
      if (!isInteger(begin, 0) || !isInteger(end, 1) || begin >= end || end > extent) {
        fail(place, `range ${begin}…${end} must be non-empty and inside 0…${extent} of axis ${axis}`);
      }
      return read.with(axis - 1, end - begin) as unknown as SampleShape;
    }
  }
}

/**
 * Output shape of every node, after checking the whole graph: node inputs and attributes, one input node at index 0, the output node, and
 * that every unit names an activation, a convolution, and a later batch normalization or the convolution again. A linear layer reads its input
 * flattened channel-major.
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
    const normalized = batchNorm === conv || (kinds[2] === 'batchNorm' && batchNorm > conv);
    if (!ACTIVATIONS.includes(kinds[0] as Activation) || kinds[1] !== 'conv2d' || !normalized) {
      throw new EznasError(
        'INVALID_GRAPH',
        `unit ${index} names nodes ${relu} (${kinds[0]}), ${conv} (${kinds[1]}), ${batchNorm} (${kinds[2]}); a unit is an activation (${ACTIVATIONS.join(', ')}), a conv2d, and a later batchNorm or the conv2d again`,
      );
    }
  }
  return shapes;
}
