import type { Pair } from '../graph/graph.ts';
import { windowExtent } from '../graph/shapes.ts';
import {
  type Call,
  constant,
  type Feature,
  featureOf,
  integer,
  integers,
  type Margins,
  map,
  required,
  shown,
  Unsupported,
  type Value,
} from './values.ts';

/** A convolution's or pool's window and the zeros around the map that it reads. */
interface Window {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  readonly margins: Margins;
}

/** One axis of a window whose zeros are the same on both sides, as our nodes have it, and the outputs of it that are meant. */
interface Placement {
  readonly padding: number;
  readonly first: number;
  readonly count: number;
}

const NO_MARGINS: Margins = { begin: [0, 0], end: [0, 0] };

/** `Conv`. Zeros that differ from side to side are read as more of them on both sides and a cut of the output. */
export function conv(call: Call): Value {
  const { node, builder, keep } = call;
  const weight = required(constant(call, 1), 'weights');
  const bias = constant(call, 2);
  if (weight.shape.length !== 4) {
    throw new Unsupported(`its kernel has ${weight.shape.length - 2} dimensions; convolutions of 2 are read`);
  }
  const input = map(call, 0, true);
  const [outChannels, inChannels, height, width] = weight.shape as readonly [number, number, number, number];
  const groups = integer(node, 'group', 1);
  const [channels, ...extents] = builder.shape(input.node);
  if (inChannels * groups !== channels) {
    throw new Unsupported(`weights ${shown(weight.shape)} in ${groups} groups do not fit ${channels} channels`);
  }
  const window = windowOf(call, input, [height, width]);
  const places = axes((axis) => place(window, axis, extents[axis]!, { most: Number.POSITIVE_INFINITY }));
  if (places === undefined) throw new Unsupported(`its kernel ${height}×${width} does not fit the map`);
  const { kernel, stride, dilation } = window;
  const padding = paddingOf(places);
  const made = builder.conv2d(input.node, outChannels, {
    kernel,
    stride,
    padding,
    dilation,
    groups,
    bias: bias !== undefined,
  });
  keep(made, { weight, bias });
  return cut(call, made, places);
}

/** `MaxPool`. Zeros before it can stay out only after an activation that gives nothing less. */
export function maxPool(call: Call): Value {
  const { builder } = call;
  const input = map(call, 0, true);
  if (input.margins && !nonNegative(call, input.node)) {
    throw new Unsupported('zeros are added before it, where values below zero may be; maxima would change');
  }
  const window = poolWindow(call, input, true);
  const { places, ceilMode } = poolPlaces(call, window, builder.shape(input.node), true);
  const { kernel, stride } = window;
  return cut(call, builder.maxPool(input.node, { kernel, stride, padding: paddingOf(places), ceilMode }), places);
}

/** `AveragePool`. */
export function averagePool(call: Call): Value {
  const { node, builder } = call;
  const input = map(call, 0, true);
  const own = windowOf(call, { ...input, margins: NO_MARGINS }, kernelOf(call)).margins;
  const padded = [...own.begin, ...own.end].some((zeros) => zeros > 0);
  const countsOwn = integer(node, 'count_include_pad', 0) === 1;
  if (input.margins && padded && !countsOwn) throw new Unsupported('only some of the zeros around its map count');
  const countPadding = input.margins !== undefined || (padded && countsOwn);
  const window = poolWindow(call, input, false);
  const { places, ceilMode } = poolPlaces(call, window, builder.shape(input.node), !countPadding);
  const { kernel, stride } = window;
  const padding = paddingOf(places);
  return cut(call, builder.avgPool(input.node, { kernel, stride, padding, ceilMode, countPadding }), places);
}

/** `GlobalMaxPool`. */
export function globalMaxPool(call: Call): Value {
  const { node } = map(call);
  const [, height, width] = call.builder.shape(node);
  return featureOf(call.builder, call.builder.maxPool(node, { kernel: [height, width], stride: 1 }));
}

/** Zeros around a map, which the window after it adds. */
export function withMargins(input: Feature, { begin, end }: Margins): Feature {
  const { begin: b, end: e } = input.margins ?? NO_MARGINS;
  return {
    ...input,
    margins: { begin: [begin[0] + b[0], begin[1] + b[1]], end: [end[0] + e[0], end[1] + e[1]] },
  };
}

function nonNegative({ builder }: Call, node: number): boolean {
  return ['relu', 'relu6', 'sigmoid', 'hardSigmoid'].includes(builder.node(node).kind);
}

function kernelOf({ node }: Call): Pair {
  const kernel = integers(node, 'kernel_shape') ?? [];
  if (kernel.length !== 2) throw new Unsupported(`its window has ${kernel.length} dimensions; pools of 2 are read`);
  return [kernel[0]!, kernel[1]!];
}

function poolWindow(call: Call, input: Feature, maximum: boolean): Window {
  const window = windowOf(call, input, kernelOf(call));
  if (window.dilation.some((step) => step !== 1)) throw new Unsupported('pools with dilation are not read');
  if (maximum && call.node.outputs.filter(Boolean).length > 1)
    throw new Unsupported('the places of maxima are not given');
  return window;
}

function windowOf({ node, builder }: Call, input: Feature, kernel: Pair): Window {
  const pair = (name: string, fallback: number): Pair => {
    const given = integers(node, name) ?? [fallback, fallback];
    if (given.length !== 2) throw new Unsupported(`its ${name} are ${given.length} numbers in place of 2`);
    if (!given.every((value) => value >= 1)) throw new Unsupported(`its ${name} are ${given.join(', ')}`);
    return [given[0]!, given[1]!];
  };
  const stride = pair('strides', 1);
  const dilation = pair('dilations', 1);
  const pads = integers(node, 'pads') ?? [0, 0, 0, 0];
  if (pads.length !== 4 || pads.some((zeros) => !(zeros >= 0)))
    throw new Unsupported(`its pads are [${pads.join(', ')}]`);
  const [top, left, bottom, right] = pads as [number, number, number, number];
  const [, ...extents] = builder.shape(input.node);
  const added = input.margins ?? NO_MARGINS;
  const padded: Pair = [extents[0]! + added.begin[0] + added.end[0], extents[1]! + added.begin[1] + added.end[1]];
  const own =
    autoMargins(node.attributes.get('auto_pad')?.text ?? 'NOTSET', padded, kernel, stride, dilation) ??
    ({ begin: [top, left], end: [bottom, right] } as Margins);
  return { kernel, stride, dilation, margins: withMargins({ ...input, margins: added }, own).margins! };
}

/** What `auto_pad` means; undefined where the node's own pads count. */
function autoMargins(mode: string, extents: Pair, kernel: Pair, stride: Pair, dilation: Pair): Margins | undefined {
  if (mode === 'NOTSET' || mode === '') return undefined;
  if (mode === 'VALID') return NO_MARGINS;
  if (mode !== 'SAME_UPPER' && mode !== 'SAME_LOWER') throw new Unsupported(`its auto_pad is ${mode}`);
  const total = ([0, 1] as const).map((axis) => {
    const count = Math.ceil(extents[axis] / stride[axis]);
    return Math.max(0, (count - 1) * stride[axis] + dilation[axis] * (kernel[axis] - 1) + 1 - extents[axis]);
  });
  const less = total.map((zeros) => zeros >> 1);
  const more = total.map((zeros, axis) => zeros - less[axis]!);
  const [begin, end] = mode === 'SAME_UPPER' ? [less, more] : [more, less];
  return { begin: [begin[0]!, begin[1]!], end: [end[0]!, end[1]!] };
}

const axes = (of: (axis: 0 | 1) => Placement | undefined): readonly [Placement, Placement] | undefined => {
  const [vertical, horizontal] = [of(0), of(1)];
  return vertical && horizontal && [vertical, horizontal];
};

const paddingOf = (places: readonly [Placement, Placement]): Pair => [places[0].padding, places[1].padding];

/**
 * Where the windows of one axis lie with the same zeros on both sides: those before, or so many strides more that all are reached.
 *
 * @param rounding up, where the output is meant so; and whether our node is to do so
 * @param most zeros on a side
 */
function place(
  { kernel, stride, dilation, margins: { begin, end } }: Window,
  axis: 0 | 1,
  extent: number,
  {
    most,
    ceil = false,
    ceilMode = false,
  }: { readonly most: number; readonly ceil?: boolean; readonly ceilMode?: boolean },
): Placement | undefined {
  const span = extent + begin[axis] + end[axis] - dilation[axis] * (kernel[axis] - 1) - 1;
  let count = (ceil ? Math.ceil(span / stride[axis]) : Math.floor(span / stride[axis])) + 1;
  // The last window has to begin before the zeros at the end, as in PyTorch.
  if (ceil && (count - 1) * stride[axis] >= extent + begin[axis]) count--;
  if (count < 1) return undefined;
  for (let padding = begin[axis], first = 0; first === 0 || padding <= most; padding += stride[axis], first++) {
    if (ceilMode && first > 0) return undefined;
    const reached = windowExtent(extent, kernel[axis], stride[axis], padding, dilation[axis], ceilMode);
    if (reached >= first + count) return { padding, first, count };
  }
  return undefined;
}

/** Of a pool, whose zeros are at most half of its window: rounding extents up reaches places at the end too. */
function poolPlaces(
  { node }: Call,
  window: Window,
  [, ...extents]: readonly number[],
  mayRoundUp: boolean,
): { places: readonly [Placement, Placement]; ceilMode: boolean } {
  const { kernel, margins } = window;
  const ceil = integer(node, 'ceil_mode', 0) === 1;
  const even = margins.begin.join() === margins.end.join();
  for (const ceilMode of mayRoundUp || (ceil && even) ? [false, true] : [false]) {
    const places = axes((axis) => place(window, axis, extents[axis]!, { most: kernel[axis] >> 1, ceil, ceilMode }));
    if (places) return { places, ceilMode };
  }
  const { begin, end } = margins;
  throw new Unsupported(
    `its window ${shown(kernel)} does not fit the map with zeros of ${shown(begin)} before and ${shown(end)} behind`,
  );
}

/** The outputs that are meant. */
function cut({ builder }: Call, node: number, places: readonly [Placement, Placement]): Feature {
  let made = node;
  for (const axis of [0, 1] as const) {
    const { first, count } = places[axis];
    if (builder.shape(made)[axis + 1] === count) continue;
    made = builder.slice(made, axis === 0 ? 2 : 3, first, first + count);
  }
  return featureOf(builder, made);
}
