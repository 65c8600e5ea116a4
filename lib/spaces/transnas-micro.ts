import { GraphBuilder } from '../graph/builder.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import type { SeparableUnit } from '../graph/units.ts';
import { addFactorizedReduction } from './cells/operations.ts';
import { choiceSpace } from './choices.ts';
import { EDGES } from './nasbench201-cell.ts';
import { resolveOptions } from './options.ts';
import type { NetworkOptions, NumberedSpace } from './space.ts';

/** What an edge can be: nothing, identity, a 1×1 and a 3×3 convolution. */
const OPERATIONS = ['0', '1', '2', '3'] as const;

type Operation = (typeof OPERATIONS)[number];

/** The operations of a cell's six edges, in the order of its text: into node 1, into node 2 from 0 and 1, into node 3 from 0, 1 and 2. */
export type TransnasMicroArchitecture = readonly Operation[];

/** Whether each of the five modules halves the extents and doubles the channels: the skeleton 41414. */
const MODULES = [true, false, true, false, true] as const;

/** Cells of a module. */
const CELLS = 2;

interface Options
  extends Required<Pick<NetworkOptions, 'classes' | 'resolution' | 'inputChannels' | 'initialChannels'>> {
  readonly separableUnit: SeparableUnit;
}

/** The networks trained to recognize objects. */
const DEFAULTS: Options = {
  classes: 75,
  resolution: 256,
  inputChannels: 3,
  initialChannels: 64,
  separableUnit: 'first',
};

/**
 * The classifier of TransNAS-Bench-101's cell-level space (Duan et al., CVPR 2021, section 3 and the released code): a stem of two convolutions of stride
 * 2, five modules of two cells, the first of which halves the extents and doubles the channels in modules 1, 3 and 5, global average pooling, a linear
 * classifier.
 */
function build(architecture: TransnasMicroArchitecture, options?: NetworkOptions): NetworkGraph {
  const { classes, resolution, inputChannels, initialChannels, separableUnit } = resolveOptions(options, DEFAULTS);
  const builder = new GraphBuilder([inputChannels, resolution, resolution]);
  const stem = builder.conv2d(builder.input, initialChannels >> 1, { kernel: 3, stride: 2 });
  let node = builder.reluConvBatchNorm(builder.batchNorm(stem), initialChannels, { kernel: 3, stride: 2 });
  builder.block(node);
  for (const halves of MODULES) {
    for (let cell = 0; cell < CELLS; cell++) {
      node = builder.block(addCell(builder, node, architecture, halves && cell === 0, separableUnit));
    }
  }
  return builder.finish(builder.linear(builder.globalAvgPool(node), classes));
}

/** One cell; returns its last node. One that halves does so on the edges from its input. */
function addCell(
  builder: GraphBuilder,
  input: number,
  operations: TransnasMicroArchitecture,
  halves: boolean,
  unit: SeparableUnit,
): number {
  const [channels] = builder.shape(input);
  const outChannels = halves ? 2 * channels : channels;
  const nodes = [input];
  for (let target = 1; target <= 3; target++) {
    const incoming: number[] = [];
    for (const [edge, [to, from]] of EDGES.entries()) {
      const operation = operations[edge]!;
      if (to !== target || operation === '0') continue;
      const reduces = halves && from === 0;
      const stride = reduces ? 2 : 1;
      const kernel = operation === '2' ? 1 : 3;
      const source = nodes[from]!;
      if (operation !== '1') incoming.push(builder.reluConvBatchNorm(source, outChannels, { kernel, stride }));
      else incoming.push(reduces ? addFactorizedReduction(builder, source, outChannels, unit) : source);
    }
    nodes.push(incoming.length === 0 ? nothing(builder, input, halves) : builder.add(incoming));
  }
  return nodes[3]!;
}

/** Zeros of the shape that a cell's nodes have. */
function nothing(builder: GraphBuilder, input: number, halves: boolean): number {
  return halves ? builder.zero(builder.concat([input, input]), 2) : builder.zero(input);
}

/**
 * The output as a formula of the cell's input, sums sorted and without their zeros. An identity hands on what it reads, but not from the input, since it is
 * a reduction there in some cells.
 */
function canonical(operations: TransnasMicroArchitecture): string {
  const formulas = ['x'];
  for (let target = 1; target <= 3; target++) {
    const terms = EDGES.flatMap(([to, from], edge) => {
      const operation = operations[edge]!;
      const source = formulas[from]!;
      if (to !== target || operation === '0' || source === '') return [];
      return operation === '1' && from > 0 ? source : `(${source})${operation}`;
    });
    formulas.push(terms.sort().join('+'));
  }
  return formulas[3]!;
}

/** The cell-level space of TransNAS-Bench-101: operations of six edges, 4,096 architectures, written as in the benchmark, such as `64-41414-1_02_333`. */
export const transnasMicro: NumberedSpace<TransnasMicroArchitecture> = choiceSpace({
  name: 'transnas-micro',
  separable: true,
  dataset: 'class_object',
  choices: EDGES.map(() => OPERATIONS),
  template: '64-41414-?_??_???',
  build,
  canonical,
});
