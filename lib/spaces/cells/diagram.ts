import type { CellDiagram } from '../diagram.ts';
import type { Cell } from './genotype.ts';

/** A cell of two inputs, the outputs of the last two cells, and of nodes that are sums of two edges. */
export function genotypeDiagram(name: string, { edges, concat }: Cell): CellDiagram {
  const count = edges.length / 2;
  const nodes = ['c(k-2)', 'c(k-1)', ...Array.from({ length: count }, (_, node) => String(node)), 'output'];
  return {
    name,
    nodes,
    edges: [
      ...edges.map(({ operation, input }, edge) => ({ from: input, to: 2 + (edge >> 1), label: operation })),
      ...concat.map((state) => ({ from: state, to: nodes.length - 1, label: '' })),
    ],
  };
}
