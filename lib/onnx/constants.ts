import type { FileNode } from './decode.ts';
import { holdsIntegers } from './tensor.ts';
import {
  axesOf,
  type Call,
  type Constant,
  constantOf,
  type Element,
  elementsOf,
  fromFront,
  integer,
  integers,
  integersIn,
  product,
  required,
  Unsupported,
} from './values.ts';

/** What an operator makes of constants alone: exporters write shapes so. */
type Folder = (inputs: readonly (Constant | undefined)[], call: Call) => Constant;

/** A constant by its elements, as an operator on single ones needs it. */
const arithmetic =
  (of: (a: number, b: number) => number): Folder =>
  (inputs, call) => {
    const [a, b] = [required(inputs[0], 'first operand'), required(inputs[1], 'second operand')];
    const [left, right] = [integersIn(a, call), integersIn(b, call)];
    if (left.length !== right.length && left.length !== 1 && right.length !== 1)
      throw new Unsupported('its operands differ in size');
    const longer = left.length >= right.length ? a : b;
    const count = Math.max(left.length, right.length);
    const elements = Array.from({ length: count }, (_, at) =>
      of(left[left.length === 1 ? 0 : at]!, right[right.length === 1 ? 0 : at]!),
    );
    return constantOf(longer.shape, elements);
  };

/** A list of elements with another shape. */
function reshapedTo(value: Constant, shape: readonly number[]): Constant {
  return { ...value, ...(value.tensor && { tensor: { ...value.tensor, shape } }), shape };
}

const FOLDERS: Readonly<Record<string, Folder>> = {
  Identity: ([value]) => required(value, 'input'),
  Cast: ([value]) => required(value, 'input'),
  Add: arithmetic((a, b) => a + b),
  Sub: arithmetic((a, b) => a - b),
  Mul: arithmetic((a, b) => a * b),
  Div: arithmetic((a, b) => Math.trunc(a / b)),
  Unsqueeze: ([value], call) => {
    const axes = axesOf(call) ?? [];
    const { shape } = required(value, 'input');
    const rank = shape.length + axes.length;
    const places = axes.map((axis) => fromFront(axis, rank));
    const rest = [...shape];
    return reshapedTo(
      value!,
      Array.from({ length: rank }, (_, at) => (places.includes(at) ? 1 : rest.shift()!)),
    );
  },
  Squeeze: ([value], call) => {
    const { shape } = required(value, 'input');
    const axes = axesOf(call)?.map((axis) => fromFront(axis, shape.length));
    return reshapedTo(
      value!,
      shape.filter((extent, at) => (axes ? !axes.includes(at) : extent !== 1)),
    );
  },
  Reshape: ([value, target], call) => {
    const given = integersIn(required(target, 'extents'), call);
    const size = product(required(value, 'input').shape);
    const known = product(given.filter((extent) => extent !== -1));
    const shape = given.map((extent) => (extent === -1 ? size / known : extent));
    if (product(shape) !== size) throw new Unsupported('its extents do not fit');
    return reshapedTo(value!, shape);
  },
  Gather: ([value, place], call) => {
    if (integer(call.node, 'axis', 0) !== 0) throw new Unsupported('of constants, it is read along axis 0');
    const elements = elementsOf(required(value, 'input'), call);
    const places = integersIn(required(place, 'places'), call);
    return constantOf(
      place!.shape,
      places.map((at) => elements[fromFront(at, elements.length)]!),
    );
  },
  Concat: (inputs, call) => {
    const elements = inputs.flatMap((input) => [...elementsOf(required(input, 'input'), call)]);
    return constantOf([elements.length], elements);
  },
  Slice: ([value, ...ranges], call) => {
    const { shape } = required(value, 'input');
    const elements = elementsOf(value!, call);
    const [starts, ends, axes = [0], steps = [1]] = ranges.map((range) => range && integersIn(range, call));
    if (starts?.length !== 1 || axes.join() !== '0') throw new Unsupported('of constants, it takes rows alone');
    const [rows = 1, ...row] = shape;
    const size = product(row);
    const [step] = steps as [number];
    const bound = (at: number) =>
      Math.min(step > 0 ? rows : rows - 1, Math.max(step > 0 ? 0 : -1, at < 0 ? at + rows : at));
    const part: Element[] = [];
    let count = 0;
    for (let at = bound(starts[0]!); step > 0 ? at < bound(ends![0]!) : at > bound(ends![0]!); at += step || rows) {
      part.push(...elements.slice(at * size, (at + 1) * size));
      count++;
    }
    return constantOf([count, ...row], part);
  },
  Shape: ([value], call) => {
    const { shape } = required(value, 'input');
    const part = shape.slice(integer(call.node, 'start', 0), integer(call.node, 'end', shape.length));
    return constantOf([part.length], part);
  },
  ConstantOfShape: ([shape], call) => {
    const extents = integersIn(required(shape, 'extents'), call);
    const filled = call.node.attributes.get('value')?.tensor;
    if (!filled || !holdsIntegers(filled) || product(extents) > 1000) return { kind: 'constant', shape: extents };
    const [element] = elementsOf({ kind: 'constant', shape: [1], tensor: filled }, call);
    return constantOf(extents, new Array<Element>(product(extents)).fill(element!));
  },
  ReduceProd: ([value], call) => constantOf([], [product(integersIn(required(value, 'input'), call))]),
  Transpose: ([value], call) => transposed(required(value, 'input'), call),
};

/** A constant with its two axes exchanged: weights as a matrix product wants them are left where they are. */
function transposed(value: Constant, call: Call): Constant {
  const order = integers(call.node, 'perm') ?? [1, 0];
  if (value.shape.length !== 2 || order.join() !== '1,0') {
    throw new Unsupported('of constants, it exchanges two axes alone');
  }
  const shape = value.shape.toReversed();
  if (value.tensor && !holdsIntegers(value.tensor)) return { ...value, shape, exchanged: !value.exchanged };
  const elements = elementsOf(value, call);
  const [columns, rows] = shape as [number, number];
  return constantOf(
    shape,
    elements.map((_, at) => elements[(at % rows) * columns + Math.floor(at / rows)]!),
  );
}

/** Whether an operator on constants is one that is read. */
export function folds(op: string): boolean {
  return Object.hasOwn(FOLDERS, op);
}

/** What an operator gives whose inputs are all constant. @throws Unsupported */
export function fold(call: Call): Constant {
  return FOLDERS[call.node.op]!(call.inputs as (Constant | undefined)[], call);
}

/** `Constant`. @throws Unsupported */
export function constantNode({ attributes, name }: FileNode): Constant {
  const tensor = attributes.get('value')?.tensor;
  if (tensor) return { kind: 'constant', shape: tensor.shape, tensor };
  const one = attributes.get('value_int')?.integer;
  if (one !== undefined) return constantOf([], [one]);
  const many = attributes.get('value_ints')?.integers;
  if (many) return constantOf([many.length], many);
  const float = attributes.get('value_float')?.float;
  if (float !== undefined) {
    const raw = new Uint8Array(Float32Array.of(float).buffer);
    return {
      kind: 'constant',
      shape: [],
      tensor: { name, shape: [], type: 1, raw, fixed: [], integers: [], external: undefined },
    };
  }
  throw new Unsupported('its kind of value is not read');
}
