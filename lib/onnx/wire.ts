import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { EznasError } from '../errors.ts';

/** Fields of one file that are looked at, and integers in lists: more than any network has, and few enough to be held. */
const MAX_FIELDS = 1_000_000;

/** Counts the fields of a file, so that a small one cannot become a huge structure in memory. */
export class FieldBudget {
  #left = MAX_FIELDS;

  /** @throws EznasError TOO_LARGE */
  spend(count = 1): void {
    this.#left -= count;
    if (this.#left < 0) throw new EznasError('TOO_LARGE', `the model has more than ${MAX_FIELDS} fields`);
  }
}

/** Takes one field of a message. */
export type FieldReader = (reader: BinaryReader, wire: WireType, budget: FieldBudget) => void;

/**
 * Reads a message of the protocol buffer wire format, field by field; fields without a reader are passed over.
 *
 * @param fields readers by field number
 * @throws Error when the bytes are no such message, EznasError TOO_LARGE
 */
export function readMessage(
  bytes: Uint8Array,
  budget: FieldBudget,
  fields: Readonly<Record<number, FieldReader>>,
): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    budget.spend();
    const [number, wire] = reader.tag();
    const field = fields[number];
    if (field) field(reader, wire, budget);
    else reader.skip(wire, number);
    if (reader.pos > reader.len) throw new RangeError('premature EOF');
  }
}

function requireWire(wire: WireType, expected: WireType): void {
  if (wire !== expected) throw new Error(`a field has wire type ${wire} in place of ${expected}`);
}

/** A text field. */
export const text =
  (take: (value: string) => void): FieldReader =>
  (reader, wire) => {
    requireWire(wire, WireType.LengthDelimited);
    take(reader.string());
  };

/** A field of bytes; they are a view of the file. */
export const bytes =
  (take: (value: Uint8Array) => void): FieldReader =>
  (reader, wire) => {
    requireWire(wire, WireType.LengthDelimited);
    take(reader.bytes());
  };

/** A message inside. */
export const message =
  (take: (value: Uint8Array, budget: FieldBudget) => void): FieldReader =>
  (reader, wire, budget) => {
    requireWire(wire, WireType.LengthDelimited);
    take(reader.bytes(), budget);
  };

/** An integer. */
export const integer =
  (take: (value: number) => void): FieldReader =>
  (reader, wire) => {
    requireWire(wire, WireType.Varint);
    take(Number(reader.int64()));
  };

/** Integers, each in a field of its own or many in one. */
export const integers =
  (take: (value: number) => void): FieldReader =>
  (reader, wire, budget) => {
    if (wire === WireType.Varint) return take(Number(reader.int64()));
    requireWire(wire, WireType.LengthDelimited);
    const end = reader.uint32() + reader.pos;
    if (end > reader.len) throw new RangeError('premature EOF');
    while (reader.pos < end) {
      budget.spend();
      take(Number(reader.int64()));
    }
    if (reader.pos > end) throw new RangeError('a list ends within a number');
  };

/** A 32-bit float. */
export const float =
  (take: (value: number) => void): FieldReader =>
  (reader, wire) => {
    requireWire(wire, WireType.Bit32);
    take(reader.float());
  };

/** Numbers of fixed width, one in a field or many, as their bytes. */
export const fixed =
  (width: 4 | 8, take: (value: Uint8Array) => void): FieldReader =>
  (reader, wire) => {
    if (wire === WireType.LengthDelimited) return take(reader.bytes());
    requireWire(wire, width === 4 ? WireType.Bit32 : WireType.Bit64);
    take(reader.skip(wire));
  };
