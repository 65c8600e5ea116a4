import type { NetworksPanel } from '../../report.ts';
import { drawCell } from '../cells/draw.ts';
import { cellOf } from '../cells/index.ts';
import type { PageContext } from '../context.ts';
import { h } from '../dom.ts';
import { download } from '../export.ts';
import { formatNumber } from '../format.ts';
import { passing, pointed } from '../store.ts';
import { DataTable, type TableColumn } from '../table.ts';

/** Rows on one page of the table. */
const PAGE = 25;

/** The networks in a table, with a filter that the scatter plots follow. */
export function networksPanel(_: NetworksPanel, { report }: PageContext): HTMLElement {
  const table = report.networks!;
  const { space, indices, architectures, accuracies, scores, figures = {} } = table;
  const proxies = Object.keys(scores);
  const columns: TableColumn<number>[] = [
    { title: 'network', align: 'right', value: (place) => indices[place]!, cell: (place) => String(indices[place]) },
    {
      title: 'architecture',
      value: (place) => architectures[place]!,
      cell: (place) => {
        const cell = cellOf(space, architectures[place]!);
        return h(
          'span',
          { class: 'architecture' },
          cell && drawCell(cell, { width: 84, labels: false }),
          h('code', {}, architectures[place]!),
        );
      },
    },
    {
      title: 'accuracy, %',
      align: 'right',
      value: (place) => accuracies[place]!,
      cell: (place) => accuracies[place]?.toFixed(2) ?? '–',
    },
    ...proxies.map(
      (proxy): TableColumn<number> => ({
        title: proxy,
        align: 'right',
        value: (place) => scores[proxy]![place]!,
        cell: (place) => formatNumber(scores[proxy]![place], 6),
      }),
    ),
    ...Object.entries(figures).map(
      ([title, values]): TableColumn<number> => ({
        title,
        align: 'right',
        value: (place) => values[place]!,
        cell: (place) => formatNumber(values[place], 6),
      }),
    ),
  ];
  const view = new DataTable<number>({
    caption: 'Networks with their accuracy and scores',
    columns,
    rows: indices.map((_, place) => place),
    page: PAGE,
    // Without accuracies by the first score.
    sortedBy: accuracies.some((accuracy) => accuracy !== null) ? 2 : Math.min(3, columns.length - 1),
    onPoint: (place) => pointed.set(place ?? -1),
  });

  const text = h('input', {
    type: 'search',
    id: 'filter-text',
    placeholder: 'conv_3x3~0 or 6111',
    oninput: () => apply(),
  });
  const least = h('input', { type: 'number', id: 'filter-least', step: 'any', oninput: () => apply() });
  const most = h('input', { type: 'number', id: 'filter-most', step: 'any', oninput: () => apply() });
  const apply = () => {
    // Every word must occur; a number alone is the network's.
    const words = text.value.trim().split(/\s+/).filter(Boolean);
    const [low, high] = [bound(least, Number.NEGATIVE_INFINITY), bound(most, Number.POSITIVE_INFINITY)];
    if (words.length === 0 && low === Number.NEGATIVE_INFINITY && high === Number.POSITIVE_INFINITY) {
      view.filter(undefined);
      passing.set(null);
      return;
    }
    const passes = (place: number) =>
      (accuracies[place] ?? Number.NEGATIVE_INFINITY) >= low &&
      (accuracies[place] ?? Number.POSITIVE_INFINITY) <= high &&
      words.every((word) =>
        /^\d+$/.test(word) ? String(indices[place]) === word : architectures[place]!.includes(word),
      );
    view.filter(passes);
    passing.set(Uint8Array.from(indices, (_, place) => Number(passes(place))));
  };
  const field = (label: string, input: HTMLInputElement) => h('label', { for: input.id }, h('span', {}, label), input);
  return h(
    'div',
    {},
    h(
      'div',
      { class: 'controls screen', role: 'search' },
      field('Architecture or number', text),
      field('Accuracy from', least),
      field('to', most),
      h('button', { type: 'button', onclick: () => saveCsv(columns, view.rows) }, 'Save as CSV'),
    ),
    view.element,
  );
}

function bound(input: HTMLInputElement, none: number): number {
  return input.value === '' || Number.isNaN(input.valueAsNumber) ? none : input.valueAsNumber;
}

function saveCsv(columns: readonly TableColumn<number>[], places: readonly number[]): void {
  const quote = (value: string | number | null) => {
    const text = String(value ?? '');
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [
    columns.map(({ title }) => quote(title)),
    ...places.map((place) => columns.map(({ value }) => quote(value(place)))),
  ];
  download(new Blob([`${lines.map((line) => line.join(',')).join('\n')}\n`], { type: 'text/csv' }), 'networks.csv');
}
