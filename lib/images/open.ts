import { existsSync, readdirSync } from 'node:fs';
import { EznasError } from '../errors.ts';
import { openCifar } from './cifar.ts';
import { fileBytes, invalidFile, statFile } from './files.ts';
import { openFolder } from './folder.ts';
import { noise } from './noise.ts';
import { openNpy } from './npy.ts';
import { openNpz } from './npz.ts';
import { openPhotographs } from './pack.ts';
import type { ImageSource } from './source.ts';
import { type ImageReader, StoredImages } from './stored.ts';

const FOLDERS =
  'a folder of CIFAR-10 binary files (data_batch_*.bin or test_batch.bin), CIFAR-100 binary files (train.bin or test.bin), or PNG and JPEG images';

/**
 * Opens what the option `--images` names:
 *
 * - `photographs`: the shipped 32×32 crops of public-domain photographs,
 * - `noise`: Gaussian noise,
 * - a folder of CIFAR-10 or CIFAR-100 binary files (training files, else test files),
 * - a folder of PNG and JPEG images of any size (centre square),
 * - a `.npy` or `.npz` file of uint8 or float images, N×H×W×3 or N×3×H×W.
 *
 * A folder or file of the name `photographs` or `noise` is given as `./photographs`.
 *
 * @throws EznasError INVALID_ARGUMENT when nothing has that name, INVALID_FILE when what has it is broken or foreign,
 * TOO_LARGE when it holds images of absurd size.
 */
export function openImages(spec: string): ImageSource {
  if (spec === 'noise') {
    return noise;
  }
  return new StoredImages(spec === 'photographs' ? openPhotographs() : openPath(spec));
}

function openPath(path: string): ImageReader {
  if (path === '' || !existsSync(path)) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `no images at '${path}': give photographs, noise, a .npy or .npz file, or ${FOLDERS}`,
    );
  }
  if (statFile(path).isDirectory()) {
    const names = listFolder(path);
    const reader = openCifar(path, names) ?? openFolder(path, names);
    if (reader === undefined) {
      throw invalidFile(path, 'holds no image file', FOLDERS);
    }
    return reader;
  }
  if (/\.npz$/i.test(path)) {
    return openNpz(path);
  }
  if (/\.npy$/i.test(path)) {
    return openNpy(path, fileBytes(path));
  }
  throw invalidFile(path, 'is a file of unknown kind', `a .npy or .npz file, or ${FOLDERS}`);
}

function listFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    throw invalidFile(path, `cannot be listed (${(error as Error).message})`, 'a readable folder', error);
  }
}
