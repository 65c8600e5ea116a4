import { join } from 'node:path';
import { fileBytes, invalidFile, readWhole } from './files.ts';
import { decodeJpeg, isJpeg } from './jpeg.ts';
import type { PixelImage } from './pixels.ts';
import { decodePng, isPng } from './png.ts';
import type { ImageReader } from './stored.ts';

/** Largest image file, in bytes. */
const MAX_BYTES = 2 ** 28;

const IMAGE_NAME = /^[^.].*\.(png|jpe?g)$/i;

/**
 * Opens a folder of PNG and JPEG files, in the order of their names (by code units). An image is decoded when it is
 * drawn; that each file begins as a PNG or JPEG file is checked here.
 *
 * @param names The folder's file names; hidden files and other extensions are passed over.
 * @returns undefined when the folder holds no such file.
 * @throws EznasError INVALID_FILE for a file that is neither.
 */
export function openFolder(folder: string, names: readonly string[]): ImageReader | undefined {
  const paths = names
    .filter((name) => IMAGE_NAME.test(name))
    .sort()
    .map((name) => join(folder, name));
  if (paths.length === 0) {
    return undefined;
  }
  for (const path of paths) {
    const bytes = fileBytes(path);
    requireImage(path, bytes.read(0, Math.min(8, bytes.size)));
  }
  return {
    name: `images in ${folder}`,
    size: paths.length,
    read: (index) => decodeImage(paths[index]!, readWhole(paths[index]!, MAX_BYTES)),
  };
}

/** Decodes a PNG or JPEG image, told apart by content. @throws EznasError as the decoders do. */
export function decodeImage(path: string, bytes: Uint8Array): PixelImage {
  requireImage(path, bytes);
  return isPng(bytes) ? decodePng(path, bytes) : decodeJpeg(path, bytes);
}

function requireImage(path: string, start: Uint8Array): void {
  if (!isPng(start) && !isJpeg(start)) {
    throw invalidFile(path, 'begins neither as a PNG nor as a JPEG file', 'a PNG or JPEG image');
  }
}
