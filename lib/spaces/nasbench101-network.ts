import { GraphBuilder } from '../graph/builder.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import { convBatchNormActivation } from '../graph/units.ts';
import type { Nasbench101Architecture } from './nasbench101-cell.ts';
import type { NetworkOptions } from './space.ts';

/** Stages of the skeleton; stage s has 2^s times the initial channels. */
const STAGES = 3;

export type Nasbench101Options = Required<
  Pick<NetworkOptions, 'classes' | 'resolution' | 'inputChannels' | 'initialChannels' | 'cellsPerStage'>
>;

/**
 * The NAS-Bench-101 network with a given cell (Ying et al., ICML 2019, section 2.2 and the released model builder): a 3×3 convolution as stem, three
 * stages of equal cells with 2×2 max pooling and a doubling of channels between them, global average pooling, a linear classifier. All convolutions
 * are followed by batch normalization and ReLU.
 */
export function buildNetwork(cell: Nasbench101Architecture, options: Nasbench101Options): NetworkGraph {
  const { classes, resolution, inputChannels, initialChannels, cellsPerStage } = options;
  const builder = new GraphBuilder([inputChannels, resolution, resolution]);
  const stem = builder.conv2d(builder.input, initialChannels, { kernel: 3 });
  let node = builder.relu(builder.batchNorm(stem));
  for (let stage = 0; stage < STAGES; stage++) {
    if (stage > 0) node = builder.maxPool(node, { kernel: 2, stride: 2, ceilMode: true });
    for (let place = 0; place < cellsPerStage; place++)
      node = addCell(builder, node, cell, initialChannels * 2 ** stage);
  }
  return builder.finish(builder.linear(builder.globalAvgPool(node), classes));
}

/**
 * Channels of each vertex, 0 for the input: the output's are divided among the vertices that feed it, the first of them getting what does not divide;
 * every other vertex has as many as the widest that it feeds.
 */
export function vertexChannels({ inputs }: Nasbench101Architecture, channels: number): number[] {
  const output = inputs.length;
  const widths = new Array<number>(output + 1).fill(0);
  widths[output] = channels;
  const last = inputs[output - 1]!.filter((source) => source > 0);
  const share = Math.floor(channels / last.length);
  for (const [place, vertex] of last.entries()) widths[vertex] = share + (place < channels % last.length ? 1 : 0);
  for (let vertex = output - 2; vertex > 0; vertex--) {
    if (last.includes(vertex)) continue;
    for (let target = vertex + 1; target < output; target++) {
      if (inputs[target - 1]!.includes(vertex)) widths[vertex] = Math.max(widths[vertex]!, widths[target]!);
    }
  }
  return widths;
}

/** One cell; returns its output. What comes from the cell's input is projected by a 1×1 convolution, what is too wide is cut. */
function addCell(builder: GraphBuilder, input: number, cell: Nasbench101Architecture, channels: number): number {
  const widths = vertexChannels(cell, channels);
  const output = cell.inputs.length;
  const nodes = [input];
  const project = (width: number) => convBatchNormActivation(builder, input, width, { kernel: 1 });
  const cut = (vertex: number, width: number) =>
    widths[vertex] === width ? nodes[vertex]! : builder.slice(nodes[vertex]!, 1, 0, width);
  for (let vertex = 1; vertex < output; vertex++) {
    const width = widths[vertex]!;
    const sources = cell.inputs[vertex - 1]!;
    const terms = sources.filter((source) => source > 0).map((source) => cut(source, width));
    if (sources.includes(0)) terms.push(project(width));
    const sum = builder.add(terms);
    const operation = cell.operations[vertex - 1]!;
    nodes.push(
      operation === 'maxpool3x3'
        ? builder.maxPool(sum, { kernel: 3, padding: 1 })
        : convBatchNormActivation(builder, sum, width, { kernel: operation === 'conv3x3' ? 3 : 1 }),
    );
  }
  const last = cell.inputs[output - 1]!;
  const joined = last.filter((source) => source > 0).map((source) => nodes[source]!);
  if (joined.length === 0) return project(channels);
  const concatenated = builder.concat(joined);
  return last.includes(0) ? builder.add([concatenated, project(channels)]) : concatenated;
}
