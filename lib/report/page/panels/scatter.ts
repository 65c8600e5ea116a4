import * as Plot from '@observablehq/plot';
import { type Quadtree, quadtree } from 'd3-quadtree';
import type { NetworkTable, ScatterPanel } from '../../report.ts';
import { xAxis, yAxis } from '../axes.ts';
import { sharpContext } from '../canvas.ts';
import type { PageContext } from '../context.ts';
import { h, s } from '../dom.ts';
import { type Drawing, figure } from '../figure.ts';
import { formatNumber } from '../format.ts';
import { networkCard } from '../network-card.ts';
import { segments } from '../segments.ts';
import { passing, pointed } from '../store.ts';
import { color } from '../theme.ts';
import { hideTip, showTip } from '../tip.ts';

const AXES = { score: 'Score', log: 'Log score', rank: 'Rank of the score' } as const;

type Axis = keyof typeof AXES;

type Vertical = 'accuracy' | 'rank';

/** Pixels around the pointer in which a dot counts as pointed at. */
const REACH = 24;

/** One plot for each proxy: axes as SVG, dots on a canvas, since 15,625 elements would make a page slow. */
export function scatterPanel({ accuracy }: ScatterPanel, { report }: PageContext): HTMLElement {
  const table = report.networks!;
  const proxies = Object.keys(table.scores);
  let axis: Axis = proxies.every((proxy) => isSpread(table.scores[proxy]!)) ? 'score' : 'rank';
  let vertical = 'accuracy' as Vertical;
  const accuracyRanks = rankOf(table.accuracies) as number[];
  const plots = proxies.map((proxy) => proxyPlot(proxy, table, accuracy, accuracyRanks, () => ({ axis, vertical })));
  const redraw = () => {
    for (const plot of plots) plot.redraw();
  };
  const horizontal = segments('Horizontal axis', AXES, axis, (key) => {
    axis = key;
    redraw();
  });
  const upright = segments<Vertical>(
    'Vertical axis',
    { accuracy: 'Accuracy', rank: 'Rank of the accuracy' },
    vertical,
    (key) => {
      vertical = key;
      redraw();
    },
  );
  return h(
    'div',
    {},
    h('div', { class: 'controls screen' }, horizontal, upright),
    h('div', { class: proxies.length === 1 ? 'plots one' : 'plots' }, ...plots.map(({ element }) => element)),
  );
}

/** Whether scores fill their range, so that a plot of them is not one column of dots. */
function isSpread(scores: readonly (number | null)[]): boolean {
  const sorted = scores.filter((score) => score !== null).sort((a, b) => a - b);
  if (sorted.length < 3) return true;
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]!;
  return at(0.9) - at(0.1) > 0.05 * (at(1) - at(0));
}

interface Dot {
  readonly place: number;
  readonly x: number;
  readonly y: number;
}

function proxyPlot(
  proxy: string,
  table: NetworkTable,
  accuracy: string,
  accuracyRanks: readonly number[],
  chosen: () => { axis: Axis; vertical: Vertical },
) {
  const scores = table.scores[proxy]!;
  const ranks = rankOf(scores);
  const draw = (width: number): Drawing => {
    const { axis, vertical } = chosen();
    const heights = vertical === 'rank' ? accuracyRanks : table.accuracies;
    const values: readonly (number | null)[] =
      axis === 'rank'
        ? ranks
        : axis === 'log'
          ? scores.map((score) => (score !== null && score > 0 ? score : null))
          : scores;
    const shown = values.flatMap((value, place) => (value === null ? [] : [place]));
    const height = Math.round(Math.min(420, Math.max(240, width * 0.72)));
    const svg = Plot.plot({
      width,
      height,
      marginLeft: 44,
      marginBottom: 38,
      marginRight: 12,
      style: { background: 'transparent' },
      x: {
        type: axis === 'log' ? 'log' : 'linear',
        domain: extent(
          shown.map((place) => values[place]!),
          axis === 'log',
        ),
        nice: axis !== 'log',
        label: AXES[axis],
        ticks: Math.max(3, Math.floor(width / 90)),
        tickFormat: (value: number) => formatNumber(value, 3),
      },
      y: {
        domain: extent(heights, false),
        nice: true,
        label: vertical === 'rank' ? 'Rank of the accuracy' : accuracy,
        ticks: 6,
      },
      marks: [Plot.gridX({ ticks: 5 }), Plot.gridY({ ticks: 6 }), xAxis(), yAxis()],
    }) as SVGSVGElement & Plot.Plot;
    const [scaleX, scaleY] = [svg.scale('x')!, svg.scale('y')!];
    const dots: Dot[] = shown.map((place) => ({
      place,
      x: scaleX.apply(values[place]!) as number,
      y: scaleY.apply(heights[place]!) as number,
    }));
    const canvas = h('canvas', { class: 'dots', 'data-dots': dots.length });
    const paint = () => paintDots(canvas, dots, width, height);
    paint();
    const ring = s('circle', { r: 6, class: 'ring', visibility: 'hidden' });
    svg.append(ring);
    const byPlace = new Map(dots.map((dot) => [dot.place, dot]));
    live = {
      paint,
      ring,
      byPlace,
      tree: quadtree(
        dots,
        (dot) => dot.x,
        (dot) => dot.y,
      ),
    };
    return { element: h('div', { class: 'layers' }, svg, canvas), image: () => withDots(svg, dots) };
  };
  let live: { paint: () => void; ring: SVGCircleElement; byPlace: Map<number, Dot>; tree: Quadtree<Dot> } | undefined;
  const plot = figure(
    `score-${proxy.replace(/[^\w-]+/g, '-').slice(0, 60)}`,
    `${proxy}: score against ${accuracy} of ${scores.length} networks`,
    draw,
    proxy,
  );
  passing.subscribe(() => live?.paint());
  pointed.subscribe((place) => {
    const dot = live?.byPlace.get(place);
    live?.ring.setAttribute('visibility', dot ? 'visible' : 'hidden');
    if (!dot) return;
    live?.ring.setAttribute('cx', String(dot.x));
    live?.ring.setAttribute('cy', String(dot.y));
  });
  const stage = plot.element.querySelector<HTMLElement>('.stage')!;
  stage.addEventListener('pointermove', (event) => {
    const box = stage.getBoundingClientRect();
    const dot = live?.tree.find(event.clientX - box.left, event.clientY - box.top, REACH);
    pointed.set(dot?.place ?? -1);
    if (dot) showTip(networkCard(table, dot.place, proxy), event.clientX, event.clientY);
    else hideTip();
  });
  stage.addEventListener('pointerleave', () => {
    pointed.set(-1);
    hideTip();
  });
  return plot;
}

/** Many dots are small and faint, so that dense places show. */
function dotStyle(count: number): { radius: number; opacity: number } {
  if (count > 5000) return { radius: 1.3, opacity: 0.3 };
  if (count > 500) return { radius: 1.8, opacity: 0.5 };
  return { radius: 2.6, opacity: 0.75 };
}

function paintDots(canvas: HTMLCanvasElement, dots: readonly Dot[], width: number, height: number): void {
  const context = sharpContext(canvas, width, height);
  const { radius, opacity } = dotStyle(dots.length);
  const pass = passing.value;
  const layer = (style: string, alpha: number, wanted: (dot: Dot) => boolean) => {
    context.fillStyle = style;
    context.globalAlpha = alpha;
    for (const dot of dots) {
      if (!wanted(dot)) continue;
      context.beginPath();
      context.arc(dot.x, dot.y, radius, 0, 2 * Math.PI);
      context.fill();
    }
  };
  if (pass === null) {
    layer(color('series-1'), opacity, () => true);
    return;
  }
  layer(color('faint'), 0.35, ({ place }) => pass[place] === 0);
  layer(color('series-2'), Math.max(opacity, 0.6), ({ place }) => pass[place] === 1);
}

/** The plot as one image: all dots in one path, each a stroke of no length with round ends. */
function withDots(svg: SVGSVGElement, dots: readonly Dot[]): SVGSVGElement {
  const { radius, opacity } = dotStyle(dots.length);
  const path = s('path', {
    d: dots.map(({ x, y }) => `M${x.toFixed(1)},${y.toFixed(1)}h0`).join(''),
    stroke: color('series-1'),
    'stroke-width': 2 * radius,
    'stroke-opacity': opacity,
    'stroke-linecap': 'round',
    fill: 'none',
    class: 'export-dots',
  });
  // On the page for as long as it is copied, so that its styles are known.
  svg.append(path);
  queueMicrotask(() => path.remove());
  return svg;
}

function extent(values: readonly number[], positive: boolean): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return positive ? [1, 10] : [0, 1];
  if (low === high) return positive ? [low / 2, low * 2] : [low - 1, high + 1];
  return [low, high];
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
