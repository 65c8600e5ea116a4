import type { Cell, CellOperation } from './cell.ts';

const OPERATIONS: Readonly<Record<string, CellOperation>> = {
  skip_connect: { label: 'skip', kind: 'skip' },
  nor_conv_1x1: { label: '1×1', kind: 'convolution' },
  nor_conv_3x3: { label: '3×3', kind: 'convolution' },
  avg_pool_3x3: { label: 'pool', kind: 'pool' },
};

/** The cell of a text such as `|nor_conv_3x3~0|+|none~0|skip_connect~1|+|…|`; edges that do nothing are left out. */
export function nasbench201Cell(architecture: string): Cell {
  const edges = architecture.split('+').flatMap((node, at) =>
    node
      .split('|')
      .filter((edge) => edge.includes('~'))
      .map((edge) => {
        const [name, from] = edge.split('~') as [string, string];
        return { from: Number(from), to: at + 1, name };
      }),
  );
  return {
    nodes: ['in', '1', '2', 'out'],
    edges: edges
      .filter(({ name }) => name !== 'none')
      .map(({ from, to, name }) => ({ from, to, operation: OPERATIONS[name] ?? { label: name, kind: 'other' } })),
  };
}
