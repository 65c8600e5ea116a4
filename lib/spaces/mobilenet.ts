import { GraphBuilder } from '../graph/builder.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import { convBatchNormActivation } from '../graph/units.ts';
import { choiceSpace } from './choices.ts';
import { addInvertedResidual } from './inverted-residual.ts';
import { resolveOptions } from './options.ts';
import { type NetworkOptions, type NumberedSpace, type Stem, stemFor } from './space.ts';

/** What is chosen once, and in each stage: blocks, kernel, expansion, and whether blocks are gated (`s`, squeeze and excite) or plain (`p`). */
const ACTIVATIONS = ['relu6', 'hardSwish'] as const;
const DEPTHS = [1, 2, 3, 4] as const;
const KERNELS = [3, 5, 7] as const;
const EXPANSIONS = [3, 4, 6] as const;
const GATES = ['p', 's'] as const;

/** Channels, and strides of the first block with the stem for large images, of MobileNetV2's stages after its first block. */
const STAGES = [
  { channels: 24, stride: 2 },
  { channels: 32, stride: 2 },
  { channels: 64, stride: 2 },
  { channels: 96, stride: 1 },
  { channels: 160, stride: 2 },
  { channels: 320, stride: 1 },
] as const;

const FEATURES = 1280;

/** The activation, then depth, kernel, expansion and gate of six stages. */
export type MobilenetArchitecture = readonly (string | number)[];

const DEFAULTS = { classes: 10, resolution: 32, inputChannels: 3, initialChannels: 32, stem: 'cifar' as Stem };

/**
 * MobileNetV2's network (Sandler et al., CVPR 2018, table 2) with stages of one's choice: a 3×3 convolution, a block without expansion to half its channels,
 * six stages of inverted residual blocks, a 1×1 convolution, global average pooling, a linear classifier. For small images the stem and the first
 * stage keep the extents, as is usual on CIFAR.
 */
function build(architecture: MobilenetArchitecture, options?: NetworkOptions): NetworkGraph {
  const resolved = resolveOptions(options, DEFAULTS);
  const { classes, resolution, inputChannels, initialChannels } = resolved;
  const small = stemFor(options, resolution) === 'cifar';
  const activation = architecture[0] as (typeof ACTIVATIONS)[number];
  const builder = new GraphBuilder([inputChannels, resolution, resolution]);
  const stem = builder.conv2d(builder.input, initialChannels, { kernel: 3, stride: small ? 1 : 2 });
  let node = builder.activation(activation, builder.batchNorm(stem));
  const first = { channels: initialChannels >> 1, expansion: 1, kernel: 3, stride: 1, activation };
  node = builder.block(addInvertedResidual(builder, node, first));
  for (const [stage, { channels, stride }] of STAGES.entries()) {
    const [depth, kernel, expansion, gate] = architecture.slice(1 + 4 * stage) as [number, number, number, string];
    for (let place = 0; place < depth; place++) {
      const halves = place === 0 && stride === 2 && !(small && stage === 0);
      const shape = { channels: (channels * initialChannels) / 32, stride: halves ? 2 : 1 };
      const block = { ...shape, expansion, kernel, activation, gated: gate === 's' };
      node = builder.block(addInvertedResidual(builder, node, block));
    }
  }
  const features = convBatchNormActivation(builder, node, FEATURES, { kernel: 1 }, activation);
  return builder.finish(builder.linear(builder.globalAvgPool(features), classes));
}

/**
 * Networks like MobileNetV2 and V3: about 3 · 10¹¹ architectures, written such as `relu6-d2k3e6p-d3k3e6p-d4k3e6p-d3k3e6p-d3k3e6p-d1k3e6p`, which is
 * MobileNetV2: for every stage depth, kernel, expansion, and `s` for squeeze and excite or `p` without.
 */
export const mobilenet: NumberedSpace<MobilenetArchitecture> = choiceSpace<string | number>({
  name: 'mobilenet',
  choices: [ACTIVATIONS, ...STAGES.flatMap(() => [DEPTHS, KERNELS, EXPANSIONS, GATES])],
  template: `?${STAGES.map(() => '-d?k?e??').join('')}`,
  build,
});
