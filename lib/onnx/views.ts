import {
  axesOf,
  BATCH,
  type Call,
  constant,
  type Element,
  elementsOf,
  type Feature,
  feature,
  featureOf,
  floatsIn,
  fromFront,
  integer,
  integers,
  integersIn,
  map,
  product,
  required,
  shown,
  Unsupported,
  type Value,
} from './values.ts';
import { withMargins } from './windows.ts';

/** `Flatten`, of everything but the number of images. */
export function flatten(call: Call): Value {
  const input = feature(call);
  const axis = integer(call.node, 'axis', 1);
  if ((axis < 0 ? axis + input.shape.length + 1 : axis) !== 1)
    throw new Unsupported(`it flattens from axis ${axis}; 1 is read`);
  return { ...input, shape: [product(input.shape)] };
}

/** `Reshape`, where images stay apart. */
export function reshape(call: Call): Value {
  const input = feature(call);
  const target = elementsOf(required(constant(call, 1), 'extents'), call);
  const zeroCopies = integer(call.node, 'allowzero', 0) === 0;
  return { ...input, shape: reshaped(input.shape, target, zeroCopies, call.batch) };
}

/** Extents beside the number of images that a target means. */
function reshaped(
  from: readonly number[],
  [first, ...rest]: readonly Element[],
  zeroCopies: boolean,
  batch: number | undefined,
): number[] {
  const size = product(from);
  const mixes = new Unsupported('it mixes images, or changes their number');
  const extents = rest.map((extent, at) => {
    if (extent === BATCH) throw mixes;
    return extent === 0 && zeroCopies ? (from[at] ?? 0) : extent;
  });
  const open = extents.indexOf(-1);
  const known = product(extents.filter((extent) => extent !== -1));
  if (first === -1 ? open >= 0 || known !== size : first !== BATCH && !(first === 0 && zeroCopies) && first !== batch)
    throw mixes;
  if (open >= 0) extents[open] = size / known;
  if (product(extents) !== size || !extents.every((extent) => Number.isInteger(extent) && extent > 0)) throw mixes;
  return extents;
}

/** `Squeeze` and `Unsqueeze`: axes of extent 1 come or go. */
export function squeeze(call: Call): Value {
  const input = feature(call);
  const given = axesOf(call);
  if (given === undefined) throw new Unsupported('the axes are not told');
  const axes = given.map((axis) => fromFront(axis, input.shape.length + 1) - 1);
  if (axes.some((axis) => input.shape[axis] !== 1))
    throw new Unsupported(`axes ${given.join(', ')} are not all of extent 1`);
  return { ...input, shape: input.shape.filter((_, axis) => !axes.includes(axis)) };
}

export function unsqueeze(call: Call): Value {
  const input = feature(call);
  const given = axesOf(call);
  if (given === undefined) throw new Unsupported('the axes are not told');
  const rank = input.shape.length + 1 + given.length;
  const axes = given.map((axis) => fromFront(axis, rank));
  if (axes.includes(0)) throw new Unsupported('it puts an axis before the images');
  const rest = [...input.shape];
  return { ...input, shape: Array.from({ length: rank - 1 }, (_, at) => (axes.includes(at + 1) ? 1 : rest.shift()!)) };
}

/**
 * `Transpose`: of axes of extent 1 it changes nothing; of channels that were split into two axes (as channels are shuffled between groups) it is
 * a new order of channels.
 */
export function transpose(call: Call): Value {
  const input = feature(call);
  const rank = input.shape.length + 1;
  const order = integers(call.node, 'perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  const sound =
    order.length === rank && new Set(order.map((axis) => fromFront(axis, rank))).size === rank && order[0] === 0;
  if (!sound) throw new Unsupported(`its order of axes is ${order.join(', ')}`);
  const axes = order.slice(1).map((axis) => axis - 1);
  const moved = { ...input, shape: axes.map((axis) => input.shape[axis]!) };
  const long = axes.filter((axis) => input.shape[axis]! > 1);
  if (long.every((axis, at) => at === 0 || axis > long[at - 1]!)) return moved;
  const [channels, height, width] = call.builder.shape(input.node);
  const [groups, each, ...map] = input.shape;
  if (axes.join() !== '1,0,2,3' || groups! * each! !== channels || map[0] !== height || map[1] !== width) {
    throw new Unsupported(
      `its order of axes is ${order.join(', ')}; those that move height or width are not read: maps are number × channels × height × width, as ` +
        'PyTorch writes them, and not channels last',
    );
  }
  const parts = Array.from({ length: channels }, (_, at) => (at % groups!) * each! + Math.floor(at / groups!));
  const slices = parts.map((channel) => call.builder.slice(input.node, 1, channel, channel + 1));
  return { ...moved, node: call.builder.concat(slices) };
}

/** `Slice` along channels, height and width. A step, the same along both of the latter, is a pool of one place. */
export function slice(call: Call): Value {
  const input = feature(call);
  const list = (at: number) => {
    const value = constant(call, at);
    return value && integersIn(value, call);
  };
  const starts = required(list(1), 'starts');
  const ends = required(list(2), 'ends');
  const axes = list(3) ?? starts.map((_, axis) => axis);
  const steps = list(4) ?? starts.map(() => 1);
  let found = input;
  const strides = [1, 1, 1, 1];
  for (const [at, given] of axes.entries()) {
    const axis = fromFront(given, input.shape.length + 1);
    if (axis === 0) throw new Unsupported('it takes some of the images');
    const extent = input.shape[axis - 1]!;
    const bound = (value: number) => Math.min(extent, Math.max(0, value < 0 ? value + extent : value));
    const [begin, end, step] = [bound(starts[at]!), bound(ends[at]!), steps[at]!];
    if (step < 1 || begin >= end)
      throw new Unsupported(`it takes ${starts[at]} … ${ends[at]} of ${extent} in steps of ${step}`);
    strides[axis] = step;
    found = part(call, found, axis, begin, end);
  }
  if (strides.every((step) => step === 1)) return found;
  if (strides[1] !== 1) throw new Unsupported('steps along channels are not read');
  const { node } = map({ ...call, inputs: [found] });
  return featureOf(call.builder, call.builder.maxPool(node, { kernel: 1, stride: [strides[2]!, strides[3]!] }));
}

/** `Split` along channels, height or width. */
export function split(call: Call): readonly Value[] {
  const input = feature(call);
  const axis = fromFront(integer(call.node, 'axis', 0), input.shape.length + 1);
  if (axis === 0) throw new Unsupported('it takes some of the images');
  const extent = input.shape[axis - 1]!;
  const parts = call.node.outputs.length;
  const size = Math.ceil(extent / parts);
  const sizes = axesOf(call, 'split') ?? Array.from({ length: parts }, (_, at) => Math.min(size, extent - at * size));
  if (sizes.length !== parts || sizes.reduce((sum, one) => sum + one, 0) !== extent) {
    throw new Unsupported(`parts of ${sizes.join(', ')} are no split of ${extent}`);
  }
  let begin = 0;
  return sizes.map((size) => {
    begin += size;
    return part(call, input, axis, begin - size, begin);
  });
}

/** A range of one axis, counted with that of the images. */
function part({ builder }: Call, input: Feature, axis: number, begin: number, end: number): Feature {
  const extent = input.shape[axis - 1]!;
  if (begin === 0 && end === extent) return input;
  const own = builder.shape(input.node);
  const alike =
    axis === 1
      ? own[0] === extent && own[1] * own[2] * extent === product(input.shape)
      : own.join() === input.shape.join();
  if (!alike)
    throw new Unsupported(`of the shape ${shown(input.shape)}, which was ${shown(own)} before, no part is read`);
  const node = builder.slice(input.node, axis as 1 | 2 | 3, begin, end);
  return { ...input, node, shape: input.shape.with(axis - 1, end - begin) };
}

/** `Pad` with zeros: around a map, where what reads it adds them, or of channels. */
export function pad(call: Call): Value {
  const input = map(call, 0, true);
  const mode = call.node.attributes.get('mode')?.text ?? 'constant';
  if (mode !== 'constant') throw new Unsupported(`it pads by ${mode}; constant zeros are read`);
  const value = constant(call, 2);
  if (value && floatsIn(value, call)[0] !== 0) throw new Unsupported('it pads with other than zeros');
  const given = integersIn(required(constant(call, 1), 'pads'), call);
  const listed = constant(call, 3);
  const axes = (listed ? integersIn(listed, call) : [0, 1, 2, 3]).map((axis) => fromFront(axis, 4));
  const pads = new Array<number>(8).fill(0);
  for (const [at, axis] of axes.entries()) {
    pads[axis] = given[at] ?? 0;
    pads[axis + 4] = given[at + axes.length] ?? 0;
  }
  if (pads.some((zeros) => zeros < 0)) throw new Unsupported(`it cuts by negative pads ${given.join(', ')}`);
  const [images, channels, top, left, imagesAfter, channelsAfter, bottom, right] = pads as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (images || imagesAfter) throw new Unsupported('it adds images');
  if (channels || channelsAfter) {
    if (input.margins || top || left || bottom || right) throw new Unsupported('it pads channels and places at once');
    const zeros = (count: number) => zeroChannels(call, input.node, count);
    return featureOf(call.builder, call.builder.concat([...zeros(channels), input.node, ...zeros(channelsAfter)]));
  }
  if (!(top || left || bottom || right)) return input;
  return withMargins(input, { begin: [top, left], end: [bottom, right] });
}

/** Maps of zeros with so many channels in all. */
function zeroChannels({ builder }: Call, node: number, count: number): number[] {
  const [channels] = builder.shape(node);
  const nodes: number[] = [];
  for (let left = count; left > 0; left -= channels) {
    nodes.push(builder.zero(left >= channels ? node : builder.slice(node, 1, 0, left)));
  }
  return nodes;
}
