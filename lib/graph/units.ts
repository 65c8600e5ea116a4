import type { ConvOptions, GraphBuilder } from './builder.ts';
import type { Activation } from './graph.ts';

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
 *   workable). T1 is then T4. Where a shortcut is added between the two, as at the end of a residual block, T1 is the sum.
 * - An activation other than ReLU, such as ReLU6 or hard swish, stands in its place; where T1G needs its derivative, it is that activation's own.
 * - Without normalization, T4 is what the convolution gives.
 * - A convolution without an activation of its own is no unit: stems (also those with an activation after them, so that a stem is a unit in no
 *   network, but for a second convolution that has its activation before it), shortcuts, and linear bottlenecks.
 * - The two layers of a squeeze-and-excite gate are no units: they see one number per channel, and no image.
 *
 * Units stand in the order in which the network defines their convolutions.
 */

/** Which convolution of a separable one its unit records. */
export const SEPARABLE_UNITS = ['first', 'second'] as const;

export type SeparableUnit = (typeof SEPARABLE_UNITS)[number];

/** A convolution, an affine batch normalization and an activation, a ReLU by default, recorded as one unit; returns the activation. */
export function convBatchNormActivation(
  builder: GraphBuilder,
  input: number,
  outChannels: number,
  options: ConvOptions,
  activation: Activation = 'relu',
): number {
  const conv = builder.conv2d(input, outChannels, options);
  const batchNorm = builder.batchNorm(conv);
  const active = builder.activation(activation, batchNorm);
  builder.unit(active, conv, batchNorm);
  return active;
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
