/** Channels × height × width of one sample. A linear layer's output is [features, 1, 1]. */
export type SampleShape = readonly [channels: number, height: number, width: number];

/** Kernel, stride, padding and dilation as [vertical, horizontal] pairs. */
export type Pair = readonly [vertical: number, horizontal: number];

/** A node reads earlier nodes, named by their index in the graph. */
export type GraphNode =
  | { readonly kind: 'input'; readonly inputs: readonly [] }
  | {
      readonly kind: 'conv2d';
      readonly inputs: readonly [number];
      readonly outChannels: number;
      readonly kernel: Pair;
      readonly stride: Pair;
      readonly padding: Pair;
      readonly dilation: Pair;
      readonly groups: number;
      readonly bias: boolean;
    }
  /**
   * Batch normalization in training mode (batch statistics, biased variance, eps 1e-5). Scale and shift of an affine one are 1 and 0, as at
   * initialization; with `scaled` they are among the network's parameters.
   */
  | {
      readonly kind: 'batchNorm';
      readonly inputs: readonly [number];
      readonly affine: boolean;
      readonly scaled?: boolean;
    }
  | { readonly kind: 'relu'; readonly inputs: readonly [number] }
  | { readonly kind: 'add'; readonly inputs: readonly number[] }
  /** Along channels. */
  | { readonly kind: 'concat'; readonly inputs: readonly number[] }
  | {
      readonly kind: 'maxPool';
      readonly inputs: readonly [number];
      readonly kernel: Pair;
      readonly stride: Pair;
      readonly padding: Pair;
      readonly ceilMode: boolean;
    }
  | {
      readonly kind: 'avgPool';
      readonly inputs: readonly [number];
      readonly kernel: Pair;
      readonly stride: Pair;
      readonly padding: Pair;
      readonly ceilMode: boolean;
      /** Whether padded positions count in the divisor. */
      readonly countPadding: boolean;
    }
  | { readonly kind: 'globalAvgPool'; readonly inputs: readonly [number] }
  | { readonly kind: 'linear'; readonly inputs: readonly [number]; readonly features: number; readonly bias: boolean }
  /** Zeros of the input's channels at ceil(h / stride) × ceil(w / stride); passes no gradient. */
  | { readonly kind: 'zero'; readonly inputs: readonly [number]; readonly stride: number }
  | { readonly kind: 'identity'; readonly inputs: readonly [number] }
  /** Half-open range of one axis: 1 channels, 2 height, 3 width. */
  | {
      readonly kind: 'slice';
      readonly inputs: readonly [number];
      readonly axis: 1 | 2 | 3;
      readonly begin: number;
      readonly end: number;
    }
  /** min(max(x, 0), 6). */
  | { readonly kind: 'relu6'; readonly inputs: readonly [number] }
  /** x · min(max(x + 3, 0), 6) / 6 (Howard et al., MobileNetV3). */
  | { readonly kind: 'hardSwish'; readonly inputs: readonly [number] }
  /** min(max(x + 3, 0), 6) / 6. */
  | { readonly kind: 'hardSigmoid'; readonly inputs: readonly [number] }
  | { readonly kind: 'sigmoid'; readonly inputs: readonly [number] }
  /** Product of two nodes of one shape, or of a node and a number per image and channel, [channels, 1, 1]. */
  | { readonly kind: 'multiply'; readonly inputs: readonly [number, factor: number] };

export type NodeKind = GraphNode['kind'];

/** Node kinds in the order of the native enum (native/core/graph.h). */
export const NODE_KINDS = [
  'input',
  'conv2d',
  'batchNorm',
  'relu',
  'add',
  'concat',
  'maxPool',
  'avgPool',
  'globalAvgPool',
  'linear',
  'zero',
  'identity',
  'slice',
  'relu6',
  'hardSwish',
  'hardSigmoid',
  'sigmoid',
  'multiply',
] as const satisfies readonly NodeKind[];

/** Kinds that may be the activation of a unit. */
export const ACTIVATIONS = [
  'relu',
  'relu6',
  'hardSwish',
  'hardSigmoid',
  'sigmoid',
] as const satisfies readonly NodeKind[];

export type Activation = (typeof ACTIVATIONS)[number];

/** A convolution whose 22 tensors are recorded, with its activation and normalization; units.ts says what makes a unit. Node indices. */
export interface Unit {
  /** The activation, before the convolution or after the normalization. */
  readonly relu: number;
  readonly conv: number;
  /** The normalization, or the convolution itself where none follows. */
  readonly batchNorm: number;
}

/** A network ready to run: nodes in topological order, the output node, and its units in definition order. */
export interface NetworkGraph {
  readonly nodes: readonly GraphNode[];
  readonly units: readonly Unit[];
  readonly output: number;
  readonly inputShape: SampleShape;
  /**
   * Ends of the network's blocks, such as stem and cells, in order: nodes through which every path from the input to the output goes. Absent where
   * the builder marked none.
   */
  readonly blocks?: readonly number[];
}
