import { isAbsolute, join, normalize } from 'node:path';
import { fileBytes } from '../images/files.ts';
import type { FileTensor } from './decode.ts';

/** What of onnx.proto's TensorProto.DataType is read. */
const TYPES: Readonly<Record<number, { readonly name: string; readonly bytes: number }>> = {
  1: { name: 'float', bytes: 4 },
  6: { name: 'int32', bytes: 4 },
  7: { name: 'int64', bytes: 8 },
  9: { name: 'bool', bytes: 1 },
  10: { name: 'float16', bytes: 2 },
  11: { name: 'double', bytes: 8 },
  16: { name: 'bfloat16', bytes: 2 },
};

/** Integers that a constant may hold: they are shapes, axes and the like. */
const MAX_INTEGERS = 65_536;

/** Elements of a tensor. @throws Error for extents that cannot be. */
export function tensorSize({ shape }: FileTensor): number {
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (!shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0) || !Number.isSafeInteger(size)) {
    throw new Error(`a tensor has the shape [${shape.slice(0, 8).join(', ')}]`);
  }
  return size;
}

/**
 * A tensor's numbers, when they are floats.
 *
 * @param folder where the files of tensors outside the model are; undefined where there is none
 * @throws Error when they are none, or are not all there
 */
export function floatsOf(tensor: FileTensor, folder: string | undefined): Float32Array {
  const size = tensorSize(tensor);
  switch (typeOf(tensor).name) {
    case 'float':
      return numbersFrom(bytesOf(tensor, folder), size, 4, (view, at) => view.getFloat32(at, true));
    case 'double':
      return numbersFrom(bytesOf(tensor, folder), size, 8, (view, at) => view.getFloat64(at, true));
    case 'float16':
      return numbersFrom(bytesOf(tensor, folder), size, 2, (view, at) => halfFloat(view.getUint16(at, true)));
    case 'bfloat16': {
      const widened = new DataView(new ArrayBuffer(4));
      return numbersFrom(bytesOf(tensor, folder), size, 2, (view, at) => {
        widened.setUint16(0, view.getUint16(at, true));
        return widened.getFloat32(0);
      });
    }
    default:
      throw new Error(`tensor ${tensor.name} holds ${typeOf(tensor).name} in place of floats`);
  }
}

/** Whether a tensor's numbers are integers or truth values. */
export function holdsIntegers(tensor: FileTensor): boolean {
  return ['int32', 'int64', 'bool'].includes(typeOf(tensor).name);
}

/** A tensor's numbers, when they are integers, or truth values as 1 and 0. @throws Error as {@link floatsOf}, and for too many. */
export function integersOf(tensor: FileTensor, folder: string | undefined): number[] {
  const size = tensorSize(tensor);
  const { name, bytes } = typeOf(tensor);
  if (!holdsIntegers(tensor)) throw new Error(`tensor ${tensor.name} holds ${name} in place of integers`);
  if (size > MAX_INTEGERS)
    throw new Error(`tensor ${tensor.name} holds ${size} integers; at most ${MAX_INTEGERS} are read`);
  if (tensor.raw === undefined && tensor.external === undefined) {
    if (tensor.integers.length !== size) throw sizeError(tensor, tensor.integers.length, size);
    return [...tensor.integers];
  }
  const view = viewOf(bytesOf(tensor, folder));
  return Array.from({ length: size }, (_, at) => {
    if (bytes === 8) return Number(view.getBigInt64(8 * at, true));
    return bytes === 4 ? view.getInt32(4 * at, true) : view.getUint8(at);
  });
}

function typeOf({ name, type }: FileTensor): { readonly name: string; readonly bytes: number } {
  const known = TYPES[type];
  if (known === undefined) {
    const read = Object.values(TYPES).map((one) => one.name);
    throw new Error(`tensor ${name} has the element type ${type} of onnx.proto; read are ${read.join(', ')}`);
  }
  return known;
}

const sizeError = ({ name, shape }: FileTensor, found: number, needed: number) =>
  new Error(`tensor ${name} of shape [${shape.join(', ')}] has ${found} numbers in place of ${needed}`);

/** A tensor's bytes, wherever it keeps them. */
function bytesOf(tensor: FileTensor, folder: string | undefined): Uint8Array {
  const { bytes } = typeOf(tensor);
  const size = tensorSize(tensor);
  const found = tensor.external
    ? externalBytes(tensor, size * bytes, folder)
    : (tensor.raw ?? listedBytes(tensor, bytes));
  if (found.length !== size * bytes) throw sizeError(tensor, found.length / bytes, size);
  return found;
}

/** Of numbers that the message lists one by one: halves are listed as integers. */
function listedBytes(tensor: FileTensor, width: number): Uint8Array {
  if (width !== 2) return Buffer.concat(tensor.fixed);
  const bytes = Buffer.alloc(2 * tensor.integers.length);
  for (const [at, value] of tensor.integers.entries()) bytes.writeUInt16LE(value & 0xffff, 2 * at);
  return bytes;
}

/** Bytes in a file of their own beside the model; a path that leads out of its folder is refused. */
function externalBytes({ name, external }: FileTensor, length: number, folder: string | undefined): Uint8Array {
  const location = normalize(external!.get('location') ?? '');
  if (folder === undefined)
    throw new Error(`tensor ${name} lies in the file ${location}; give the path of the model, not its bytes`);
  if (isAbsolute(location) || location === '.' || location.startsWith('..')) {
    throw new Error(`tensor ${name} lies in ${location}, outside the model's folder`);
  }
  const offset = Number(external!.get('offset') ?? 0);
  if (!Number.isSafeInteger(offset) || offset < 0)
    throw new Error(`tensor ${name} lies at offset ${offset} of ${location}`);
  return fileBytes(join(folder, location)).read(offset, length);
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function numbersFrom(
  bytes: Uint8Array,
  size: number,
  width: number,
  read: (view: DataView, at: number) => number,
): Float32Array {
  const view = viewOf(bytes);
  const numbers = new Float32Array(size);
  for (let at = 0; at < size; at++) numbers[at] = read(view, width * at);
  return numbers;
}

/** The value of a float of 16 bits: a sign, 5 bits of exponent, 10 of mantissa. */
function halfFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}
