import type { GraphBuilder } from '../../graph/builder.ts';
import { reluConvolutionsBatchNorm, type SeparableUnit } from '../../graph/units.ts';

/** What an edge of a cell does; the names are those of DARTS and of the networks of NDS. */
export const CELL_OPERATIONS = [
  'none',
  'skip_connect',
  'avg_pool_3x3',
  'max_pool_3x3',
  'max_pool_5x5',
  'max_pool_7x7',
  'conv_1x1',
  'conv_3x3',
  'conv_3x1_1x3',
  'conv_7x1_1x7',
  'sep_conv_3x3',
  'sep_conv_5x5',
  'sep_conv_7x7',
  'dil_conv_3x3',
  'dil_conv_5x5',
  'dil_sep_conv_3x3',
] as const;

export type CellOperation = (typeof CELL_OPERATIONS)[number];

/**
 * Adds an operation that keeps the channels and divides the extents by the stride, 1 or 2 (Liu et al., DARTS, ICLR 2019, and its released code;
 * Radosavovic et al., On Network Design Spaces, ICCV 2019, for what DARTS does not have). Separable convolutions are applied twice, dilated ones
 * once, a dilated separable one twice; k×1 and 1×k stand for both in a row. Convolutions come after a ReLU and before batch normalization.
 *
 * @returns the last node
 */
export function addCellOperation(
  builder: GraphBuilder,
  input: number,
  operation: CellOperation,
  { stride, unit }: { readonly stride: number; readonly unit: SeparableUnit },
): number {
  const [channels] = builder.shape(input);
  const separable = (from: number, kernel: number, step: number, dilation: number): number =>
    reluConvolutionsBatchNorm(
      builder,
      from,
      [
        { outChannels: channels, kernel, stride: step, dilation, groups: channels },
        { outChannels: channels, kernel: 1 },
      ],
      unit,
    );
  const twice = (kernel: number, dilation: number): number =>
    separable(separable(input, kernel, stride, dilation), kernel, 1, dilation);
  const rowAndColumn = (kernel: number): number =>
    reluConvolutionsBatchNorm(
      builder,
      input,
      [
        { outChannels: channels, kernel: [1, kernel], stride: [1, stride] },
        { outChannels: channels, kernel: [kernel, 1], stride: [stride, 1] },
      ],
      unit,
    );
  const maxPool = (kernel: number): number => builder.maxPool(input, { kernel, stride, padding: kernel >> 1 });
  switch (operation) {
    case 'none':
      return builder.zero(input, stride);
    case 'skip_connect':
      return stride === 1 ? input : addFactorizedReduction(builder, input, channels, unit);
    case 'avg_pool_3x3':
      return builder.avgPool(input, { kernel: 3, stride, padding: 1, countPadding: false });
    case 'max_pool_3x3':
      return maxPool(3);
    case 'max_pool_5x5':
      return maxPool(5);
    case 'max_pool_7x7':
      return maxPool(7);
    case 'conv_1x1':
      return builder.reluConvBatchNorm(input, channels, { kernel: 1, stride });
    case 'conv_3x3':
      return builder.reluConvBatchNorm(input, channels, { kernel: 3, stride });
    case 'conv_3x1_1x3':
      return rowAndColumn(3);
    case 'conv_7x1_1x7':
      return rowAndColumn(7);
    case 'sep_conv_3x3':
      return twice(3, 1);
    case 'sep_conv_5x5':
      return twice(5, 1);
    case 'sep_conv_7x7':
      return twice(7, 1);
    case 'dil_conv_3x3':
      return separable(input, 3, stride, 2);
    case 'dil_conv_5x5':
      return separable(input, 5, stride, 2);
    case 'dil_sep_conv_3x3':
      return twice(3, 2);
  }
}

/**
 * Halves the extents: a ReLU, two 1×1 convolutions of stride 2, the second on the pixels to the lower right of those that the first reads, side by
 * side, and batch normalization. Odd extents are padded with zeros below and to the right.
 *
 * Where a unit holds the second convolution, its T2 is what that reads here: the map without its first row and column where extents are even, the map
 * itself where they are odd. In PyTorch it is the moved and padded map, of the activation's extents.
 *
 * @param channels of the output, even
 */
export function addFactorizedReduction(
  builder: GraphBuilder,
  input: number,
  channels: number,
  unit: SeparableUnit,
): number {
  const [, height, width] = builder.shape(input);
  const relu = builder.relu(input);
  const first = builder.conv2d(relu, channels / 2, { kernel: 1, stride: 2 });
  // Of an odd extent, the last pixel read is padding: padded convolutions have it, with one place too many before.
  const padding = [height % 2, width % 2] as const;
  const shifted = crop(builder, relu, 1 - padding[0], 1 - padding[1]);
  const second = builder.conv2d(shifted, channels / 2, { kernel: 1, stride: 2, padding });
  const batchNorm = builder.batchNorm(builder.concat([first, crop(builder, second, padding[0], padding[1])]));
  builder.unit(relu, unit === 'first' ? first : second, batchNorm);
  return batchNorm;
}

/** Without its first rows and columns. */
function crop(builder: GraphBuilder, node: number, rows: number, columns: number): number {
  const [, height, width] = builder.shape(node);
  const below = rows === 0 ? node : builder.slice(node, 2, rows, height);
  return columns === 0 ? below : builder.slice(below, 3, columns, width);
}
