import temml from 'temml';
import { h } from './dom.ts';

/** A LaTeX formula as MathML, which browsers draw by themselves. */
export function formula(latex: string, display = false): HTMLElement {
  const element = h('span', { class: display ? 'formula display' : 'formula' });
  temml.render(latex, element, { displayMode: display, throwOnError: false });
  return element;
}
