import { hierarchy, tree } from 'd3-hierarchy';
import type { TreeNode } from '../report.ts';
import { s } from './dom.ts';

/** Larger trees are not drawn: they would be a thicket. */
export const MOST_DRAWN = 150;

const ROW = 44;
const GAP = 14;
const CHARACTER = 7;

/** An expression tree, root on top; the name of an operator or tensor in each node, its meaning on hovering. */
export function drawTree(root: TreeNode): SVGSVGElement {
  const half = (node: TreeNode) => (node.label.length * CHARACTER + 16) / 2;
  const layout = tree<TreeNode>()
    .nodeSize([1, ROW])
    .separation((a, b) => half(a.data) + half(b.data) + GAP)(hierarchy(root, ({ operands }) => [...operands]));
  const nodes = layout.descendants();
  const left = Math.min(...nodes.map(({ x, data }) => x - half(data)));
  const right = Math.max(...nodes.map(({ x, data }) => x + half(data)));
  const width = right - left + 4;
  const height = layout.height * ROW + 30;
  const links = layout.links().map(({ source, target }) =>
    s('path', {
      d: `M${source.x},${source.y + 11}C${source.x},${source.y + ROW / 2} ${target.x},${target.y - ROW / 2 + 4} ${target.x},${target.y - 11}`,
      class: 'link',
    }),
  );
  const boxes = nodes.map(({ x, y, data }) =>
    s(
      'g',
      { class: data.leaf ? 'leaf' : 'operator' },
      s('title', {}, `${data.label}: ${data.note}`),
      s('rect', { x: x - half(data), y: y - 11, width: 2 * half(data), height: 22, rx: data.leaf ? 11 : 4 }),
      s('text', { x, y: y + 4 }, data.label),
    ),
  );
  return s('svg', { viewBox: `${left - 2} -14 ${width} ${height}`, width, height, class: 'tree' }, ...links, ...boxes);
}
