import { EznasError } from '../errors.ts';
import type { Activation, GraphNode, NetworkGraph, Pair, SampleShape, Unit } from './graph.ts';
import { inferNodeShape } from './shapes.ts';

/** A window extent: one number for both axes, or [vertical, horizontal]. */
export type Extent = number | Pair;

/** Options of a convolution. Defaults: stride 1, padding that keeps the extent at stride 1 (odd kernels), dilation 1, groups 1, no bias. */
export interface ConvOptions {
  readonly kernel: Extent;
  readonly stride?: Extent;
  readonly padding?: Extent;
  readonly dilation?: Extent;
  readonly groups?: number;
  readonly bias?: boolean;
}

/** Options of a pool. Defaults: stride 1, no padding, extents rounded down. */
export interface PoolOptions {
  readonly kernel: Extent;
  readonly stride?: Extent;
  readonly padding?: Extent;
  readonly ceilMode?: boolean;
}

/** More nodes than any real network has; absurd options stop here, before memory does. */
const MAX_NODES = 100_000;

const pair = (extent: Extent): Pair => (typeof extent === 'number' ? [extent, extent] : extent);

/**
 * Builds a {@link NetworkGraph} node by node. Every method checks its node, adds it and returns its index; `input` is node 0.
 *
 * Methods throw EznasError INVALID_GRAPH when a node does not fit its inputs, TOO_LARGE beyond 100,000 nodes.
 */
export class GraphBuilder {
  /** Index of the input node. */
  readonly input = 0;
  readonly #inputShape: SampleShape;
  readonly #nodes: GraphNode[] = [];
  readonly #shapes: SampleShape[] = [];
  readonly #units: Unit[] = [];
  readonly #blocks: number[] = [];

  constructor(inputShape: SampleShape) {
    this.#inputShape = inputShape;
    this.#push({ kind: 'input', inputs: [] });
  }

  /** Output shape of a node built before. */
  shape(node: number): SampleShape {
    const shape = this.#shapes[node];
    if (shape === undefined) {
      throw new EznasError('INVALID_GRAPH', `node ${node} does not exist: the graph has ${this.#nodes.length} nodes`);
    }
    return shape;
  }

  /** A node built before. */
  node(node: number): GraphNode {
    return this.#nodes[this.#existing(node)]!;
  }

  conv2d(input: number, outChannels: number, options: ConvOptions): number {
    const kernel = pair(options.kernel);
    const dilation = pair(options.dilation ?? 1);
    const same: Pair = [(dilation[0] * (kernel[0] - 1)) >> 1, (dilation[1] * (kernel[1] - 1)) >> 1];
    return this.#push({
      kind: 'conv2d',
      inputs: [input],
      outChannels,
      kernel,
      stride: pair(options.stride ?? 1),
      padding: options.padding === undefined ? same : pair(options.padding),
      dilation,
      groups: options.groups ?? 1,
      bias: options.bias ?? false,
    });
  }

  batchNorm(input: number, affine = true): number {
    return this.#push({ kind: 'batchNorm', inputs: [input], affine });
  }

  /** A batch normalization whose scale and shift are among the network's parameters. */
  scaledBatchNorm(input: number): number {
    return this.#push({ kind: 'batchNorm', inputs: [input], affine: true, scaled: true });
  }

  relu(input: number): number {
    return this.#push({ kind: 'relu', inputs: [input] });
  }

  relu6(input: number): number {
    return this.activation('relu6', input);
  }

  hardSwish(input: number): number {
    return this.activation('hardSwish', input);
  }

  hardSigmoid(input: number): number {
    return this.activation('hardSigmoid', input);
  }

  sigmoid(input: number): number {
    return this.activation('sigmoid', input);
  }

  /** The activation of that kind. */
  activation(kind: Activation, input: number): number {
    return this.#push({ kind, inputs: [input] });
  }

  /** The product of two nodes of one shape, or of a node and one number per image and channel, [channels, 1, 1]. */
  multiply(input: number, factor: number): number {
    return this.#push({ kind: 'multiply', inputs: [input, factor] });
  }

  /** Sum of the inputs. One input needs no node: its own index is returned. */
  add(inputs: readonly number[]): number {
    const [only] = inputs;
    return inputs.length === 1 ? this.#existing(only!) : this.#push({ kind: 'add', inputs: [...inputs] });
  }

  /** Inputs side by side along channels. One input needs no node: its own index is returned. */
  concat(inputs: readonly number[]): number {
    const [only] = inputs;
    return inputs.length === 1 ? this.#existing(only!) : this.#push({ kind: 'concat', inputs: [...inputs] });
  }

  maxPool(input: number, options: PoolOptions): number {
    return this.#push({ kind: 'maxPool', inputs: [input], ...poolWindow(options) });
  }

  /** `countPadding` (default true): whether padded positions count in the divisor. */
  avgPool(input: number, options: PoolOptions & { readonly countPadding?: boolean }): number {
    const countPadding = options.countPadding ?? true;
    return this.#push({ kind: 'avgPool', inputs: [input], ...poolWindow(options), countPadding });
  }

  globalAvgPool(input: number): number {
    return this.#push({ kind: 'globalAvgPool', inputs: [input] });
  }

  linear(input: number, features: number, bias = true): number {
    return this.#push({ kind: 'linear', inputs: [input], features, bias });
  }

  /** Zeros of the input's channels, at its extents divided by `stride` and rounded up. */
  zero(input: number, stride = 1): number {
    return this.#push({ kind: 'zero', inputs: [input], stride });
  }

  identity(input: number): number {
    return this.#push({ kind: 'identity', inputs: [input] });
  }

  /** Half-open range `begin` … `end` of axis 1 (channels), 2 (height) or 3 (width). */
  slice(input: number, axis: 1 | 2 | 3, begin: number, end: number): number {
    return this.#push({ kind: 'slice', inputs: [input], axis, begin, end });
  }

  /** Records nodes built before as the next unit, see units.ts; {@link reluConvBatchNorm} does so for the common case. Returns the unit's index. */
  unit(relu: number, conv: number, batchNorm: number): number {
    return this.#units.push({ relu, conv, batchNorm }) - 1;
  }

  /** A ReLU, a convolution and an affine batch normalization, recorded as one unit. */
  reluConvBatchNorm(input: number, outChannels: number, options: ConvOptions): number {
    const relu = this.relu(input);
    const conv = this.conv2d(relu, outChannels, options);
    const batchNorm = this.batchNorm(conv);
    this.unit(relu, conv, batchNorm);
    return batchNorm;
  }

  /** Marks a node as the end of a block: every path from the input to the output must go through it. Returns the node. */
  block(node: number): number {
    this.#blocks.push(this.#existing(node));
    return node;
  }

  /** The finished graph. Nodes stand in the order they were built, units in the order they were recorded. */
  finish(output: number): NetworkGraph {
    return {
      nodes: [...this.#nodes],
      units: [...this.#units],
      output: this.#existing(output),
      inputShape: this.#inputShape,
      ...(this.#blocks.length > 0 && { blocks: [...this.#blocks] }),
    };
  }

  #existing(node: number): number {
    this.shape(node);
    return node;
  }

  #push(node: GraphNode): number {
    const index = this.#nodes.length;
    if (index >= MAX_NODES) {
      throw new EznasError('TOO_LARGE', `the network has more than ${MAX_NODES} nodes; build fewer cells`);
    }
    this.#shapes.push(inferNodeShape(node, index, this.#shapes, this.#inputShape));
    this.#nodes.push(node);
    return index;
  }
}

function poolWindow({ kernel, stride = 1, padding = 0, ceilMode = false }: PoolOptions): {
  kernel: Pair;
  stride: Pair;
  padding: Pair;
  ceilMode: boolean;
} {
  return { kernel: pair(kernel), stride: pair(stride), padding: pair(padding), ceilMode };
}
