import { join } from 'node:path';
import { EznasError } from '../errors.ts';
import { type Bytes, fileBytes, invalidFile } from './files.ts';
import { type PixelImage, planar } from './pixels.ts';
import type { ImageReader } from './stored.ts';

/** Layout of the binary version of CIFAR (Krizhevsky): records of label bytes, then 3×32×32 pixel bytes, planar. */
interface CifarFormat {
  readonly name: string;
  readonly train: RegExp;
  readonly test: string;
  /** Number of values of each label byte; the last byte is the class. */
  readonly labels: readonly number[];
}

const FORMATS: readonly CifarFormat[] = [
  { name: 'CIFAR-10', train: /^data_batch_\d+\.bin$/, test: 'test_batch.bin', labels: [10] },
  { name: 'CIFAR-100', train: /^train\.bin$/, test: 'test.bin', labels: [20, 100] },
];

const SIDE = 32;
const IMAGE_BYTES = 3 * SIDE * SIDE;

/**
 * Opens a folder of CIFAR-10 or CIFAR-100 binary files: the training files in order of their names or, where there are
 * none, the test file.
 *
 * @param names The folder's file names.
 * @returns undefined when the folder holds no such file.
 * @throws EznasError INVALID_FILE for a file whose size is not a whole number of records, or that mixes both datasets.
 */
export function openCifar(folder: string, names: readonly string[]): ImageReader | undefined {
  const found = FORMATS.filter((format) => filesOf(format, names).length > 0);
  if (found.length > 1) {
    throw invalidFile(folder, 'holds CIFAR-10 and CIFAR-100 files', 'those of one dataset');
  }
  const format = found[0];
  return format && cifarReader(folder, format, filesOf(format, names));
}

function filesOf(format: CifarFormat, names: readonly string[]): string[] {
  const train = names.filter((name) => format.train.test(name));
  return train.length > 0 ? train.sort() : names.filter((name) => name === format.test);
}

function cifarReader(folder: string, format: CifarFormat, names: readonly string[]): ImageReader {
  const recordBytes = format.labels.length + IMAGE_BYTES;
  const files = names.map((name) => {
    const path = join(folder, name);
    const bytes = fileBytes(path);
    if (bytes.size === 0 || bytes.size % recordBytes !== 0) {
      throw invalidFile(path, `has ${bytes.size} bytes`, `${format.name} records of ${recordBytes} bytes each`);
    }
    return { path, bytes, count: bytes.size / recordBytes };
  });
  return {
    name: `${format.name} in ${folder}`,
    size: files.reduce((total, { count }) => total + count, 0),
    read(index) {
      let record = index;
      for (const { path, bytes, count } of files) {
        if (record < count) {
          return readRecord(path, bytes, format, record);
        }
        record -= count;
      }
      throw new EznasError('INVALID_ARGUMENT', `${folder} has no image ${index}`);
    },
  };
}

function readRecord(path: string, bytes: Bytes, format: CifarFormat, record: number): PixelImage {
  const labelBytes = format.labels.length;
  const content = bytes.read(record * (labelBytes + IMAGE_BYTES), labelBytes + IMAGE_BYTES);
  for (const [i, classes] of format.labels.entries()) {
    if (content[i]! >= classes) {
      throw invalidFile(path, `image ${record} has label ${content[i]}`, `${format.name} labels below ${classes}`);
    }
  }
  return { ...planar(content.subarray(labelBytes), SIDE, SIDE, 255), label: content[labelBytes - 1]! };
}
