import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { EznasError } from './errors.ts';

/** Layout, little-endian: magic (8 bytes), CRC-32 of all that follows it, header length in bytes, header (JSON), column values. */
const MAGIC = 'EZNASTBL';
const VERSION = 1;
const CRC_OFFSET = 8;
const HEADER_LENGTH_OFFSET = 12;
const HEADER_OFFSET = 16;

/** One column of unsigned integers; value = integer / denominator. */
export interface PackedColumn {
  readonly name: string;
  readonly bytes: 2 | 4;
  /** The unit in which integers count: 600 means sixths of a hundredth. */
  readonly denominator: number;
  /** One integer for each row. */
  readonly integers: readonly number[] | Uint32Array;
}

/** A small table of numbers that ships with the package. */
export interface PackedTable {
  readonly name: string;
  readonly rows: number;
  readonly columns: ReadonlyMap<string, PackedColumn>;
}

const headerSchema = z.object({
  version: z.literal(VERSION),
  name: z.string(),
  rows: z.int().min(0),
  columns: z.array(
    z.object({ name: z.string(), bytes: z.union([z.literal(2), z.literal(4)]), denominator: z.int().min(1) }),
  ),
});

/**
 * The bytes of a table.
 *
 * @throws EznasError INVALID_ARGUMENT when a column has another number of rows, or an integer does not fit its bytes
 */
export function packTable(name: string, rows: number, columns: readonly PackedColumn[]): Uint8Array {
  const described = columns.map(({ name, bytes, denominator }) => ({ name, bytes, denominator }));
  const header = new TextEncoder().encode(JSON.stringify({ version: VERSION, name, rows, columns: described }));
  const values = columns.reduce((size, { bytes }) => size + bytes * rows, 0);
  const packed = new Uint8Array(HEADER_OFFSET + header.length + values);
  const view = new DataView(packed.buffer);
  packed.set(new TextEncoder().encode(MAGIC));
  view.setUint32(HEADER_LENGTH_OFFSET, header.length, true);
  packed.set(header, HEADER_OFFSET);
  let offset = HEADER_OFFSET + header.length;
  for (const column of columns) {
    if (column.integers.length !== rows) {
      throw new EznasError(
        'INVALID_ARGUMENT',
        `column ${column.name} has ${column.integers.length} rows, the table ${rows}`,
      );
    }
    for (const integer of column.integers) {
      if (!Number.isInteger(integer) || integer < 0 || integer >= 2 ** (8 * column.bytes)) {
        throw new EznasError(
          'INVALID_ARGUMENT',
          `column ${column.name}: ${integer} does not fit ${column.bytes} unsigned bytes`,
        );
      }
      if (column.bytes === 2) view.setUint16(offset, integer, true);
      else view.setUint32(offset, integer, true);
      offset += column.bytes;
    }
  }
  view.setUint32(CRC_OFFSET, crc32(packed.subarray(HEADER_LENGTH_OFFSET)), true);
  return packed;
}

/**
 * Reads and checks a packed table.
 *
 * @param path file to read, also named in errors
 * @param expected name of the table, its number of rows and the columns that it must have
 * @throws EznasError INVALID_FILE when the file cannot be read, is not a packed table, is truncated or damaged, or holds another table
 */
export function readPackedTable(
  path: string | URL,
  expected: { readonly name: string; readonly rows: number; readonly columns: readonly string[] },
): PackedTable {
  const invalid = (problem: string, cause?: unknown): EznasError => {
    const wanted = `expected the packed table ${expected.name} (${expected.rows} rows)`;
    return new EznasError('INVALID_FILE', `${path}: ${problem}; ${wanted}`, cause === undefined ? {} : { cause });
  };
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw invalid(`cannot be read (${(error as NodeJS.ErrnoException).code})`, error);
  }
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC)
    throw invalid(`is not a packed table: it does not begin with ${MAGIC}`);
  if (bytes.length < HEADER_OFFSET) throw invalid(`is truncated to ${bytes.length} bytes`);
  const valuesOffset = HEADER_OFFSET + bytes.readUInt32LE(HEADER_LENGTH_OFFSET);
  if (bytes.length < valuesOffset) throw invalid(`is truncated to ${bytes.length} bytes inside its header`);
  if (crc32(bytes.subarray(HEADER_LENGTH_OFFSET)) !== bytes.readUInt32LE(CRC_OFFSET)) {
    throw invalid('is truncated or damaged: its checksum does not match');
  }
  const header = parseHeader(bytes.toString('utf8', HEADER_OFFSET, valuesOffset));
  if (header === undefined) throw invalid(`has a header that this version of the package does not know`);
  if (header.name !== expected.name || header.rows !== expected.rows) {
    throw invalid(`holds the table ${header.name} (${header.rows} rows)`);
  }
  const size = header.columns.reduce((total, column) => total + column.bytes * header.rows, valuesOffset);
  if (bytes.length !== size) throw invalid(`has ${bytes.length} bytes where its header asks for ${size}`);
  const columns = new Map<string, PackedColumn>();
  let offset = valuesOffset;
  for (const { name, bytes: width, denominator } of header.columns) {
    const start = offset;
    const integers = Uint32Array.from({ length: header.rows }, (_, row) =>
      bytes.readUIntLE(start + row * width, width),
    );
    columns.set(name, { name, bytes: width, denominator, integers });
    offset += header.rows * width;
  }
  const missing = expected.columns.filter((name) => !columns.has(name));
  if (missing.length > 0) throw invalid(`lacks the columns ${missing.join(', ')}`);
  return { name: header.name, rows: header.rows, columns };
}

function parseHeader(text: string): z.infer<typeof headerSchema> | undefined {
  try {
    return headerSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
