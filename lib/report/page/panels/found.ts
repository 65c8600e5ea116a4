import { drawCells } from '../../../drawing/cells.ts';
import type { FoundPanel } from '../../report.ts';
import { drawCell } from '../cells/draw.ts';
import { cellOf } from '../cells/index.ts';
import type { PageContext } from '../context.ts';
import { h } from '../dom.ts';
import { figure } from '../figure.ts';
import { formatNumber } from '../format.ts';

/** Found networks as cards: cells, figures and text. */
export function foundPanel({ networks }: FoundPanel, { report }: PageContext): HTMLElement {
  const space = report.networks?.space;
  // Cells that are drawn at large need the whole width.
  const compact = networks.every(
    ({ architecture, cells }) => cells.length === 0 || (space !== undefined && cellOf(space, architecture)),
  );
  return h('div', { class: compact && networks.length > 1 ? 'programs' : 'programs one' }, ...networks.map(card));

  function card({ architecture, cells, figures }: FoundPanel['networks'][number], place: number): HTMLElement {
    const draw = () => {
      const cell = space === undefined ? undefined : cellOf(space, architecture);
      return { element: cell ? drawCell(cell) : parseSvg(drawCells(cells)) };
    };
    return h(
      'article',
      { class: 'program found card' },
      cells.length > 0
        ? h('div', { class: 'scroll' }, figure(`network-${place + 1}`, `cells of ${architecture}`, draw).element)
        : null,
      h(
        'dl',
        {},
        ...Object.entries(figures).flatMap(([name, value]) => [
          h('dt', {}, name),
          h('dd', {}, name === 'network' ? String(value) : formatNumber(value, 6)),
        ]),
      ),
      h('code', {}, architecture),
    );
  }
}

/** An image that this package made. */
function parseSvg(text: string): SVGSVGElement {
  return new DOMParser().parseFromString(text, 'image/svg+xml').documentElement as unknown as SVGSVGElement;
}
