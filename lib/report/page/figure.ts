import { h } from './dom.ts';
import { downloadPng, downloadSvg } from './export.ts';
import { drawSoon } from './schedule.ts';
import { repaint } from './store.ts';

/** What a figure draws. */
export interface Drawing {
  readonly element: Element;
  /** The drawing as one SVG image, for export; by default the element. */
  readonly image?: () => SVGSVGElement;
}

/**
 * A figure that draws itself in the width it has, anew when that changes or the colours do, with buttons that export it.
 *
 * @param name of exported files, without their ending
 * @param description what a reader who cannot see it is told
 */
export function figure(
  name: string,
  description: string,
  draw: (width: number) => Drawing,
  caption?: Node | string,
): { readonly element: HTMLElement; readonly redraw: () => void } {
  const stage = h('div', { class: 'stage', role: 'img', 'aria-label': description });
  let drawing: Drawing | undefined;
  let width = 0;
  const redraw = () =>
    drawSoon(stage, () => {
      if (width === 0) return;
      drawing = draw(width);
      stage.replaceChildren(drawing.element);
    });
  const image = () => drawing?.image?.() ?? (stage.querySelector('svg') as SVGSVGElement);
  const element = h(
    'figure',
    {},
    caption !== undefined && h('figcaption', {}, caption),
    stage,
    h(
      'div',
      { class: 'exports screen' },
      h('button', { type: 'button', title: `Save as ${name}.svg`, onclick: () => downloadSvg(image(), name) }, 'SVG'),
      h('button', { type: 'button', title: `Save as ${name}.png`, onclick: () => downloadPng(image(), name) }, 'PNG'),
    ),
  );
  new ResizeObserver(([entry]) => {
    const now = Math.floor(entry!.contentRect.width);
    if (now === width) return;
    width = now;
    redraw();
  }).observe(stage);
  repaint.subscribe(redraw);
  return { element, redraw };
}
