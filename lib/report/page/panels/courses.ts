import * as Plot from '@observablehq/plot';
import type { CoursesPanel } from '../../report.ts';
import { xAxis, yAxis } from '../axes.ts';
import { h } from '../dom.ts';
import { figure } from '../figure.ts';
import { formatNumber } from '../format.ts';
import { seriesColor } from '../palette.ts';
import { segments } from '../segments.ts';

const HORIZONTAL = { scored: 'Networks scored', seconds: 'Seconds of measuring' } as const;

const VERTICAL = { accuracy: 'Best by score', highest: 'Best met' } as const;

const SCALES = { linear: 'Even', log: 'Logarithmic' } as const;

/** Courses of searches in true accuracy: the mean over repeats with one standard deviation around it. */
export function coursesPanel({ optimum, searches }: CoursesPanel): HTMLElement {
  let by: keyof typeof HORIZONTAL = 'scored';
  let of: keyof typeof VERTICAL = 'accuracy';
  let scale: keyof typeof SCALES = 'linear';
  const plot = figure('courses', 'True accuracy in the course of each search', (width) => {
    const positive = scale === 'log';
    const points = searches.flatMap(({ name, ...search }) =>
      search[of][by].filter(({ at }) => !positive || at > 0).map((point) => ({ name, ...point })),
    );
    const accuracies = points.map(({ mean }) => mean).sort((a, b) => a - b);
    const top = Math.max(optimum ?? 0, ...points.map(({ high }) => high));
    // The first networks are often far below what is to be seen.
    const bottom = accuracies[Math.floor(accuracies.length * 0.03)] ?? 0;
    const color = {
      domain: searches.map(({ name }) => name),
      range: searches.map((_, place) => seriesColor(place)),
    };
    return {
      element: Plot.plot({
        width,
        height: Math.round(Math.min(440, Math.max(260, width * 0.5))),
        marginLeft: 48,
        marginRight: 20,
        clip: true,
        style: { background: 'transparent' },
        color,
        x: { type: scale, label: HORIZONTAL[by], tickFormat: (at: number) => formatNumber(at, 3) },
        y: {
          domain: [bottom - 0.05 * (top - bottom || 1), top + 0.04 * (top - bottom || 1)],
          label: 'True accuracy, %',
        },
        marks: [
          Plot.gridY({ ticks: 6 }),
          xAxis({ ticks: Math.max(3, Math.floor(width / 110)) }),
          yAxis({ ticks: 6 }),
          Plot.ruleY(optimum === null ? [] : [optimum], { stroke: 'var(--soft)', strokeDasharray: '5 4' }),
          Plot.areaY(points, {
            x: 'at',
            y1: 'low',
            y2: 'high',
            z: 'name',
            fill: 'name',
            fillOpacity: 0.13,
            curve: 'step-after',
          }),
          Plot.lineY(points, { x: 'at', y: 'mean', z: 'name', stroke: 'name', strokeWidth: 1.8, curve: 'step-after' }),
          Plot.tip(
            points,
            Plot.pointer({
              x: 'at',
              y: 'mean',
              maxRadius: 30,
              stroke: 'var(--rule)',
              fill: 'var(--paper)',
              title: ({ name, at, mean, high }) =>
                `${name}\n${formatNumber(at, 4)} ${by === 'scored' ? 'networks' : 's'}: ${mean.toFixed(2)} ± ${(high - mean).toFixed(2)} %`,
            }),
          ),
        ],
      }),
    };
  });
  const choose =
    <Key extends string>(set: (key: Key) => void) =>
    (key: Key) => {
      set(key);
      plot.redraw();
    };
  const legend = h(
    'p',
    { class: 'legend' },
    ...searches.map(({ name, repeats }, place) =>
      h(
        'span',
        {},
        h('i', { style: `background:${seriesColor(place)}` }),
        repeats > 1 ? `${name}, ${repeats} repeats` : name,
      ),
    ),
  );
  const controls = h(
    'div',
    { class: 'controls screen' },
    segments(
      'Horizontal axis',
      HORIZONTAL,
      by,
      choose((key) => {
        by = key;
      }),
    ),
    segments(
      'Vertical axis',
      VERTICAL,
      of,
      choose((key) => {
        of = key;
      }),
    ),
    segments(
      'Scale of the horizontal axis',
      SCALES,
      scale,
      choose((key) => {
        scale = key;
      }),
    ),
  );
  return h('div', {}, controls, legend, plot.element);
}
