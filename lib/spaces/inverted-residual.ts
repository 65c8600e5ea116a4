import type { GraphBuilder } from '../graph/builder.ts';
import type { Activation } from '../graph/graph.ts';
import { convBatchNormActivation } from '../graph/units.ts';

/** An inverted residual block. */
export interface InvertedResidual {
  readonly channels: number;
  /** Channels inside are the input's times this; with 1 there is no convolution that expands. */
  readonly expansion: number;
  readonly kernel: number;
  readonly stride: number;
  readonly activation: Activation;
  /** Whether a squeeze-and-excite gate stands behind the depthwise convolution. */
  readonly gated?: boolean;
}

/**
 * An inverted residual block (Sandler et al., MobileNetV2, CVPR 2018; with a gate, Howard et al., MobileNetV3, ICCV 2019): a 1×1 convolution that
 * expands, a depthwise one, a 1×1 convolution that projects without activation; added to its input where shapes are equal. Units are the first two.
 */
export function addInvertedResidual(builder: GraphBuilder, input: number, block: InvertedResidual): number {
  const { channels, expansion, kernel, stride, activation, gated = false } = block;
  const [inputChannels] = builder.shape(input);
  const inside = inputChannels * expansion;
  const expanded = expansion === 1 ? input : convBatchNormActivation(builder, input, inside, { kernel: 1 }, activation);
  const depthwise = { kernel, stride, groups: inside };
  const filtered = convBatchNormActivation(builder, expanded, inside, depthwise, activation);
  const weighed = gated ? addGate(builder, filtered) : filtered;
  const projected = builder.batchNorm(builder.conv2d(weighed, channels, { kernel: 1 }));
  return stride === 1 && inputChannels === channels ? builder.add([input, projected]) : projected;
}

/**
 * A squeeze-and-excite gate as MobileNetV3 has it: every channel times a hard sigmoid of two 1×1 convolutions of the channels' means, with a ReLU
 * between them and a quarter of the channels, in whole eights.
 */
function addGate(builder: GraphBuilder, input: number): number {
  const [channels] = builder.shape(input);
  const squeezed = builder.conv2d(builder.globalAvgPool(input), wholeEights(channels / 4), { kernel: 1, bias: true });
  const excited = builder.conv2d(builder.relu(squeezed), channels, { kernel: 1, bias: true });
  return builder.multiply(input, builder.hardSigmoid(excited));
}

/** The nearest multiple of 8, at least 8, and never more than a tenth below. */
function wholeEights(channels: number): number {
  const nearest = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return nearest < 0.9 * channels ? nearest + 8 : nearest;
}
