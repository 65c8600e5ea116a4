import type { ConvOptions, GraphBuilder } from './builder.ts';

/*
 * What a unit is.
 *
 * A unit is a convolution with the activation and the batch normalization that belong to it. T1 is what the activation reads, T2 what the
 * convolution reads, T3 its weights, T4 what the normalization gives; T1G is the gradient at the activation's input through this activation
 * alone, whatever reads its output.
 * The paper defines units for ReLU → convolution → batch normalization. Other networks are read so:
 *
 * - Separable convolutions, ReLU → depthwise → pointwise → batch normalization, are one unit with the first or the second convolution
 *   ({@link SeparableUnit}); the code with which EZNAS evolved takes the first, its later release the second. T1 and T4 are the same either way;
 *   T1 and T2 differ in shape where the second is taken and the first has a stride. The same goes for a 1×k and a k×1 convolution in a row, and for
 *   the two convolutions of a factorized reduction.
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
export const SEPARABLE_UNITS = ['first', 'second'] as const;

export type SeparableUnit = (typeof SEPARABLE_UNITS)[number];

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

/**
 * A ReLU, two convolutions in a row and an affine batch normalization, recorded as one unit; returns the normalization.
 *
 * @param unit which of the convolutions the unit holds
 */
export function reluConvolutionsBatchNorm(
  builder: GraphBuilder,
  input: number,
  convolutions: readonly [first: SizedConvolution, second: SizedConvolution],
  unit: SeparableUnit,
): number {
  const relu = builder.relu(input);
  const first = builder.conv2d(relu, convolutions[0].outChannels, convolutions[0]);
  const second = builder.conv2d(first, convolutions[1].outChannels, convolutions[1]);
  const batchNorm = builder.batchNorm(second);
  builder.unit(relu, unit === 'first' ? first : second, batchNorm);
  return batchNorm;
}

/** A convolution with its number of output channels. */
export interface SizedConvolution extends ConvOptions {
  readonly outChannels: number;
}
