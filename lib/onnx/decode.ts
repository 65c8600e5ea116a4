import { EznasError } from '../errors.ts';
import { bytes, FieldBudget, fixed, float, integer, integers, message, readMessage, text } from './wire.ts';

/** A tensor as a file has it: its numbers are decoded when asked for, see tensor.ts. */
export interface FileTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Number of onnx.proto's TensorProto.DataType. */
  readonly type: number;
  readonly raw: Uint8Array | undefined;
  /** Numbers of fixed width, as bytes. */
  readonly fixed: readonly Uint8Array[];
  readonly integers: readonly number[];
  /** Where the numbers lie when they are in a file of their own: location, offset, length. */
  readonly external: ReadonlyMap<string, string> | undefined;
}

/** Value of an attribute: what is absent is undefined or empty. */
export interface FileAttribute {
  readonly integer: number | undefined;
  readonly float: number | undefined;
  readonly text: string | undefined;
  readonly integers: readonly number[];
  readonly floats: readonly Uint8Array[];
  readonly tensor: FileTensor | undefined;
}

export interface FileNode {
  readonly name: string;
  readonly op: string;
  /** Empty for the standard operators. */
  readonly domain: string;
  /** Names of values, empty where one is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, FileAttribute>;
}

/** An input or output of the graph. */
export interface FileValue {
  readonly name: string;
  /** A text names an extent that varies, empty where it has no name; undefined when no shape is told. */
  readonly shape: readonly (number | string)[] | undefined;
}

export interface FileModel {
  readonly producer: string;
  /** Versions of operator sets by domain. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly nodes: readonly FileNode[];
  readonly initializers: ReadonlyMap<string, FileTensor>;
  readonly inputs: readonly FileValue[];
  readonly outputs: readonly FileValue[];
}

/**
 * The parts of an ONNX file that make up a network; field numbers are those of onnx.proto (https://github.com/onnx/onnx).
 *
 * @param path names the file in messages
 * @throws EznasError INVALID_FILE when it is no ONNX file, or a damaged one; TOO_LARGE
 */
export function decodeModel(content: Uint8Array, path: string): FileModel {
  try {
    return modelOf(content);
  } catch (cause) {
    if (cause instanceof EznasError) throw new EznasError(cause.code, `${path}: ${cause.message}`, { cause });
    throw new EznasError(
      'INVALID_FILE',
      `${path} is not a whole ONNX model (${(cause as Error).message}); a file such as torch.onnx.export writes is needed`,
      { cause },
    );
  }
}

function modelOf(content: Uint8Array): FileModel {
  let producer = '';
  let version = 0;
  const graphs: Uint8Array[] = [];
  const budget = new FieldBudget();
  const opsets = new Map<string, number>();
  readMessage(content, budget, {
    1: integer((value) => {
      version = value;
    }),
    2: text((value) => {
      producer = value;
    }),
    7: message((inner) => graphs.push(inner)),
    8: message((inner) => {
      let domain = '';
      let number = 0;
      readMessage(inner, budget, {
        1: text((value) => {
          domain = value;
        }),
        2: integer((value) => {
          number = value;
        }),
      });
      opsets.set(domain === 'ai.onnx' ? '' : domain, number);
    }),
  });
  if (graphs.length === 0) throw new Error('it has no graph');
  if (version < 1) throw new Error('it has no version');
  // Pieces of a message are to be read as one.
  return { producer, opsets, ...graphOf(graphs.length === 1 ? graphs[0]! : Buffer.concat(graphs), budget) };
}

function graphOf(content: Uint8Array, budget: FieldBudget): Omit<FileModel, 'producer' | 'opsets'> {
  const nodes: FileNode[] = [];
  const initializers = new Map<string, FileTensor>();
  const inputs: FileValue[] = [];
  const outputs: FileValue[] = [];
  readMessage(content, budget, {
    1: message((inner) => nodes.push(nodeOf(inner, budget))),
    5: message((inner) => {
      const tensor = tensorOf(inner, budget);
      initializers.set(tensor.name, tensor);
    }),
    11: message((inner) => inputs.push(graphValueOf(inner, budget))),
    12: message((inner) => outputs.push(graphValueOf(inner, budget))),
  });
  return { nodes, initializers, inputs, outputs };
}

function nodeOf(content: Uint8Array, budget: FieldBudget): FileNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, FileAttribute>();
  let name = '';
  let op = '';
  let domain = '';
  readMessage(content, budget, {
    1: text((value) => inputs.push(value)),
    2: text((value) => outputs.push(value)),
    3: text((value) => {
      name = value;
    }),
    4: text((value) => {
      op = value;
    }),
    5: message((inner) => attributes.set(...attributeOf(inner, budget))),
    7: text((value) => {
      domain = value === 'ai.onnx' ? '' : value;
    }),
  });
  return { name, op, domain, inputs, outputs, attributes };
}

function attributeOf(content: Uint8Array, budget: FieldBudget): [string, FileAttribute] {
  let name = '';
  const decoder = new TextDecoder();
  const numbers: number[] = [];
  const floats: Uint8Array[] = [];
  const found: { -readonly [Key in keyof FileAttribute]: FileAttribute[Key] } = {
    integer: undefined,
    float: undefined,
    text: undefined,
    integers: numbers,
    floats,
    tensor: undefined,
  };
  readMessage(content, budget, {
    1: text((value) => {
      name = value;
    }),
    2: float((value) => {
      found.float = value;
    }),
    3: integer((value) => {
      found.integer = value;
    }),
    4: bytes((value) => {
      found.text = decoder.decode(value);
    }),
    5: message((inner) => {
      found.tensor = tensorOf(inner, budget);
    }),
    7: fixed(4, (value) => floats.push(value)),
    8: integers((value) => numbers.push(value)),
  });
  return [name, found];
}

function tensorOf(content: Uint8Array, budget: FieldBudget): FileTensor {
  const shape: number[] = [];
  const pieces: Uint8Array[] = [];
  const numbers: number[] = [];
  const places = new Map<string, string>();
  let name = '';
  let type = 0;
  let raw: Uint8Array | undefined;
  let location = 0;
  const whole = integers((value) => numbers.push(value));
  readMessage(content, budget, {
    1: integers((value) => shape.push(value)),
    2: integer((value) => {
      type = value;
    }),
    4: fixed(4, (value) => pieces.push(value)),
    5: whole,
    7: whole,
    8: text((value) => {
      name = value;
    }),
    9: bytes((value) => {
      raw = value;
    }),
    10: fixed(8, (value) => pieces.push(value)),
    13: message((inner) => {
      let key = '';
      let place = '';
      readMessage(inner, budget, {
        1: text((value) => {
          key = value;
        }),
        2: text((value) => {
          place = value;
        }),
      });
      places.set(key, place);
    }),
    14: integer((value) => {
      location = value;
    }),
  });
  return { name, shape, type, raw, fixed: pieces, integers: numbers, external: location === 1 ? places : undefined };
}

function graphValueOf(content: Uint8Array, budget: FieldBudget): FileValue {
  let name = '';
  let shape: (number | string)[] | undefined;
  readMessage(content, budget, {
    1: text((value) => {
      name = value;
    }),
    2: message((type) =>
      readMessage(type, budget, {
        1: message((tensor) =>
          readMessage(tensor, budget, {
            2: message((extents) => {
              shape = extentsOf(extents, budget);
            }),
          }),
        ),
      }),
    ),
  });
  return { name, shape };
}

function extentsOf(content: Uint8Array, budget: FieldBudget): (number | string)[] {
  const extents: (number | string)[] = [];
  readMessage(content, budget, {
    1: message((inner) => {
      let extent: number | string = '';
      readMessage(inner, budget, {
        1: integer((value) => {
          extent = value;
        }),
        2: text((value) => {
          extent = value;
        }),
      });
      extents.push(extent);
    }),
  });
  return extents;
}
