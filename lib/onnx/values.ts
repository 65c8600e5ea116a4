import type { GraphBuilder } from '../graph/builder.ts';
import type { Pair } from '../graph/graph.ts';
import type { FileNode, FileTensor } from './decode.ts';
import { floatsOf, integersOf } from './tensor.ts';

/** Stands in shapes for the number of images, which is not known. */
export const BATCH = Symbol('batch');

/** An integer, or the number of images. */
export type Element = number | typeof BATCH;

/** Rows and columns of zeros around a map, which the window that reads it is to add. */
export interface Margins {
  /** Above and to the left. */
  readonly begin: Pair;
  /** Below and to the right. */
  readonly end: Pair;
}

/** What a node of our graph gives. */
export interface Feature {
  readonly kind: 'feature';
  readonly node: number;
  /** Its extents beside the number of images; elements stand in the order of the node's own shape. */
  readonly shape: readonly number[];
  /** Zeros that are not added yet. */
  readonly margins?: Margins;
}

/** What does not depend on the images: weights, or the integers of shapes. */
export interface Constant {
  readonly kind: 'constant';
  readonly shape: readonly number[];
  /** As the file has it; or else its elements, or neither where they are not known. */
  readonly tensor?: FileTensor;
  readonly elements?: readonly Element[];
  /** Whether its two axes are to be exchanged yet. */
  readonly exchanged?: boolean;
}

/** What an operator gives that cannot be read, or that nobody needs. */
export interface Lost {
  readonly kind: 'lost';
}

export type Value = Feature | Constant | Lost;

export const LOST: Lost = { kind: 'lost' };

/** Why a node cannot be read. */
export class Unsupported extends Error {}

/** A node being read: its inputs, and what is made of it. */
export interface Call {
  readonly node: FileNode;
  /** Undefined where an input is left out; none is lost. */
  readonly inputs: readonly (Value | undefined)[];
  readonly builder: GraphBuilder;
  /** Version of the standard operators. */
  readonly opset: number;
  /** Folder of tensors outside the model. */
  readonly folder: string | undefined;
  /** Number of images that the model is made for; undefined where it takes any. */
  readonly batch: number | undefined;
  /** Whether nothing but the graph's output is what the node gives. */
  readonly last: boolean;
  /** Keeps something to be told; how often it was is told too. */
  readonly remark: (what: Remark) => void;
  /** Whether the network is to start from the weights of the file. */
  readonly fileWeights: boolean;
  /** Keeps the weights of a node of ours. */
  readonly keep: (node: number, weights: KeptWeights) => void;
}

/** What is read otherwise than it is written. */
export type Remark = 'inference normalization' | 'epsilon' | 'dropout' | 'softmax';

/** Weights as the file has them; of a normalization scale and shift. */
export interface KeptWeights {
  readonly weight: Constant;
  readonly bias: Constant | undefined;
  /** Whether a linear layer's weights are inputs × features. */
  readonly transposed?: boolean;
}

/** Makes of a node what it gives, a value for each of its outputs. @throws Unsupported, EznasError INVALID_GRAPH */
export type Translator = (call: Call) => Value | readonly Value[];

export function constantOf(shape: readonly number[], elements: readonly Element[]): Constant {
  return { kind: 'constant', shape, elements };
}

/** A node's output with its own shape. */
export function featureOf(
  builder: GraphBuilder,
  node: number,
  shape: readonly number[] = builder.shape(node),
): Feature {
  return { kind: 'feature', node, shape };
}

const ordinal = (at: number): string => `input ${at + 1}`;

/** An input that depends on the images; one with margins where the node adds them. */
export function feature({ inputs }: Call, at = 0, withMargins = false): Feature {
  const value = inputs[at];
  if (value?.kind !== 'feature') throw new Unsupported(`its ${ordinal(at)} does not depend on the images`);
  if (value.margins && !withMargins)
    throw new Unsupported('zeros around a map are added by convolutions and pools alone');
  return value;
}

/** An input that is a map: channels × height × width. */
export function map(call: Call, at = 0, withMargins = false): Feature {
  const value = feature(call, at, withMargins);
  const own = call.builder.shape(value.node);
  if (value.shape.length !== 3 || own.some((extent, axis) => extent !== value.shape[axis])) {
    throw new Unsupported(`its ${ordinal(at)} is no map of two dimensions, but has the shape ${shown(value.shape)}`);
  }
  return value;
}

/** An input that is the same for all images; undefined where it is left out. */
export function constant({ inputs }: Call, at: number): Constant | undefined {
  const value = inputs[at];
  if (value !== undefined && value.kind !== 'constant') throw new Unsupported(`its ${ordinal(at)} is not constant`);
  return value;
}

/** An input that has to be there. */
export function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Unsupported(`its ${what} are missing`);
  return value;
}

/** A constant's integers, among which the number of images may be. */
export function elementsOf({ elements, tensor }: Constant, { folder }: Call): readonly Element[] {
  if (elements) return elements;
  if (tensor === undefined) throw new Unsupported('a shape is computed in a way that is not read');
  return attempt(() => integersOf(tensor, folder));
}

/** A constant's integers. */
export function integersIn(value: Constant, call: Call): number[] {
  return elementsOf(value, call).map((element) => {
    if (element === BATCH) throw new Unsupported('it depends on the number of images');
    return element;
  });
}

/** A constant's floats. */
export function floatsIn({ tensor }: Constant, { folder }: Call): Float32Array {
  if (tensor === undefined) throw new Unsupported('numbers are computed in a way that is not read');
  return attempt(() => floatsOf(tensor, folder));
}

function attempt<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Unsupported((error as Error).message, { cause: error });
  }
}

/** An integer attribute. */
export function integer({ attributes }: FileNode, name: string, fallback: number): number {
  return attributes.get(name)?.integer ?? fallback;
}

/** A float attribute. */
export function float({ attributes }: FileNode, name: string, fallback: number): number {
  return attributes.get(name)?.float ?? fallback;
}

/** An attribute of integers; undefined where it is not given. */
export function integers({ attributes }: FileNode, name: string): readonly number[] | undefined {
  return attributes.get(name)?.integers;
}

/** Axes given as an attribute, or as an input in later versions; undefined where they are not given. */
export function axesOf(call: Call, name = 'axes', at = 1): readonly number[] | undefined {
  const given = integers(call.node, name);
  if (given) return given;
  const value = constant(call, at);
  return value && integersIn(value, call);
}

/** An axis of so many, counted from the front. */
export function fromFront(axis: number, rank: number): number {
  const counted = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(counted) || counted < 0 || counted >= rank) throw new Unsupported(`it has no axis ${axis}`);
  return counted;
}

export const shown = (shape: readonly number[]): string => (shape.length === 0 ? '1' : shape.join('×'));

export const product = (shape: readonly number[]): number => shape.reduce((size, extent) => size * extent, 1);
