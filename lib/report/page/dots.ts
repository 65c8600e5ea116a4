import * as Plot from '@observablehq/plot';
import { type Quadtree, quadtree } from 'd3-quadtree';
import type { NetworkTable } from '../report.ts';
import { xAxis, yAxis } from './axes.ts';
import { sharpContext } from './canvas.ts';
import { h, s } from './dom.ts';
import { type Drawing, figure } from './figure.ts';
import { formatNumber } from './format.ts';
import { networkCard } from './network-card.ts';
import { drawSoon } from './schedule.ts';
import { passing, pointed } from './store.ts';
import { color } from './theme.ts';
import { hideTip, showTip } from './tip.ts';

/** Pixels around the pointer in which a dot counts as pointed at. */
const REACH = 24;

/** One axis: a value for each network, null where it has none. */
export interface DotsAxis {
  readonly values: readonly (number | null)[];
  readonly label: string;
  readonly log?: boolean;
}

export interface DotsOptions {
  /** Of exported files. */
  readonly name: string;
  readonly title: string;
  readonly table: NetworkTable;
  /** Score that the card of a network shows. */
  readonly proxy?: string;
  /** Asked for at every drawing. */
  readonly axes: () => { readonly x: DotsAxis; readonly y: DotsAxis };
  /** Places of networks that stand out. */
  readonly marked?: ReadonlySet<number>;
}

interface Dot {
  readonly place: number;
  readonly x: number;
  readonly y: number;
}

/**
 * The networks of the table as dots: axes as SVG, dots on a canvas, since 15,625 elements would make a page slow. Pointing at one shows its card and
 * rings it in every such plot; networks that the filter leaves out are faint.
 */
export function networkDots({ name, title, table, proxy, axes, marked }: DotsOptions) {
  const draw = (width: number): Drawing => {
    const { x, y } = axes();
    const shown = x.values.flatMap((value, place) => {
      const low = x.log ? 0 : Number.NEGATIVE_INFINITY;
      return value === null || value <= low || y.values[place] === null ? [] : [place];
    });
    const height = Math.round(Math.min(420, Math.max(240, width * 0.72)));
    const svg = Plot.plot({
      width,
      height,
      marginLeft: 48,
      marginBottom: 38,
      marginRight: 12,
      style: { background: 'transparent' },
      x: {
        type: x.log ? 'log' : 'linear',
        domain: extent(
          shown.map((place) => x.values[place]!),
          x.log ?? false,
        ),
        nice: !x.log,
        label: x.label,
        ticks: Math.max(3, Math.floor(width / 90)),
        tickFormat: (value: number) => formatNumber(value, 3),
      },
      y: {
        domain: extent(
          shown.map((place) => y.values[place]!),
          false,
        ),
        nice: true,
        label: y.label,
        ticks: 6,
        tickFormat: (value: number) => formatNumber(value, 3),
      },
      marks: [Plot.gridX({ ticks: 5 }), Plot.gridY({ ticks: 6 }), xAxis(), yAxis()],
    }) as SVGSVGElement & Plot.Plot;
    const [scaleX, scaleY] = [svg.scale('x')!, svg.scale('y')!];
    const dots: Dot[] = shown.map((place) => ({
      place,
      x: scaleX.apply(x.values[place]!) as number,
      y: scaleY.apply(y.values[place]!) as number,
    }));
    const canvas = h('canvas', { class: 'dots', 'data-dots': dots.length });
    const paint = () => paintDots(canvas, dots, width, height, marked);
    paint();
    const ring = s('circle', { r: 6, class: 'ring', visibility: 'hidden' });
    svg.append(ring);
    live = {
      paint,
      ring,
      byPlace: new Map(dots.map((dot) => [dot.place, dot])),
      tree: quadtree(
        dots,
        (dot) => dot.x,
        (dot) => dot.y,
      ),
    };
    return { element: h('div', { class: 'layers' }, svg, canvas), image: () => withDots(svg, dots, marked) };
  };
  let live: { paint: () => void; ring: SVGCircleElement; byPlace: Map<number, Dot>; tree: Quadtree<Dot> } | undefined;
  const { y } = axes();
  const plot = figure(
    name.replace(/[^\w-]+/g, '-').slice(0, 66),
    `${title}: ${y.label} of ${table.architectures.length} networks`,
    draw,
    title,
  );
  pointed.subscribe((place) => {
    const dot = live?.byPlace.get(place);
    live?.ring.setAttribute('visibility', dot ? 'visible' : 'hidden');
    if (!dot) return;
    live?.ring.setAttribute('cx', String(dot.x));
    live?.ring.setAttribute('cy', String(dot.y));
  });
  const stage = plot.element.querySelector<HTMLElement>('.stage')!;
  passing.subscribe(() => drawSoon(plot.element, () => live?.paint()));
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

function paintDots(
  canvas: HTMLCanvasElement,
  dots: readonly Dot[],
  width: number,
  height: number,
  marked: ReadonlySet<number> | undefined,
): void {
  const context = sharpContext(canvas, width, height);
  const { radius, opacity } = dotStyle(dots.length);
  const pass = passing.value;
  const layer = (style: string, alpha: number, wanted: (dot: Dot) => boolean, size = radius) => {
    context.fillStyle = style;
    context.globalAlpha = alpha;
    // A square of the same area cannot be told from so small a circle, and is drawn several times faster.
    const side = size < 1.5 ? size * Math.sqrt(Math.PI) : 0;
    for (const dot of dots) {
      if (!wanted(dot)) continue;
      if (side > 0) {
        context.fillRect(dot.x - side / 2, dot.y - side / 2, side, side);
        continue;
      }
      context.beginPath();
      context.arc(dot.x, dot.y, size, 0, 2 * Math.PI);
      context.fill();
    }
  };
  if (pass === null) layer(color('series-1'), opacity, () => true);
  else {
    layer(color('faint'), 0.35, ({ place }) => pass[place] === 0);
    layer(color('series-2'), Math.max(opacity, 0.6), ({ place }) => pass[place] === 1);
  }
  if (marked) {
    layer(color('series-2'), 1, ({ place }) => marked.has(place) && (pass === null || pass[place] === 1), radius + 1.2);
  }
}

/** The plot as one image: all dots in one path, each a stroke of no length with round ends. */
function withDots(svg: SVGSVGElement, dots: readonly Dot[], marked?: ReadonlySet<number>): SVGSVGElement {
  const { radius, opacity } = dotStyle(dots.length);
  const pathOf = (some: readonly Dot[], stroke: string, width: number, alpha: number) =>
    s('path', {
      d: some.map(({ x, y }) => `M${x.toFixed(1)},${y.toFixed(1)}h0`).join(''),
      stroke: color(stroke),
      'stroke-width': 2 * width,
      'stroke-opacity': alpha,
      'stroke-linecap': 'round',
      fill: 'none',
      class: 'export-dots',
    });
  const paths = [pathOf(dots, 'series-1', radius, opacity)];
  if (marked) {
    const some = dots.filter(({ place }) => marked.has(place));
    paths.push(pathOf(some, 'series-2', radius + 1.2, 1));
  }
  // On the page for as long as it is copied, so that its styles are known.
  svg.append(...paths);
  queueMicrotask(() => {
    for (const path of paths) path.remove();
  });
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
