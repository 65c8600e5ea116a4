import * as Plot from '@observablehq/plot';
import type { ParetoPanel } from '../../report.ts';
import { xAxis, yAxis } from '../axes.ts';
import { sharpContext } from '../canvas.ts';
import { h } from '../dom.ts';
import { figure } from '../figure.ts';
import { formatCorrelation } from '../format.ts';
import { DataTable } from '../table.ts';
import { color } from '../theme.ts';

/** Dots on a canvas, the front as a line with its programs listed. */
export function paretoPanel({ points, front }: ParetoPanel): HTMLElement {
  const plot = figure('size-fitness', 'Fitness against size of every program', (width) => {
    const height = 320;
    const most = Math.max(2, ...points.map(({ size }) => size));
    const steps = front.map(({ size, fitness }) => ({ size, fitness }));
    const svg = Plot.plot({
      width,
      height,
      marginLeft: 44,
      style: { background: 'transparent' },
      x: {
        type: 'log',
        domain: [0.9, most * 1.1],
        label: 'Nodes of the tree',
        ticks: 8,
        tickFormat: 'd',
      },
      y: { domain: range(points.map(({ fitness }) => fitness)), nice: true, label: 'Fitness' },
      marks: [
        Plot.gridY(),
        xAxis({ ticks: 8, tickFormat: 'd' }),
        yAxis(),
        Plot.line([...steps, { size: most * 1.1, fitness: steps.at(-1)?.fitness ?? 0 }], {
          x: 'size',
          y: 'fitness',
          curve: 'step-after',
          stroke: 'var(--series-2)',
          strokeWidth: 1.8,
        }),
        Plot.dot(front, {
          x: 'size',
          y: 'fitness',
          r: 4,
          fill: 'var(--series-2)',
          title: ({ size, fitness, program }) => `${size} nodes, fitness ${formatCorrelation(fitness)}\n${program}`,
        }),
      ],
    }) as SVGSVGElement & Plot.Plot;
    const canvas = h('canvas', { class: 'dots', 'data-dots': points.length });
    const context = sharpContext(canvas, width, height);
    context.fillStyle = color('series-1');
    context.globalAlpha = points.length > 2000 ? 0.25 : 0.5;
    const [x, y] = [svg.scale('x')!, svg.scale('y')!];
    const dots = points.map(({ size, fitness, programs }) => ({
      x: x.apply(size) as number,
      y: y.apply(fitness) as number,
      // The area grows with the logarithm of the programs that share the place.
      r: 1.6 * Math.sqrt(1 + Math.log2(programs)),
    }));
    for (const dot of dots) {
      context.beginPath();
      context.arc(dot.x, dot.y, dot.r, 0, 2 * Math.PI);
      context.fill();
    }
    return { element: h('div', { class: 'layers' }, svg, canvas) };
  });
  const table = new DataTable({
    caption: 'Programs that no smaller one matches',
    columns: [
      { title: 'nodes', align: 'right', value: (row) => row.size },
      { title: 'fitness', align: 'right', value: (row) => row.fitness, cell: (row) => formatCorrelation(row.fitness) },
      { title: 'program', value: (row) => row.program, cell: (row) => h('code', {}, row.program) },
    ],
    rows: front,
  });
  return h('div', {}, plot.element, table.element);
}

function range(values: readonly number[]): [number, number] {
  let [low, high] = [0, 0.1];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}
