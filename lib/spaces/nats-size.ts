import { GraphBuilder } from '../graph/builder.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import { choiceSpace } from './choices.ts';
import { addResidualBlock } from './nasbench201-network.ts';
import { resolveOptions } from './options.ts';
import type { NetworkOptions, NumberedSpace } from './space.ts';

/** Channels of a layer. */
const CHANNELS = [8, 16, 24, 32, 40, 48, 56, 64] as const;

/** The channels of five layers: cell, residual block, cell, residual block, cell. */
export type NatsSizeArchitecture = readonly (typeof CHANNELS)[number][];

const DEFAULTS = { classes: 10, resolution: 32, inputChannels: 3 };

/**
 * The network of the size space (Dong et al., NATS-Bench, TPAMI 2021, section 3.1 and the released code): the best cell of the topology space, once
 * in each of three stages, with a residual block of stride 2 between them. All five have channels of their own, and the stem those of the first.
 */
function build(architecture: NatsSizeArchitecture, options?: NetworkOptions): NetworkGraph {
  const { classes, resolution, inputChannels } = resolveOptions(options, DEFAULTS);
  const builder = new GraphBuilder([inputChannels, resolution, resolution]);
  let node = builder.batchNorm(builder.conv2d(builder.input, architecture[0]!, { kernel: 3 }));
  for (const [layer, channels] of architecture.entries()) {
    node = layer % 2 === 0 ? addBestCell(builder, node, channels) : addResidualBlock(builder, node, channels);
  }
  const pooled = builder.globalAvgPool(builder.relu(builder.batchNorm(node)));
  return builder.finish(builder.linear(pooled, classes));
}

/**
 * The cell |nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|. Where channels change, the skip connection
 * is a 1×1 convolution with batch normalization, and no unit: nothing activates it.
 */
function addBestCell(builder: GraphBuilder, input: number, channels: number): number {
  const convolve = (node: number): number => builder.reluConvBatchNorm(node, channels, { kernel: 3 });
  const first = convolve(input);
  const second = builder.add([convolve(input), convolve(first)]);
  const [inputChannels] = builder.shape(input);
  const skip = inputChannels === channels ? input : builder.batchNorm(builder.conv2d(input, channels, { kernel: 1 }));
  return builder.add([skip, convolve(first), convolve(second)]);
}

/** The size search space of NATS-Bench: channels of five layers, 32,768 architectures, written `64:64:64:64:64`. */
export const natsSize: NumberedSpace<NatsSizeArchitecture> = choiceSpace({
  name: 'nats-size',
  choices: Array.from({ length: 5 }, () => CHANNELS),
  build,
});
