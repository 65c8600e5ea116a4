import * as Plot from '@observablehq/plot';
import type { MeanValue, SearchesPanel } from '../../report.ts';
import { xAxis, yAxis } from '../axes.ts';
import { h } from '../dom.ts';
import { figure } from '../figure.ts';
import { seriesColor } from '../palette.ts';
import { DataTable, type TableColumn } from '../table.ts';

type Row = SearchesPanel['rows'][number];

const MEANS = { accuracy: 'accuracy, %', regret: 'regret, %', highest: 'best met, %', seconds: 'seconds' } as const;

/** Searches at their end: a dot for each repeat, and a table with mean and standard deviation. */
export function searchesPanel({ optimum, rows }: SearchesPanel): HTMLElement {
  const dots = rows.flatMap(({ name, accuracies }) =>
    accuracies.flatMap((accuracy) => (accuracy === null ? [] : [{ name, accuracy }])),
  );
  const means = rows.flatMap(({ name, accuracy: { mean, deviation } }) =>
    mean === null ? [] : [{ name, mean, low: mean - (deviation ?? 0), high: mean + (deviation ?? 0) }],
  );
  const longest = Math.max(4, ...rows.map(({ name }) => name.length));
  const plot = figure('searches', 'True accuracy of the network that each search found, by repeat', (width) => ({
    element: Plot.plot({
      width,
      height: 56 + 34 * rows.length,
      marginLeft: Math.min(width * 0.42, 16 + longest * 7),
      marginRight: 24,
      style: { background: 'transparent' },
      x: { label: 'True accuracy, %', nice: true },
      y: { domain: rows.map(({ name }) => name), label: null, padding: 0.3 },
      color: { domain: rows.map(({ name }) => name), range: rows.map((_, place) => seriesColor(place)) },
      marks: [
        Plot.gridX({ ticks: 6 }),
        xAxis({ ticks: 6 }),
        yAxis(),
        Plot.ruleX(optimum === null ? [] : [optimum], { stroke: 'var(--soft)', strokeDasharray: '5 4' }),
        Plot.ruleY(means, { x1: 'low', x2: 'high', y: 'name', stroke: 'var(--ink)', strokeWidth: 1.5, marker: 'tick' }),
        Plot.tickX(means, { x: 'mean', y: 'name', stroke: 'var(--ink)', strokeWidth: 2, inset: 6 }),
        Plot.dot(dots, {
          x: 'accuracy',
          y: 'name',
          fill: 'name',
          fillOpacity: 0.6,
          r: 4,
          title: ({ name, accuracy }) => `${name}: ${accuracy.toFixed(2)} %`,
        }),
      ],
    }),
  }));
  const table = new DataTable<Row>({
    caption: 'Mean and standard deviation over the repeats',
    columns: [
      { title: 'search', value: ({ name }) => name },
      { title: 'algorithm', value: ({ algorithm }) => algorithm },
      { title: 'searched by', value: ({ objective }) => objective },
      ...(Object.keys(MEANS) as (keyof typeof MEANS)[]).map(
        (key): TableColumn<Row> => ({
          title: MEANS[key],
          align: 'right',
          value: (row) => row[key].mean,
          cell: (row) => meanText(row[key]),
        }),
      ),
      { title: 'repeats', align: 'right', value: ({ accuracies }) => accuracies.length },
    ],
    rows,
  });
  return h('div', {}, plot.element, table.element);
}

function meanText({ mean, deviation }: MeanValue): Node {
  if (mean === null) return h('span', {}, '–');
  return h('span', {}, mean.toFixed(2), h('small', {}, ` ± ${(deviation ?? 0).toFixed(2)}`));
}
