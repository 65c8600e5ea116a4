import { GraphBuilder } from '../graph/builder.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import { EDGES, type Operation } from './nasbench201-cell.ts';
import type { NetworkOptions } from './space.ts';

/** Stages of the skeleton; stage s has 2^s times the initial channels. */
const STAGES = 3;

export type Nasbench201Options = Required<
  Pick<NetworkOptions, 'classes' | 'resolution' | 'inputChannels' | 'initialChannels' | 'cellsPerStage'>
>;

/**
 * The NAS-Bench-201 network with a given cell (Dong & Yang, ICLR 2020, section 2.1): a 3×3 convolution as stem, three stages of equal cells
 * with a residual block that halves the extents and doubles the channels between them, then batch normalization, ReLU, global average
 * pooling and a linear classifier.
 *
 * @param operations one operation for each of {@link EDGES}
 */
export function buildNetwork(operations: readonly Operation[], options: Nasbench201Options): NetworkGraph {
  const { classes, resolution, inputChannels, initialChannels, cellsPerStage } = options;
  const builder = new GraphBuilder([inputChannels, resolution, resolution]);
  let node = builder.block(builder.batchNorm(builder.conv2d(builder.input, initialChannels, { kernel: 3 })));
  for (let stage = 0; stage < STAGES; stage++) {
    if (stage > 0) node = builder.block(addResidualBlock(builder, node, initialChannels * 2 ** stage));
    for (let cell = 0; cell < cellsPerStage; cell++) node = builder.block(addCell(builder, node, operations));
  }
  const pooled = builder.globalAvgPool(builder.relu(builder.batchNorm(node)));
  return builder.finish(builder.linear(pooled, classes));
}

/**
 * A basic residual block of stride 2, whose shortcut is a 2×2 average pool and a 1×1 convolution without normalization. The pool rounds
 * extents up, as the strided convolution does, so that odd resolutions work too.
 */
export function addResidualBlock(builder: GraphBuilder, input: number, channels: number): number {
  const first = builder.reluConvBatchNorm(input, channels, { kernel: 3, stride: 2 });
  const second = builder.reluConvBatchNorm(first, channels, { kernel: 3 });
  const pooled = builder.avgPool(input, { kernel: 2, stride: 2, ceilMode: true });
  const shortcut = builder.conv2d(pooled, channels, { kernel: 1 });
  return builder.add([shortcut, second]);
}

/**
 * One cell; returns its last node. Every convolution becomes nodes and a unit, whether or not its input is zero or its output is used: the
 * trained networks have it, and its parameters count.
 */
function addCell(builder: GraphBuilder, input: number, operations: readonly Operation[]): number {
  const cellNodes = [input];
  for (let target = 1; target <= 3; target++) {
    const incoming: number[] = [];
    for (const [edge, [to, from]] of EDGES.entries()) {
      const operation = operations[edge]!;
      if (to !== target || operation === 'none') continue;
      incoming.push(addOperation(builder, cellNodes[from]!, operation));
    }
    cellNodes.push(incoming.length === 0 ? builder.zero(input) : builder.add(incoming));
  }
  return cellNodes[3]!;
}

function addOperation(builder: GraphBuilder, input: number, operation: Exclude<Operation, 'none'>): number {
  const [channels] = builder.shape(input);
  switch (operation) {
    case 'skip_connect':
      return input;
    case 'nor_conv_1x1':
      return builder.reluConvBatchNorm(input, channels, { kernel: 1 });
    case 'nor_conv_3x3':
      return builder.reluConvBatchNorm(input, channels, { kernel: 3 });
    case 'avg_pool_3x3':
      return builder.avgPool(input, { kernel: 3, padding: 1, countPadding: false });
  }
}
