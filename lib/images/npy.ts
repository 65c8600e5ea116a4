import { EznasError } from '../errors.ts';
import { type Bytes, invalidFile } from './files.ts';
import { interleaved, MAX_IMAGE_PIXELS, planar } from './pixels.ts';
import type { ImageReader } from './stored.ts';

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const EXPECTED = 'a NumPy array of images, N×H×W×3 or N×3×H×W, uint8 or float32 or float64';

/** Element types by NumPy's name for them. */
const ELEMENTS = {
  '|u1': { bytes: 1, white: 255, view: (b: Uint8Array) => b },
  '<f4': { bytes: 4, white: 1, view: (b: Uint8Array) => new Float32Array(b.buffer, b.byteOffset, b.length / 4) },
  '<f8': { bytes: 8, white: 1, view: (b: Uint8Array) => new Float64Array(b.buffer, b.byteOffset, b.length / 8) },
} as const;

interface NpyHeader {
  readonly element: keyof typeof ELEMENTS;
  readonly shape: readonly number[];
  readonly dataOffset: number;
}

/**
 * Opens an array of images in NumPy's .npy format (versions 1 to 3). The last axis of length 3 holds the channels, or
 * else the second. Bytes count 0..255, floats 0..1.
 *
 * Float arrays are read through once, so that a NaN is found whichever images are drawn later.
 *
 * @param path Names the array in errors and reports.
 * @throws EznasError INVALID_FILE for another format, type or shape, a size that contradicts the header, or a float
 * image with a value outside 0..1 or not finite; TOO_LARGE for absurdly large images.
 */
export function openNpy(path: string, bytes: Bytes): ImageReader {
  const { element, shape, dataOffset } = readHeader(path, bytes);
  const { bytes: elementBytes, white, view } = ELEMENTS[element];
  const { count, width, height, channelsLast } = imageShape(path, shape);
  const imageBytes = 3 * width * height * elementBytes;
  if (bytes.size !== dataOffset + count * imageBytes) {
    throw invalidFile(
      path,
      `has ${bytes.size - dataOffset} bytes of data`,
      `${count * imageBytes} for shape (${shape.join(', ')})`,
    );
  }
  const reader: ImageReader = {
    name: path,
    size: count,
    read(index) {
      const pixels = view(bytes.read(dataOffset + index * imageBytes, imageBytes));
      return channelsLast ? interleaved(pixels, width, height, 3, white) : planar(pixels, width, height, white);
    },
  };
  if (element !== '|u1') {
    for (let index = 0; index < count; index++) {
      const wrong = reader.read(index).pixels.find((v) => !(v >= 0 && v <= 1));
      if (wrong !== undefined) {
        throw invalidFile(path, `image ${index} holds the value ${wrong}`, 'float images of finite values from 0 to 1');
      }
    }
  }
  return reader;
}

function readHeader(path: string, bytes: Bytes): NpyHeader {
  const start = bytes.size >= 12 ? bytes.read(0, 12) : undefined;
  if (start === undefined || !MAGIC.every((byte, i) => start[i] === byte)) {
    throw invalidFile(path, 'does not begin as a .npy file', EXPECTED);
  }
  const major = start[6]!;
  if (major < 1 || major > 3) {
    throw invalidFile(path, `has .npy version ${major}`, 'version 1, 2 or 3');
  }
  const fields = new DataView(start.buffer);
  const lengthBytes = major === 1 ? 2 : 4;
  const headerLength = major === 1 ? fields.getUint16(8, true) : fields.getUint32(8, true);
  const dataOffset = 8 + lengthBytes + headerLength;
  if (headerLength > 65_535 || dataOffset > bytes.size) {
    throw invalidFile(path, `announces a header of ${headerLength} bytes`, 'a header within the file and under 64 KiB');
  }
  const header = Buffer.from(bytes.read(8 + lengthBytes, headerLength)).toString('latin1');
  const element = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1];
  const shape = /'shape'\s*:\s*\(([^)]*)\)/.exec(header)?.[1];
  if (element === undefined || shape === undefined || !/'fortran_order'\s*:\s*False/.test(header)) {
    throw invalidFile(path, `has the header ${header.trim().slice(0, 200)}`, `${EXPECTED}, in C order`);
  }
  if (!Object.hasOwn(ELEMENTS, element)) {
    const kind = element.endsWith('O') ? 'pickled Python objects' : `elements of type ${element}`;
    throw invalidFile(path, `holds ${kind}`, EXPECTED);
  }
  const sizes = shape.split(',').map((size) => size.trim());
  if (sizes.at(-1) === '') {
    sizes.pop();
  }
  if (!sizes.every((size) => /^\d+$/.test(size))) {
    throw invalidFile(path, `has the shape (${shape.slice(0, 200)})`, EXPECTED);
  }
  return { element: element as keyof typeof ELEMENTS, shape: sizes.map(Number), dataOffset };
}

function imageShape(path: string, shape: readonly number[]) {
  const [count = 0, ...image] = shape;
  const channelsLast = image[2] === 3;
  const [height = 0, width = 0] = channelsLast ? image : image.slice(1);
  if (shape.length !== 4 || !(channelsLast || image[0] === 3) || Math.min(count, height, width) < 1) {
    throw invalidFile(path, `has shape (${shape.join(', ')})`, EXPECTED);
  }
  if (width * height > MAX_IMAGE_PIXELS) {
    throw new EznasError(
      'TOO_LARGE',
      `${path}: images of ${width}×${height}; at most ${MAX_IMAGE_PIXELS} pixels are read`,
    );
  }
  return { count, width, height, channelsLast };
}
