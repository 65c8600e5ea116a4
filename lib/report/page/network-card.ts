import type { NetworkTable } from '../report.ts';
import { drawCell } from './cells/draw.ts';
import { cellOf } from './cells/index.ts';
import { h } from './dom.ts';
import { formatNumber } from './format.ts';

/** What pointing at a network shows: its number, accuracy, score, and its cell as a graph or its text. */
export function networkCard(table: NetworkTable, place: number, proxy?: string): HTMLElement {
  const architecture = table.architectures[place]!;
  const cell = cellOf(table.space, architecture);
  const score = proxy === undefined ? undefined : table.scores[proxy]![place];
  return h(
    'div',
    { class: 'card' },
    h('strong', {}, `Network ${table.indices[place]}`),
    h(
      'dl',
      {},
      h('dt', {}, 'accuracy'),
      h('dd', {}, `${table.accuracies[place]!.toFixed(2)} %`),
      ...(score === undefined ? [] : [h('dt', {}, 'score'), h('dd', {}, formatNumber(score, 6))]),
    ),
    cell && drawCell(cell),
    h('code', {}, architecture),
  );
}
