import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** A node of an ONNX graph. */
export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  /** Integers, lists of integers, or floats as `{ float }`. */
  readonly attributes?: Readonly<Record<string, number | readonly number[] | { readonly float: number }>>;
}

/** A constant tensor: float32, or int64 where the data is an array of integers. */
export interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | readonly number[];
}

/** An input or output, float32. */
export interface OnnxValue {
  readonly name: string;
  /** A text names an extent that may vary. */
  readonly shape: readonly (number | string)[];
}

export interface OnnxModel {
  readonly name: string;
  readonly producer: { readonly name: string; readonly version: string };
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxTensor[];
  readonly input: OnnxValue;
  readonly output: OnnxValue;
}

/** Version of the format and of its standard operators: old enough for runtimes of 2022, new enough for all that is used. */
const IR_VERSION = 8;
const OPSET = 17;

/** onnx.proto's TensorProto.DataType and AttributeProto.AttributeType. */
const DATA = { float: 1, int64: 7 };
const ATTRIBUTE = { float: 1, int: 2, ints: 7 };

/** Writes the fields of a message; the numbers are those of onnx.proto (https://github.com/onnx/onnx). */
type Fields = (writer: BinaryWriter) => void;

/** A model as the bytes of an ONNX file. */
export function encodeOnnx({ name, producer, nodes, constants, input, output }: OnnxModel): Uint8Array {
  const writer = new BinaryWriter();
  integer(writer, 1, IR_VERSION);
  text(writer, 2, producer.name);
  text(writer, 3, producer.version);
  message(writer, 7, (graph) => {
    for (const node of nodes) message(graph, 1, nodeFields(node));
    text(graph, 2, name);
    for (const constant of constants) message(graph, 5, tensorFields(constant));
    message(graph, 11, valueFields(input));
    message(graph, 12, valueFields(output));
  });
  message(writer, 8, (opset) => {
    text(opset, 1, '');
    integer(opset, 2, OPSET);
  });
  return writer.finish();
}

function nodeFields({ op, inputs, output, attributes = {} }: OnnxNode): Fields {
  return (writer) => {
    for (const input of inputs) text(writer, 1, input);
    text(writer, 2, output);
    text(writer, 3, output);
    text(writer, 4, op);
    for (const [name, value] of Object.entries(attributes)) {
      message(writer, 5, (attribute) => {
        text(attribute, 1, name);
        if (typeof value === 'number') {
          integer(attribute, 3, value);
          integer(attribute, 20, ATTRIBUTE.int);
        } else if ('float' in value) {
          attribute.tag(2, WireType.Bit32).float(value.float);
          integer(attribute, 20, ATTRIBUTE.float);
        } else {
          for (const one of value) integer(attribute, 8, one);
          integer(attribute, 20, ATTRIBUTE.ints);
        }
      });
    }
  };
}

function tensorFields({ name, shape, data }: OnnxTensor): Fields {
  return (writer) => {
    for (const extent of shape) integer(writer, 1, extent);
    integer(writer, 2, data instanceof Float32Array ? DATA.float : DATA.int64);
    text(writer, 8, name);
    writer.tag(9, WireType.LengthDelimited).bytes(littleEndian(data));
  };
}

function valueFields({ name, shape }: OnnxValue): Fields {
  return (writer) => {
    text(writer, 1, name);
    message(writer, 2, (type) =>
      message(type, 1, (tensor) => {
        integer(tensor, 1, DATA.float);
        message(tensor, 2, (extents) => {
          for (const extent of shape) {
            message(extents, 1, (dimension) => {
              if (typeof extent === 'number') integer(dimension, 1, extent);
              else text(dimension, 2, extent);
            });
          }
        });
      }),
    );
  };
}

function littleEndian(data: Float32Array | readonly number[]): Uint8Array {
  const floats = data instanceof Float32Array;
  const bytes = Buffer.alloc(data.length * (floats ? 4 : 8));
  for (const [at, value] of data.entries()) {
    if (floats) bytes.writeFloatLE(value, 4 * at);
    else bytes.writeBigInt64LE(BigInt(value), 8 * at);
  }
  return bytes;
}

function message(writer: BinaryWriter, field: number, fields: Fields): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  fields(writer);
  writer.join();
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value);
}

function integer(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Varint).int64(value);
}
