import * as Plot from '@observablehq/plot';
import type { CorrelationRow, CorrelationsPanel, Measure } from '../../report.ts';
import { xAxis, yAxis } from '../axes.ts';
import { h } from '../dom.ts';
import { figure } from '../figure.ts';
import { formatCorrelation, formatNumber } from '../format.ts';
import { formula } from '../formula.ts';
import { segments } from '../segments.ts';
import { DataTable, type TableColumn } from '../table.ts';

/** Longer names are cut in the plot; the table has them whole. */
const LONGEST_NAME = 34;

const NONE: Measure = { value: null, low: null, high: null };

/** Bars with intervals for one measure at a time, and a table of all. */
export function correlationsPanel({ measures, rows }: CorrelationsPanel): HTMLElement {
  let measure = Object.keys(measures)[0] ?? 'kendallTau';
  const plot = figure('correlations', 'Correlation of each proxy with accuracy, with 95 % intervals', (width) => ({
    element: bars(rows, measure, measures[measure] ?? measure, width),
  }));
  const choice = segments('Measure', measures, measure, (key) => {
    measure = key;
    plot.redraw();
  });
  const figures = [...new Set(rows.flatMap((row) => Object.keys(row.figures)))];
  const columns: TableColumn<CorrelationRow>[] = [
    { title: 'proxy', value: ({ name }) => name, cell: (row) => nameCell(row) },
    ...Object.entries(measures).map(
      ([key, title]): TableColumn<CorrelationRow> => ({
        title,
        align: 'right',
        value: (row) => row.measures[key]?.value ?? null,
        cell: (row) => estimate(row.measures[key] ?? NONE),
      }),
    ),
    ...figures.map(
      (key): TableColumn<CorrelationRow> => ({
        title: key,
        align: 'right',
        value: (row) => row.figures[key] ?? null,
        cell: (row) => {
          const value = row.figures[key];
          return typeof value === 'number' ? formatNumber(value, 3) : String(value ?? '–');
        },
      }),
    ),
  ];
  const table = new DataTable({ caption: 'Correlation with accuracy and 95 % intervals', columns, rows });
  return h('div', {}, h('div', { class: 'controls screen' }, choice), plot.element, table.element);
}

function nameCell({ name, latex }: CorrelationRow): Node {
  return h('span', { class: 'named' }, h('span', {}, name), latex ? formula(latex) : null);
}

/** A value with its interval, both as text. */
export function estimate({ value, low, high }: Measure): Node {
  const interval = low === null || high === null ? '' : ` ${formatCorrelation(low)} … ${formatCorrelation(high)}`;
  return h('span', {}, formatCorrelation(value), h('small', {}, interval));
}

function bars(rows: readonly CorrelationRow[], key: string, title: string, width: number): Element {
  const data = rows.map(({ name, measures }) => ({ name: shorten(name), ...(measures[key] ?? NONE) }));
  // Names that are equal once cut would share a bar.
  const seen = new Map<string, number>();
  const named = data.map((row) => {
    const count = seen.get(row.name) ?? 0;
    seen.set(row.name, count + 1);
    return { ...row, name: row.name + '\u200b'.repeat(count) };
  });
  const order = named.toSorted((a, b) => (b.value ?? Number.NEGATIVE_INFINITY) - (a.value ?? Number.NEGATIVE_INFINITY));
  const shown = named.filter(({ value }) => value !== null);
  const bounds = shown.flatMap(({ value, low, high }) => [value!, low ?? value!, high ?? value!]);
  const longest = Math.max(4, ...named.map(({ name }) => name.length));
  return Plot.plot({
    width,
    marginLeft: Math.min(width * 0.42, 16 + longest * 7),
    marginRight: 52,
    height: 52 + 30 * named.length,
    style: { background: 'transparent' },
    x: {
      domain: [Math.min(0, ...bounds), Math.max(0.1, ...bounds)],
      nice: true,
      label: title,
      ticks: 6,
    },
    y: { domain: order.map(({ name }) => name), label: null, padding: 0.35 },
    marks: [
      Plot.gridX(),
      Plot.barX(shown, { x: 'value', y: 'name', fill: 'var(--series-1)', fillOpacity: 0.8 }),
      Plot.ruleY(shown, { x1: 'low', x2: 'high', y: 'name', stroke: 'var(--ink)', strokeWidth: 1.5, marker: 'tick' }),
      Plot.text(shown, {
        x: ({ value, high }) => Math.max(value, high ?? value, 0),
        y: 'name',
        text: ({ value }) => formatCorrelation(value),
        textAnchor: 'start',
        dx: 7,
        fill: 'var(--ink)',
      }),
      Plot.ruleX([0], { stroke: 'var(--rule)' }),
      yAxis(),
      xAxis(),
    ],
  });
}

function shorten(name: string): string {
  return name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME - 1)}…`;
}
