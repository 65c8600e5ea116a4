import * as Plot from '@observablehq/plot';
import type { TimesPanel } from '../../report.ts';
import { xAxis, yAxis } from '../axes.ts';
import { h } from '../dom.ts';
import { figure } from '../figure.ts';
import { formatSeconds } from '../format.ts';

const PARTS = { evaluate: 'evaluating programs', other: 'variation, checks and ranking', save: 'saving' } as const;

const COLORS = ['var(--series-1)', 'var(--series-2)', 'var(--series-3)'];

/** Seconds of each part of the whole run, and of each generation. */
export function timesPanel({ stages, generations }: TimesPanel): HTMLElement {
  const total = stages.reduce((sum, { seconds }) => sum + seconds, 0);
  const whole = figure(
    'times',
    'Seconds of each part of the run',
    (width) => ({
      element: Plot.plot({
        width,
        height: 40 + 30 * stages.length,
        marginLeft: Math.min(width * 0.5, 290),
        marginRight: 80,
        style: { background: 'transparent' },
        x: { label: 'Seconds', ticks: 5 },
        y: { domain: stages.map(({ name }) => name), label: null, padding: 0.35 },
        marks: [
          Plot.gridX({ ticks: 5 }),
          xAxis({ ticks: 5 }),
          yAxis(),
          Plot.barX(stages, { x: 'seconds', y: 'name', fill: 'var(--series-1)', fillOpacity: 0.8 }),
          Plot.text(stages, {
            x: 'seconds',
            y: 'name',
            text: ({ seconds }) => `${formatSeconds(seconds)}, ${Math.round((100 * seconds) / (total || 1))} %`,
            textAnchor: 'start',
            dx: 5,
            fill: 'var(--ink)',
          }),
        ],
      }),
    }),
    `${formatSeconds(total)} in all`,
  );
  const rows = generations.flatMap((row) =>
    (Object.keys(PARTS) as (keyof typeof PARTS)[]).map((part) => ({
      generation: row.generation,
      part: PARTS[part],
      seconds: row[part],
    })),
  );
  const byGeneration = figure(
    'times-by-generation',
    'Seconds of each generation',
    (width) => ({
      element: Plot.plot({
        width,
        height: 220,
        marginLeft: 44,
        style: { background: 'transparent' },
        x: { type: 'band', label: 'Generation', padding: 0.15 },
        y: { label: 'Seconds', ticks: 5 },
        marks: [
          Plot.gridY({ ticks: 5 }),
          Plot.barY(rows, {
            x: 'generation',
            y: 'seconds',
            fill: ({ part }) => COLORS[Object.values(PARTS).indexOf(part)]!,
          }),
          xAxis({
            ticks: generations
              .map(({ generation }) => generation)
              .filter((_, at) => at % Math.ceil(generations.length / Math.max(1, width / 40)) === 0),
          }),
          yAxis({ ticks: 5 }),
        ],
      }),
    }),
    h(
      'span',
      { class: 'legend' },
      ...Object.values(PARTS).map((name, at) => h('span', {}, h('i', { style: `background:${COLORS[at]}` }), name)),
    ),
  );
  return h('div', {}, whole.element, generations.length > 0 ? byGeneration.element : null);
}
