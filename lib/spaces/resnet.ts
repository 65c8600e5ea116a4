import { GraphBuilder } from '../graph/builder.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import { convBatchNormActivation } from '../graph/units.ts';
import { choiceSpace } from './choices.ts';
import { resolveOptions } from './options.ts';
import { type NetworkOptions, type NumberedSpace, type Stem, stemFor } from './space.ts';

const BLOCKS = ['basic', 'bottleneck'] as const;
const DEPTHS = [1, 2, 3, 4, 5, 6] as const;

/** Widths of the first stage; stage s has 2^s times as much to choose from. */
const WIDTHS = [16, 24, 32, 48, 64, 96] as const;
const STAGES = 4;

/** Channels of a bottleneck block's output are so many times its width. */
const BOTTLENECK = 4;

/** The kind of block, then depth and width of four stages. */
export type ResnetArchitecture = readonly (string | number)[];

const DEFAULTS = { classes: 10, resolution: 32, inputChannels: 3, initialChannels: 64, stem: 'cifar' as Stem };

/**
 * A residual network (He et al., CVPR 2016; strides in the 3×3 convolutions, as is usual since): a stem, four stages of which all but the first halve
 * the extents, global average pooling, a linear classifier. The stem for large images is a 7×7 convolution of stride 2 and a 3×3 max pool of stride 2, that
 * for small ones a 3×3 convolution.
 */
function build(architecture: ResnetArchitecture, options?: NetworkOptions): NetworkGraph {
  const { classes, resolution, inputChannels, initialChannels } = resolveOptions(options, DEFAULTS);
  const small = stemFor(options, resolution) === 'cifar';
  const builder = new GraphBuilder([inputChannels, resolution, resolution]);
  const window = small ? { kernel: 3 } : { kernel: 7, stride: 2 };
  const stem = builder.relu(builder.batchNorm(builder.conv2d(builder.input, initialChannels, window)));
  let node = builder.block(small ? stem : builder.maxPool(stem, { kernel: 3, stride: 2, padding: 1 }));
  const addBlock = architecture[0] === 'basic' ? addBasicBlock : addBottleneckBlock;
  for (let stage = 0; stage < STAGES; stage++) {
    const [depth, width] = architecture.slice(1 + 2 * stage) as [number, number];
    for (let place = 0; place < depth; place++) {
      node = builder.block(addBlock(builder, node, width, stage > 0 && place === 0 ? 2 : 1));
    }
  }
  return builder.finish(builder.linear(builder.globalAvgPool(node), classes));
}

function addBasicBlock(builder: GraphBuilder, input: number, width: number, stride: number): number {
  const first = convBatchNormActivation(builder, input, width, { kernel: 3, stride });
  const second = builder.conv2d(first, width, { kernel: 3 });
  return addShortcut(builder, input, second, stride);
}

function addBottleneckBlock(builder: GraphBuilder, input: number, width: number, stride: number): number {
  const narrowed = convBatchNormActivation(builder, input, width, { kernel: 1 });
  const filtered = convBatchNormActivation(builder, narrowed, width, { kernel: 3, stride });
  const widened = builder.conv2d(filtered, BOTTLENECK * width, { kernel: 1 });
  return addShortcut(builder, input, widened, stride);
}

/** Normalizes a block's last convolution, adds the block's input, projected where shapes differ, and rectifies: that convolution's unit. */
function addShortcut(builder: GraphBuilder, input: number, conv: number, stride: number): number {
  const batchNorm = builder.batchNorm(conv);
  const [channels] = builder.shape(conv);
  const [inputChannels] = builder.shape(input);
  const shortcut =
    stride === 1 && inputChannels === channels
      ? input
      : builder.batchNorm(builder.conv2d(input, channels, { kernel: 1, stride }));
  const relu = builder.relu(builder.add([batchNorm, shortcut]));
  builder.unit(relu, conv, batchNorm);
  return relu;
}

/**
 * Residual networks of chosen depths and widths, 3,359,232 architectures, written such as `basic-d2w64-d2w128-d2w256-d2w512`, which is ResNet-18;
 * `bottleneck-d3w64-d4w128-d6w256-d3w512` is ResNet-50.
 */
export const resnet: NumberedSpace<ResnetArchitecture> = choiceSpace<string | number>({
  name: 'resnet',
  choices: [
    BLOCKS,
    ...Array.from({ length: STAGES }, (_, stage) => [DEPTHS, WIDTHS.map((width) => width * 2 ** stage)]).flat(),
  ],
  template: `?${'-d?w?'.repeat(STAGES)}`,
  build,
});
