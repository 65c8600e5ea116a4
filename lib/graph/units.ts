import type { ConvOptions, GraphBuilder } from './builder.ts';

/*
 * What a unit is.
 *
 * A unit is a convolution with the activation and the batch normalization that belong to it. T1 is what the activation reads, T2 what the
 * convolution reads, T3 its weights, T4 what the normalization gives; T1G is the gradient at the activation's input through this activation alone.
 * The paper defines units for ReLU → convolution → batch normalization. Other networks are read so:
 *
 * - Separable convolutions, ReLU → depthwise → pointwise → batch normalization, are one unit with the first or the second convolution
 *   ({@link SeparableUnit}); the code with which EZNAS evolved takes the first, its later release the second. T1 and T4 are the same either way;
 *   T1 and T2 differ in shape where the second is taken and the first has a stride.
 * - Convolution → batch normalization → activation: the same three nodes, the activation being the one after (EZNAS, appendix, finds such units
 *   workable). T1 is then T4.
 * - An activation other than ReLU stands in its place; where T1G needs its derivative, it is that activation's own.
 * - Without normalization, T4 is what the convolution gives.
 * - A convolution without an activation of its own is no unit: stems (also those with an activation after them, so that a stem is a unit in no
 *   network), shortcuts, and linear bottlenecks.
 *
 * Units stand in the order in which the network defines their convolutions.
 */

/** Which convolution of a separable one its unit records. */
export type SeparableUnit = 'first' | 'second';

/** A convolution, an affine batch normalization and a ReLU, recorded as one unit; returns the ReLU. */
export function convBatchNormRelu(
  builder: GraphBuilder,
  input: number,
  outChannels: number,
  options: ConvOptions,
): number {
  const conv = builder.conv2d(input, outChannels, options);
  const batchNorm = builder.batchNorm(conv);
  const relu = builder.relu(batchNorm);
  builder.unit(relu, conv, batchNorm);
  return relu;
}

/** Options of a separable convolution: those of its depthwise part, which keeps the channels, and what to record. */
export interface SeparableOptions extends Omit<ConvOptions, 'groups'> {
  readonly unit: SeparableUnit;
  /** Whether the batch normalization has scale and shift, default true. */
  readonly affine?: boolean;
}

/** A ReLU, a depthwise and a 1×1 convolution and a batch normalization, recorded as one unit; returns the normalization. */
export function reluSeparableBatchNorm(
  builder: GraphBuilder,
  input: number,
  outChannels: number,
  { unit, affine, ...options }: SeparableOptions,
): number {
  const [channels] = builder.shape(input);
  const relu = builder.relu(input);
  const first = builder.conv2d(relu, channels, { ...options, groups: channels });
  const second = builder.conv2d(first, outChannels, { kernel: 1 });
  const batchNorm = builder.batchNorm(second, affine);
  builder.unit(relu, unit === 'first' ? first : second, batchNorm);
  return batchNorm;
}
