import * as Plot from '@observablehq/plot';
import type { GenerationsPanel } from '../../report.ts';
import { xAxis, yAxis } from '../axes.ts';
import { h } from '../dom.ts';
import { figure } from '../figure.ts';
import { formatCorrelation } from '../format.ts';
import { DataTable } from '../table.ts';

/** Best and median fitness with the middle half of each generation, and below it validity and distinct programs. */
export function generationsPanel({ rows }: GenerationsPanel): HTMLElement {
  const assessed = rows.filter(({ best }) => best !== null);
  const last = assessed.at(-1);
  const domain = [rows[0]?.generation ?? 0, Math.max(1, rows.at(-1)?.generation ?? 1)];
  const x = { domain, label: 'Generation', tickFormat: 'd' } as const;
  const ticks = (width: number) => Math.min(rows.length, Math.floor(width / 60));
  const fitness = figure('fitness', 'Best and median fitness by generation, with the middle half', (width) => ({
    element: Plot.plot({
      width,
      height: 300,
      marginLeft: 44,
      marginRight: 64,
      style: { background: 'transparent' },
      x,
      y: { label: 'Fitness', nice: true },
      marks: [
        Plot.gridY(),
        xAxis({ ticks: ticks(width) }),
        yAxis(),
        Plot.areaY(assessed, { x: 'generation', y1: 'lower', y2: 'upper', fill: 'var(--series-1)', fillOpacity: 0.16 }),
        Plot.lineY(assessed, { x: 'generation', y: 'median', stroke: 'var(--series-1)', strokeDasharray: '5 3' }),
        Plot.lineY(assessed, { x: 'generation', y: 'best', stroke: 'var(--series-2)', strokeWidth: 2 }),
        Plot.dot(assessed, { x: 'generation', y: 'best', fill: 'var(--series-2)', r: 2.5 }),
        last && label(last.generation, last.best!, `best ${formatCorrelation(last.best)}`, 'var(--series-2)'),
        last && label(last.generation, last.median!, 'median', 'var(--series-1)'),
      ],
    }),
  }));
  const small = (name: string, title: string, value: 'validity' | 'distinct', most: number, percent: boolean) =>
    figure(
      name,
      `${title} by generation`,
      (width) => ({
        element: Plot.plot({
          width,
          height: 170,
          marginLeft: 44,
          style: { background: 'transparent' },
          x,
          y: { domain: [0, most], label: null, percent, ticks: 4 },
          marks: [
            Plot.gridY({ ticks: 4 }),
            xAxis({ ticks: ticks(width) }),
            yAxis({ ticks: 4 }),
            Plot.lineY(rows, { x: 'generation', y: value, stroke: 'var(--series-3)', strokeWidth: 1.8 }),
            Plot.dot(rows, { x: 'generation', y: value, fill: 'var(--series-3)', r: 2.2 }),
          ],
        }),
      }),
      title,
    ).element;
  const population = Math.max(1, ...rows.map(({ population }) => population));
  const table = new DataTable({
    caption: 'Generations',
    columns: [
      { title: 'generation', align: 'right', value: (row) => row.generation },
      { title: 'best', align: 'right', value: (row) => row.best, cell: (row) => formatCorrelation(row.best) },
      {
        title: 'upper quartile',
        align: 'right',
        value: (row) => row.upper,
        cell: (row) => formatCorrelation(row.upper),
      },
      { title: 'median', align: 'right', value: (row) => row.median, cell: (row) => formatCorrelation(row.median) },
      {
        title: 'lower quartile',
        align: 'right',
        value: (row) => row.lower,
        cell: (row) => formatCorrelation(row.lower),
      },
      {
        title: 'valid',
        align: 'right',
        value: (row) => row.validity,
        cell: (row) => `${(100 * row.validity).toFixed(1)} %`,
      },
      { title: 'distinct programs', align: 'right', value: (row) => row.distinct },
    ],
    rows,
    ...(rows.length > 20 && { page: 20 }),
  });
  return h(
    'div',
    {},
    fitness.element,
    h(
      'div',
      { class: 'plots' },
      small('validity', 'Share of programs made that are valid, %', 'validity', 100, true),
      small('distinct', `Distinct programs among ${population}`, 'distinct', population, false),
    ),
    h('details', {}, h('summary', {}, 'The numbers'), table.element),
  );
}

function label(x: number, y: number, text: string, fill: string) {
  return Plot.text([{ x, y }], { x: 'x', y: 'y', text: () => text, textAnchor: 'start', dx: 6, fill });
}
