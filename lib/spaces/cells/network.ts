import { GraphBuilder } from '../../graph/builder.ts';
import type { NetworkGraph } from '../../graph/graph.ts';
import type { SeparableUnit } from '../../graph/units.ts';
import type { Stem } from '../space.ts';
import type { Cell, Genotype } from './genotype.ts';
import { addCellOperation, addFactorizedReduction } from './operations.ts';

/** How a network is made of two cells. */
export interface CellNetworkOptions {
  readonly classes: number;
  /** Height and width of the images, in pixels. */
  readonly resolution: number;
  readonly inputChannels: number;
  /** Channels of each node of the first cells. */
  readonly initialChannels: number;
  /** Cells, reduction cells included. */
  readonly cells: number;
  readonly separableUnit: SeparableUnit;
  /** `cifar`: a 3×3 convolution; `imagenet`: three of stride 2. */
  readonly stem: Stem;
}

/** Channels of the CIFAR stem, in initial channels. */
const STEM_MULTIPLIER = 3;

/**
 * The network of DARTS and NDS with given cells, without the auxiliary head (Liu et al., ICLR 2019, and the released code; Radosavovic et al., ICCV
 * 2019): cells read the outputs of the two before them, each made to fit by a 1×1 convolution or a factorized reduction. The cells a third and two
 * thirds on the way halve the extents and double the channels. Then global average pooling and a linear classifier.
 */
export function buildCellNetwork(genotype: Genotype, options: CellNetworkOptions): NetworkGraph {
  const { classes, resolution, inputChannels, initialChannels, cells, separableUnit, stem } = options;
  const builder = new GraphBuilder([inputChannels, resolution, resolution]);
  let [before, last] =
    stem === 'cifar' ? addCifarStem(builder, initialChannels) : addImagenetStem(builder, initialChannels);
  let channels = initialChannels;
  let reducedBefore = stem === 'imagenet';
  for (let place = 0; place < cells; place++) {
    const reduces = place === Math.floor(cells / 3) || place === Math.floor((2 * cells) / 3);
    if (reduces) channels *= 2;
    const first = reducedBefore
      ? addFactorizedReduction(builder, before, channels, separableUnit)
      : builder.reluConvBatchNorm(before, channels, { kernel: 1 });
    const second = builder.reluConvBatchNorm(last, channels, { kernel: 1 });
    const cell = reduces ? genotype.reduce : genotype.normal;
    [before, last] = [last, addCell(builder, cell, [first, second], reduces ? 2 : 1, separableUnit)];
    reducedBefore = reduces;
  }
  return builder.finish(builder.linear(builder.globalAvgPool(last), classes));
}

/** Both states that the first cell reads. */
function addCifarStem(builder: GraphBuilder, channels: number): [number, number] {
  const stem = builder.batchNorm(builder.conv2d(builder.input, STEM_MULTIPLIER * channels, { kernel: 3 }));
  return [stem, stem];
}

/** Extents a quarter and an eighth of the image's. */
function addImagenetStem(builder: GraphBuilder, channels: number): [number, number] {
  const half = builder.batchNorm(builder.conv2d(builder.input, Math.floor(channels / 2), { kernel: 3, stride: 2 }));
  const quarter = builder.reluConvBatchNorm(half, channels, { kernel: 3, stride: 2 });
  return [quarter, builder.reluConvBatchNorm(quarter, channels, { kernel: 3, stride: 2 })];
}

/** One cell; a stride other than 1 is that of the edges which read other cells. */
function addCell(
  builder: GraphBuilder,
  { edges, concat }: Cell,
  inputs: readonly [number, number],
  stride: number,
  unit: SeparableUnit,
): number {
  const states: number[] = [...inputs];
  for (let node = 0; 2 * node < edges.length; node++) {
    const terms = [edges[2 * node]!, edges[2 * node + 1]!].map(({ operation, input }) =>
      addCellOperation(builder, states[input]!, operation, { stride: input < 2 ? stride : 1, unit }),
    );
    states.push(builder.add(terms));
  }
  return builder.concat(concat.map((state) => states[state]!));
}
