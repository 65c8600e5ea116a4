import { s } from '../dom.ts';
import type { Cell } from './cell.ts';

/** A cell drawn: nodes in a row, an arc for each edge, the longer the higher, above and below in turn. */
export function drawCell({ nodes, edges }: Cell, { width = 300, labels = true } = {}): SVGSVGElement {
  const radius = labels ? 11 : 3;
  const margin = radius + 3;
  const step = (width - 2 * margin) / (nodes.length - 1);
  const lift = (from: number, to: number) => (to - from - 1) * step * 0.42;
  const height = labels ? 2 * lift(0, nodes.length - 1) * 0.75 + 44 : 30;
  const middle = height / 2;
  const x = (node: number) => margin + node * step;
  const arcs = edges.map(({ from, to, operation }) => {
    // Long edges go above, the others below; those between neighbours are straight.
    const side = to - from === 1 ? 0 : from === 0 ? -1 : 1;
    const bend = side * Math.min(lift(from, to), middle - (labels ? 14 : 3)) * (labels ? 1.3 : 1.2);
    const [begin, end] = [x(from) + radius, x(to) - radius - (labels ? 3 : 0)];
    const half = (begin + end) / 2;
    const path = s('path', {
      d: `M${begin},${middle} C${begin + step * 0.25},${middle + bend} ${end - step * 0.25},${middle + bend} ${end},${middle}`,
      class: `edge ${operation.kind}`,
    });
    if (!labels) return s('g', {}, path);
    const y = middle + bend * 0.75;
    return s(
      'g',
      {},
      path,
      s('path', {
        d: `M${end - 5},${middle - 4}L${end + 2},${middle}L${end - 5},${middle + 4}Z`,
        class: `head ${operation.kind}`,
      }),
      s('text', { x: half, y: y + (side === 1 ? 12 : -4), class: `operation ${operation.kind}` }, operation.label),
    );
  });
  const circles = nodes.map((name, node) =>
    s(
      'g',
      {},
      s('circle', { cx: x(node), cy: middle, r: radius, class: 'node' }),
      labels && s('text', { x: x(node), y: middle + 3.5, class: 'name' }, name),
    ),
  );
  return s(
    'svg',
    {
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      class: 'cell',
      role: 'img',
      'aria-label': describe({ nodes, edges }),
    },
    ...arcs,
    ...circles,
  );
}

function describe({ nodes, edges }: Cell): string {
  if (edges.length === 0) return 'cell without edges';
  return edges.map(({ from, to, operation }) => `${nodes[from]} to ${nodes[to]}: ${operation.label}`).join('; ');
}
