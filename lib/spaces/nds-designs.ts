import type { CellOperation } from './cells/operations.ts';
import { DARTS_OPERATIONS } from './darts.ts';

/** What cells of one origin are made of. */
export interface NdsDesign {
  readonly name: string;
  readonly operations: readonly CellOperation[];
  /** Nodes of a cell. */
  readonly nodes: number;
  /** Which nodes make up a cell's output: all, or those that no other node reads. */
  readonly output: 'all' | 'loose';
}

/**
 * The five designs (Radosavovic et al., On Network Design Spaces for Visual Recognition, ICCV 2019, table 2): the cells of DARTS, ENAS, AmoebaNet,
 * PNAS and NASNet, with the operations that their papers search over.
 */
export const NDS_DESIGNS: readonly NdsDesign[] = [
  {
    name: 'darts',
    operations: ['none', ...DARTS_OPERATIONS],
    nodes: 4,
    output: 'all',
  },
  {
    name: 'enas',
    operations: ['skip_connect', 'sep_conv_3x3', 'sep_conv_5x5', 'avg_pool_3x3', 'max_pool_3x3'],
    nodes: 5,
    output: 'loose',
  },
  {
    name: 'amoeba',
    operations: [
      'skip_connect',
      'sep_conv_3x3',
      'sep_conv_5x5',
      'sep_conv_7x7',
      'avg_pool_3x3',
      'max_pool_3x3',
      'dil_sep_conv_3x3',
      'conv_7x1_1x7',
    ],
    nodes: 5,
    output: 'loose',
  },
  {
    name: 'pnas',
    operations: [
      'sep_conv_3x3',
      'sep_conv_5x5',
      'sep_conv_7x7',
      'conv_7x1_1x7',
      'skip_connect',
      'avg_pool_3x3',
      'max_pool_3x3',
      'dil_conv_3x3',
    ],
    nodes: 5,
    output: 'all',
  },
  {
    name: 'nasnet',
    operations: [
      'skip_connect',
      'conv_3x1_1x3',
      'conv_7x1_1x7',
      'dil_conv_3x3',
      'avg_pool_3x3',
      'max_pool_3x3',
      'max_pool_5x5',
      'max_pool_7x7',
      'conv_1x1',
      'conv_3x3',
      'sep_conv_3x3',
      'sep_conv_5x5',
      'sep_conv_7x7',
    ],
    nodes: 5,
    output: 'loose',
  },
];
