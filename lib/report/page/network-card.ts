import type { NetworkTable } from '../report.ts';
import { drawCell } from './cells/draw.ts';
import { cellOf } from './cells/index.ts';
import { h } from './dom.ts';
import { formatNumber } from './format.ts';

/**
 * What pointing at a network shows: its number, accuracy, score, and its cell as a graph or its text.
 *
 * @param proxy whose score is shown; all of the table's without one
 */
export function networkCard(table: NetworkTable, place: number, proxy?: string): HTMLElement {
  const architecture = table.architectures[place]!;
  const cell = cellOf(table.space, architecture);
  const accuracy = table.accuracies[place]!;
  const scores = proxy === undefined ? Object.keys(table.scores) : [proxy];
  return h(
    'div',
    { class: 'card' },
    h('strong', {}, `Network ${table.indices[place]}`),
    h(
      'dl',
      {},
      ...(accuracy === null ? [] : [h('dt', {}, 'accuracy'), h('dd', {}, `${accuracy.toFixed(2)} %`)]),
      ...scores.flatMap((name) => [
        h('dt', {}, proxy === undefined ? name : 'score'),
        h('dd', {}, formatNumber(table.scores[name]![place], 6)),
      ]),
    ),
    cell && drawCell(cell),
    h('code', {}, architecture),
  );
}
