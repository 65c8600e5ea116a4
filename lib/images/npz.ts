import { unzipSync } from 'fflate';
import { EznasError } from '../errors.ts';
import { invalidFile, memoryBytes, readWhole } from './files.ts';
import { openNpy } from './npy.ts';
import type { ImageReader } from './stored.ts';

/** Largest archive and largest array in it, in bytes. CIFAR as float32 has 0.6 GB. */
const MAX_BYTES = 2 ** 31 - 1;

/** Names, in order of preference, of the array of images in an archive of several. */
const IMAGE_NAMES = ['images', 'data', 'x_train', 'x', 'arr_0'];

const EXPECTED = 'a NumPy .npz archive (zip) of images';

/**
 * Opens the images of a NumPy .npz archive: its only array, or else the one named images, data, x_train, x or arr_0.
 *
 * @throws EznasError INVALID_FILE for a broken archive, a choice of several arrays, or an array that is none of images;
 * TOO_LARGE when it would unpack to 2 GiB or more, before unpacking.
 */
export function openNpz(path: string): ImageReader {
  const archive = readWhole(path, MAX_BYTES);
  const sizes = new Map<string, number>();
  unzip(path, archive, ({ name, originalSize }) => {
    sizes.set(name, originalSize);
    return false;
  });
  const arrays = [...sizes.keys()].filter((name) => name.endsWith('.npy'));
  const chosen = arrays.length === 1 ? arrays[0] : IMAGE_NAMES.map((n) => `${n}.npy`).find((n) => arrays.includes(n));
  if (chosen === undefined) {
    throw invalidFile(
      path,
      arrays.length === 0 ? 'holds no array' : `holds the arrays ${arrays.slice(0, 20).join(', ')}`,
      `one array, or one named ${IMAGE_NAMES.join(', ')}`,
    );
  }
  const size = sizes.get(chosen)!;
  if (size > MAX_BYTES) {
    throw new EznasError('TOO_LARGE', `${path}: ${chosen} unpacks to ${size} bytes; at most ${MAX_BYTES} are read`);
  }
  const content = unzip(path, archive, ({ name }) => name === chosen)[chosen];
  if (content === undefined || content.length !== size) {
    throw invalidFile(path, `${chosen} does not unpack to its ${size} bytes`, EXPECTED);
  }
  return openNpy(`${path}: ${chosen}`, memoryBytes(`${path}: ${chosen}`, content));
}

/** fflate's unzip, whose exceptions become INVALID_FILE errors. */
function unzip(
  path: string,
  archive: Uint8Array,
  filter: (entry: { name: string; originalSize: number }) => boolean,
): Record<string, Uint8Array> {
  try {
    return unzipSync(archive, { filter });
  } catch (error) {
    throw invalidFile(path, `does not unzip (${(error as Error).message})`, EXPECTED, error);
  }
}
