import type { Report } from '../report.ts';
import { h } from './dom.ts';
import './page.css';
import { drawPanel } from './panels/index.ts';
import { themeToggle } from './theme.ts';

/** The report that lib/report/render.ts put into the page: deflated JSON, as base64. */
async function readReport(): Promise<Report> {
  const text = document.getElementById('report')!.textContent!.trim();
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return (await new Response(inflated).json()) as Report;
}

function draw(report: Report): void {
  const { title, lead, facts, sections } = report;
  const id = (at: number) => `section-${at + 1}`;
  const header = h(
    'header',
    {},
    h('div', { class: 'top' }, h('p', { class: 'brand' }, 'eznas'), themeToggle()),
    h('h1', {}, title),
    h('p', { class: 'lead' }, lead),
    h(
      'dl',
      { class: 'facts' },
      ...facts.map(({ label, value }) => h('div', {}, h('dt', {}, label), h('dd', {}, value))),
    ),
    sections.length > 2
      ? h(
          'nav',
          { class: 'screen', 'aria-label': 'Sections' },
          ...sections.map(({ title }, at) => h('a', { href: `#${id(at)}` }, title)),
        )
      : null,
  );
  const parts = sections.map(({ title, note, panel }, at) =>
    h(
      'section',
      { id: id(at), class: `panel-${panel.kind}`, 'aria-labelledby': `${id(at)}-title` },
      h('h2', { id: `${id(at)}-title` }, title),
      note ? h('p', { class: 'note' }, note) : null,
      drawPanel(panel, { report }),
    ),
  );
  document.body.append(h('main', {}, header, ...parts));
  document.documentElement.dataset['ready'] = '';
}

draw(await readReport());
