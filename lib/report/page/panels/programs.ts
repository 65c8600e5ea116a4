import type { ProgramCard, ProgramsPanel } from '../../report.ts';
import { h } from '../dom.ts';
import { figure } from '../figure.ts';
import { formatCorrelation } from '../format.ts';
import { formula } from '../formula.ts';
import { drawTree, MOST_DRAWN } from '../tree.ts';

/** Programs as formulas, trees and text. */
export function programsPanel({ programs }: ProgramsPanel): HTMLElement {
  return h('div', { class: programs.length === 1 ? 'programs one' : 'programs' }, ...programs.map(card));
}

function card(program: ProgramCard, place: number): HTMLElement {
  const { text, latex, tree, fitness, sign, generation, size } = program;
  const facts = [
    fitness !== null && `fitness ${formatCorrelation(fitness)}`,
    sign === -1 && 'lower is better',
    generation !== null && `generation ${generation}`,
    `${size} node${size === 1 ? '' : 's'}`,
  ].filter((fact) => fact !== false);
  return h(
    'article',
    { class: 'program' },
    h('p', { class: 'summary' }, facts.join(' · ')),
    latex ? h('div', { class: 'scroll' }, formula(latex, true)) : null,
    size <= MOST_DRAWN
      ? figure(`program-${place + 1}`, `tree of ${text}`, () => ({ element: drawTree(tree) })).element
      : h('p', {}, `A tree of ${size} nodes is too large to draw.`),
    h('code', {}, text),
  );
}
