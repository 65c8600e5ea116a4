import type { LineageNode, LineagePanel } from '../../report.ts';
import { h, s } from '../dom.ts';
import { figure } from '../figure.ts';
import { formatCorrelation } from '../format.ts';
import { DataTable } from '../table.ts';
import { hideTip, showTip } from '../tip.ts';

const ROW = 30;
const MARGIN = { top: 14, bottom: 34, left: 24, right: 24 };

/** The ancestors of a program: one column for each generation, lines from parents to children. */
export function lineagePanel({ nodes, cut }: LineagePanel): HTMLElement {
  const plot = figure('lineage', `The ${nodes.length} programs that the winner descends from`, (width) => ({
    element: draw(nodes, width),
  }));
  const operations = [...new Set(nodes.map(({ operation }) => operation))];
  const table = new DataTable({
    caption: 'Ancestors',
    columns: [
      { title: 'generation', align: 'right', value: (node) => node.generation },
      { title: 'made by', value: (node) => node.operation },
      {
        title: 'fitness',
        align: 'right',
        value: (node) => node.fitness,
        cell: (node) => formatCorrelation(node.fitness),
      },
      { title: 'program', value: (node) => node.program, cell: (node) => h('code', {}, node.program) },
    ],
    rows: nodes,
    ...(nodes.length > 20 && { page: 20 }),
  });
  return h(
    'div',
    {},
    h(
      'p',
      { class: 'legend' },
      ...operations.map((operation) =>
        h('span', {}, s('svg', { width: 12, height: 12, class: 'lineage' }, mark(operation, 6, 6)), ` ${operation}`),
      ),
      cut && h('span', {}, 'older ancestors are left out'),
    ),
    plot.element,
    h('details', {}, h('summary', {}, 'The programs'), table.element),
  );
}

function draw(nodes: readonly LineageNode[], width: number): SVGSVGElement {
  const generations = [...new Set(nodes.map(({ generation }) => generation))].sort((a, b) => a - b);
  const columns = new Map(generations.map((generation) => [generation, [] as number[]]));
  for (const [at, node] of nodes.entries()) columns.get(node.generation)!.push(at);
  const tallest = Math.max(...[...columns.values()].map(({ length }) => length));
  const height = MARGIN.top + MARGIN.bottom + Math.max(2, tallest) * ROW;
  const inner = width - MARGIN.left - MARGIN.right;
  const x = (generation: number) =>
    generations.length === 1
      ? width / 2
      : MARGIN.left + (inner * generations.indexOf(generation)) / (generations.length - 1);
  const y = new Array<number>(nodes.length).fill(0);
  const children = nodes.map(() => [] as number[]);
  for (const [at, { parents }] of nodes.entries()) for (const parent of parents) children[parent]!.push(at);
  // From the youngest on, each is placed near the mean of its children.
  for (const generation of generations.toReversed()) {
    const column = columns.get(generation)!;
    const wish = (at: number) => children[at]!.reduce((sum, child) => sum + y[child]!, 0) / (children[at]!.length || 1);
    column.sort((a, b) => wish(a) - wish(b));
    const begin = MARGIN.top + ((Math.max(2, tallest) - column.length) * ROW) / 2;
    for (const [row, at] of column.entries()) y[at] = begin + (row + 0.5) * ROW;
  }
  const links = nodes.flatMap(({ generation, parents }, at) =>
    parents.map((parent) => {
      const [x1, x2] = [x(nodes[parent]!.generation), x(generation)];
      const half = (x1 + x2) / 2;
      return s('path', {
        d: `M${x1},${y[parent]}C${half},${y[parent]} ${half},${y[at]} ${x2},${y[at]}`,
        class: 'link',
      });
    }),
  );
  const marks = nodes.map((node, at) => {
    const group = s(
      'g',
      { class: at === 0 ? 'winner' : undefined },
      mark(node.operation, x(node.generation), y[at]!, at === 0 ? 7 : 5),
    );
    group.addEventListener('pointermove', (event) => showTip(tipOf(node), event.clientX, event.clientY));
    group.addEventListener('pointerleave', hideTip);
    return group;
  });
  const every = Math.ceil(generations.length / Math.max(1, Math.floor(inner / 40)));
  const labels = generations
    .filter((_, at) => (generations.length - 1 - at) % every === 0)
    .map((generation) => s('text', { x: x(generation), y: height - 16, class: 'tick' }, String(generation)));
  return s(
    'svg',
    { viewBox: `0 0 ${width} ${height}`, width, height, class: 'lineage' },
    ...links,
    ...marks,
    ...labels,
    s('text', { x: width / 2, y: height - 2, class: 'tick' }, 'Generation'),
  );
}

/** Shape and colour tell the operation, so that either is enough. */
function mark(operation: string, x: number, y: number, radius = 5): SVGElement {
  if (operation === 'crossover') return s('circle', { cx: x, cy: y, r: radius, class: 'crossover' });
  if (operation === 'mutation') {
    const r = radius * 1.25;
    return s('path', { d: `M${x},${y - r}L${x + r},${y}L${x},${y + r}L${x - r},${y}Z`, class: 'mutation' });
  }
  return s('rect', { x: x - radius, y: y - radius, width: 2 * radius, height: 2 * radius, class: 'born' });
}

function tipOf({ program, generation, operation, fitness }: LineageNode): HTMLElement {
  return h(
    'div',
    { class: 'card' },
    h('strong', {}, `Generation ${generation}, ${operation}`),
    h('p', {}, fitness === null ? 'not assessed' : `fitness ${formatCorrelation(fitness)}`),
    h('code', {}, program),
  );
}
