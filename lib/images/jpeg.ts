import { decode } from 'jpeg-js';
import { EznasError } from '../errors.ts';
import { invalidFile } from './files.ts';
import { interleaved, MAX_IMAGE_PIXELS, type PixelImage } from './pixels.ts';

const EXPECTED = 'a JPEG image';

/** Whether the bytes begin as a JPEG file does. */
export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/**
 * Decodes a baseline or progressive JPEG image to RGB; grey is repeated. The orientation tag is not applied.
 *
 * @param path Names the image in errors.
 * @throws EznasError INVALID_FILE when truncated or corrupt, TOO_LARGE when its dimensions are absurd (before decoding).
 */
export function decodeJpeg(path: string, bytes: Uint8Array): PixelImage {
  const end = walkSegments(path, bytes);
  try {
    const { width, height, data } = decode(bytes.subarray(0, end), {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxResolutionInMP: MAX_IMAGE_PIXELS / 1e6,
      maxMemoryUsageInMB: 1024,
    });
    return interleaved(data, width, height, 3, 255);
  } catch (error) {
    throw invalidFile(path, `does not decode (${(error as Error).message})`, EXPECTED, error);
  }
}

/**
 * Checks the dimensions and follows the markers to the end of the image, which the decoder would not miss: it fills the
 * missing part of a truncated image with grey.
 *
 * @returns Where the image ends.
 */
function walkSegments(path: string, bytes: Uint8Array): number {
  if (!isJpeg(bytes)) {
    throw invalidFile(path, 'does not begin as a JPEG file', EXPECTED);
  }
  let position = 2;
  while (position + 2 <= bytes.length) {
    if (bytes[position] !== 0xff) {
      throw invalidFile(path, `has no marker at byte ${position}`, EXPECTED);
    }
    const marker = bytes[position + 1]!;
    if (marker === 0xd9) {
      return position + 2;
    }
    if (marker === 0xff) {
      position += 1;
      continue;
    }
    if (isFrame(marker)) {
      checkDimensions(path, bytes, position);
    }
    position += 2 + ((bytes[position + 2] ?? 0) << 8) + (bytes[position + 3] ?? 0);
    if (marker === 0xda) {
      position = skipScan(bytes, position);
    }
  }
  throw invalidFile(path, `is truncated at ${bytes.length} bytes`, `${EXPECTED} up to its end marker`);
}

/** SOF0 to SOF15 except DHT, JPG and DAC, which share the range. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function checkDimensions(path: string, bytes: Uint8Array, frame: number): void {
  const at = (offset: number) => bytes[frame + offset] ?? 0;
  const height = (at(5) << 8) + at(6);
  const width = (at(7) << 8) + at(8);
  if (width === 0 || height === 0) {
    throw invalidFile(path, `is ${width}×${height} pixels`, 'at least 1×1');
  }
  if (width * height > MAX_IMAGE_PIXELS) {
    throw new EznasError('TOO_LARGE', `${path} is ${width}×${height}; at most ${MAX_IMAGE_PIXELS} pixels are read`);
  }
}

/** The place of the next marker that is neither a stuffed zero nor a restart. */
function skipScan(bytes: Uint8Array, from: number): number {
  let position = from;
  while (position < bytes.length) {
    const next = bytes[position + 1] ?? 0;
    if (bytes[position] === 0xff && next !== 0 && !(next >= 0xd0 && next <= 0xd7)) {
      return position;
    }
    position += 1;
  }
  return position;
}
