import * as Plot from '@observablehq/plot';
import type { StagesPanel } from '../../report.ts';
import { xAxis, yAxis } from '../axes.ts';
import { h } from '../dom.ts';
import { figure } from '../figure.ts';
import { formatCorrelation } from '../format.ts';
import { DataTable } from '../table.ts';
import { estimate } from './correlations.ts';

/** Correlation by stage: a dot with its interval for each, beside that over all units. */
export function stagesPanel({ stages, rows }: StagesPanel): HTMLElement {
  const plots = rows.map(({ name, all, stages: values }) => {
    const data = [
      ...values.map(({ measure }, at) => ({ stage: stages[at]!, ...measure })),
      { stage: 'all units', ...all },
    ].filter(({ value }) => value !== null);
    return figure(
      `stages-${name.replace(/[^\w-]+/g, '-').slice(0, 60)}`,
      `${name}: rank correlation by stage`,
      (width) => ({
        element: Plot.plot({
          width,
          height: 220,
          marginLeft: 44,
          style: { background: 'transparent' },
          x: { domain: [...stages, 'all units'], label: null, padding: 0.4 },
          y: { label: 'Kendall τ-b', nice: true, zero: true, ticks: 5 },
          marks: [
            Plot.gridY({ ticks: 5 }),
            Plot.ruleY([0], { stroke: 'var(--rule)' }),
            Plot.barY(data, {
              x: 'stage',
              y: 'value',
              fill: (row) => (row.stage === 'all units' ? 'var(--series-3)' : 'var(--series-1)'),
              fillOpacity: 0.8,
            }),
            Plot.ruleX(data, {
              x: 'stage',
              y1: 'low',
              y2: 'high',
              stroke: 'var(--ink)',
              strokeWidth: 1.5,
              marker: 'tick',
            }),
            Plot.text(data, {
              x: 'stage',
              y: (row) => Math.max(row.value!, row.high ?? row.value!, 0),
              text: (row) => formatCorrelation(row.value),
              dy: -9,
              fill: 'var(--ink)',
            }),
            xAxis(),
            yAxis({ ticks: 5 }),
          ],
        }),
      }),
      name,
    ).element;
  });
  const table = new DataTable({
    caption: 'Kendall τ-b by stage, with 95 % intervals and the networks ranked',
    columns: [
      { title: 'proxy', value: (row) => row.name },
      ...stages.map((stage, at) => ({
        title: stage,
        align: 'right' as const,
        value: (row: (typeof rows)[number]) => row.stages[at]!.measure.value,
        cell: (row: (typeof rows)[number]) => {
          const { measure, networks } = row.stages[at]!;
          return h('span', {}, estimate(measure), h('small', {}, ` (${networks.toLocaleString('en')})`));
        },
      })),
      { title: 'all units', align: 'right' as const, value: (row) => row.all.value, cell: (row) => estimate(row.all) },
    ],
    rows,
  });
  return h('div', {}, h('div', { class: plots.length === 1 ? 'plots one' : 'plots' }, ...plots), table.element);
}
