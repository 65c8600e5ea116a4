import type { ScatterPanel } from '../../report.ts';
import type { PageContext } from '../context.ts';
import { h } from '../dom.ts';
import { networkDots } from '../dots.ts';
import { segments } from '../segments.ts';

const AXES = { score: 'Score', log: 'Log score', rank: 'Rank of the score' } as const;

type Axis = keyof typeof AXES;

const UPRIGHT = { accuracy: 'Accuracy', rank: 'Rank of the accuracy' } as const;

/** Score against accuracy, one plot for each proxy. */
export function scatterPanel({ accuracy }: ScatterPanel, { report }: PageContext): HTMLElement {
  const table = report.networks!;
  const proxies = Object.keys(table.scores);
  let axis: Axis = proxies.every((proxy) => isSpread(table.scores[proxy]!)) ? 'score' : 'rank';
  let upright: keyof typeof UPRIGHT = 'accuracy';
  const accuracyRanks = once(() => rankOf(table.accuracies));
  const plots = proxies.map((proxy) => {
    const scores = table.scores[proxy]!;
    const ranks = once(() => rankOf(scores));
    return networkDots({
      name: `score-${proxy}`,
      title: proxy,
      table,
      proxy,
      axes: () => ({
        x: { values: axis === 'rank' ? ranks() : scores, label: AXES[axis], log: axis === 'log' },
        y:
          upright === 'rank'
            ? { values: accuracyRanks(), label: UPRIGHT.rank }
            : { values: table.accuracies, label: accuracy },
      }),
    });
  });
  const redraw = () => {
    for (const plot of plots) plot.redraw();
  };
  const controls = [
    segments('Horizontal axis', AXES, axis, (key) => {
      axis = key;
      redraw();
    }),
    segments<keyof typeof UPRIGHT>('Vertical axis', UPRIGHT, upright, (key) => {
      upright = key;
      redraw();
    }),
  ];
  return h(
    'div',
    {},
    h('div', { class: 'controls screen' }, ...controls),
    h('div', { class: proxies.length === 1 ? 'plots one' : 'plots' }, ...plots.map(({ element }) => element)),
  );
}

/** A value that is computed when it is first asked for. */
function once<T>(compute: () => T): () => T {
  let value: { readonly of: T } | undefined;
  return () => {
    value ??= { of: compute() };
    return value.of;
  };
}

/** Whether scores fill their range, so that a plot of them is not one column of dots. */
function isSpread(scores: readonly (number | null)[]): boolean {
  const sorted = scores.filter((score) => score !== null).sort((a, b) => a - b);
  if (sorted.length < 3) return true;
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]!;
  return at(0.9) - at(0.1) > 0.05 * (at(1) - at(0));
}

/** Rank of each score from 1, the lowest; equal scores share the mean of their ranks. */
function rankOf(scores: readonly (number | null)[]): (number | null)[] {
  const places = scores.flatMap((score, place) => (score === null ? [] : [place]));
  places.sort((a, b) => scores[a]! - scores[b]!);
  const ranks: (number | null)[] = scores.map(() => null);
  for (let begin = 0; begin < places.length; ) {
    let end = begin;
    while (end < places.length && scores[places[end]!] === scores[places[begin]!]) end++;
    for (let at = begin; at < end; at++) ranks[places[at]!] = (begin + end + 1) / 2;
    begin = end;
  }
  return ranks;
}
