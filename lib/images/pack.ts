import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { EznasError } from '../errors.ts';
import { invalidFile } from './files.ts';
import { planar } from './pixels.ts';
import type { ImageReader } from './stored.ts';

/**
 * The pack of shipped photographs: little-endian header
 *
 *     0  8 bytes  "EZPHOTOS"
 *     8  uint32   version, 1
 *    12  uint32   number of images
 *    16  uint32   side length in pixels
 *    20  uint32   CRC-32 of all other bytes from 8 on
 *
 * then, deflated, the pixels: images × 3 × side × side bytes, each but the first of a row as its difference (modulo
 * 256) from its left neighbour, which deflates better.
 */
const MAGIC = 'EZPHOTOS';
const VERSION = 1;
const HEADER_BYTES = 24;
const MAX_COUNT = 65_536;
const MAX_SIDE = 256;
const EXPECTED = 'a pack of photographs as the package ships it; reinstalling the package restores it';

/** Square images of one size, count × 3 × side × side bytes. */
export interface Pack {
  readonly count: number;
  readonly side: number;
  readonly pixels: Uint8Array;
}

/** @throws EznasError INVALID_ARGUMENT when the pixels do not fit count and side, or these are out of range. */
export function encodePack({ count, side, pixels }: Pack): Uint8Array {
  if (!inRange(count, side) || pixels.length !== count * 3 * side * side) {
    throw new EznasError('INVALID_ARGUMENT', `${pixels.length} bytes are not ${count} images of 3×${side}×${side}`);
  }
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  header.set(Buffer.from(MAGIC, 'latin1'));
  view.setUint32(8, VERSION, true);
  view.setUint32(12, count, true);
  view.setUint32(16, side, true);
  const differences = pixels.map((value, i) => (i % side === 0 ? value : value - pixels[i - 1]!));
  const content = deflateSync(differences, { level: 9 });
  view.setUint32(20, checksum(header, content), true);
  return Buffer.concat([header, content]);
}

/**
 * Reads a pack and checks it.
 *
 * @param path Names the pack in errors.
 * @throws EznasError INVALID_FILE when it is foreign, truncated, of another version or corrupt.
 */
export function decodePack(path: string, bytes: Uint8Array): Pack {
  if (bytes.length < HEADER_BYTES || Buffer.from(bytes.subarray(0, 8)).toString('latin1') !== MAGIC) {
    throw invalidFile(path, 'does not begin as a pack of photographs', EXPECTED);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = view.getUint32(8, true);
  const count = view.getUint32(12, true);
  const side = view.getUint32(16, true);
  if (version !== VERSION || !inRange(count, side)) {
    throw invalidFile(path, `has version ${version} and ${count} images of ${side}×${side}`, EXPECTED);
  }
  const content = bytes.subarray(HEADER_BYTES);
  if (checksum(bytes, content) !== view.getUint32(20, true)) {
    throw invalidFile(path, 'is corrupt: its checksum does not match', EXPECTED);
  }
  const pixels = inflate(path, content, count * 3 * side * side);
  for (let i = 0; i < pixels.length; i++) {
    if (i % side !== 0) {
      pixels[i] = pixels[i]! + pixels[i - 1]!;
    }
  }
  return { count, side, pixels };
}

/**
 * The shipped crops of public-domain photographs.
 *
 * @throws EznasError INVALID_FILE when the file is missing or corrupt.
 */
export function openPhotographs(): ImageReader {
  const path = fileURLToPath(new URL('../../data/photographs.bin', import.meta.url));
  const { count, side, pixels } = decodePack(path, readPack(path));
  const size = 3 * side * side;
  return {
    name: 'photographs',
    size: count,
    read: (index) => planar(pixels.subarray(index * size, (index + 1) * size), side, side, 255),
  };
}

function inRange(count: number, side: number): boolean {
  return count >= 1 && count <= MAX_COUNT && side >= 1 && side <= MAX_SIDE;
}

function checksum(header: Uint8Array, content: Uint8Array): number {
  return crc32(content, crc32(header.subarray(8, 20)));
}

function readPack(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw invalidFile(path, `cannot be read (${(error as Error).message})`, EXPECTED, error);
  }
}

function inflate(path: string, content: Uint8Array, size: number): Uint8Array {
  try {
    const pixels = inflateSync(content, { maxOutputLength: size });
    if (pixels.length === size) {
      return pixels;
    }
  } catch (error) {
    throw invalidFile(path, `does not unpack (${(error as Error).message})`, EXPECTED, error);
  }
  throw invalidFile(path, `does not unpack to ${size} bytes`, EXPECTED);
}
