import { inflateSync } from 'node:zlib';
import { PNG } from 'pngjs';
import { EznasError } from '../errors.ts';
import { invalidFile } from './files.ts';
import { interleaved, MAX_IMAGE_PIXELS, type PixelImage } from './pixels.ts';

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const EXPECTED = 'a PNG image';

/** Whether the bytes begin with PNG's signature. */
export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/**
 * Decodes a PNG image of any colour type and bit depth to 8-bit RGB: grey is repeated, palettes are looked up, 16 bits
 * are scaled to 8, alpha is dropped. What follows the end chunk is ignored.
 *
 * @param path Names the image in errors.
 * @throws EznasError INVALID_FILE when truncated or corrupt, TOO_LARGE when its dimensions are absurd (before decoding).
 */
export function decodePng(path: string, bytes: Uint8Array): PixelImage {
  const { end, interlaced, pixelData, most } = walkChunks(path, bytes);
  try {
    if (interlaced) {
      // pngjs inflates interlaced images without a limit.
      inflateSync(pixelData, { maxOutputLength: most });
    }
    const { width, height, data } = PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, end));
    return interleaved(data, width, height, 4, 255);
  } catch (error) {
    throw invalidFile(path, `does not decode (${(error as Error).message})`, EXPECTED, error);
  }
}

/** Reads the dimensions and finds the end chunk, so that what goes to the decoder is whole and of bounded size. */
function walkChunks(path: string, bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (!isPng(bytes) || bytes.length < 33 || chunkType(bytes, 8) !== 'IHDR' || view.getUint32(8) !== 13) {
    throw invalidFile(path, 'has no PNG header', EXPECTED);
  }
  const width = view.getUint32(16);
  const height = view.getUint32(20);
  if (width === 0 || height === 0) {
    throw invalidFile(path, `is ${width}×${height} pixels`, 'at least 1×1');
  }
  if (width * height > MAX_IMAGE_PIXELS) {
    throw new EznasError('TOO_LARGE', `${path} is ${width}×${height}; at most ${MAX_IMAGE_PIXELS} pixels are read`);
  }
  const pixelData: Uint8Array[] = [];
  let position = 8;
  while (position + 12 <= bytes.length) {
    const length = view.getUint32(position);
    const type = chunkType(bytes, position);
    const next = position + 12 + length;
    if (type === 'IDAT') {
      pixelData.push(bytes.subarray(position + 8, next - 4));
    }
    if (type === 'IEND' && next <= bytes.length) {
      // At most 4 channels of 2 bytes, and per interlacing pass a filter byte for each row.
      const most = 8 * width * height + 7 * (height + 1);
      return { end: next, interlaced: bytes[28] !== 0, pixelData: Buffer.concat(pixelData), most };
    }
    position = next;
  }
  throw invalidFile(path, `is truncated at ${bytes.length} bytes`, `${EXPECTED} up to its end chunk`);
}

function chunkType(bytes: Uint8Array, position: number): string {
  return String.fromCharCode(...bytes.subarray(position + 4, position + 8));
}
