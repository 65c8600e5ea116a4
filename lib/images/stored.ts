import { EznasError } from '../errors.ts';
import { Random } from '../random.ts';
import type { Normalization } from './normalization.ts';
import { areaAverage, centerSquare, type PixelImage } from './pixels.ts';
import { type ImageSource, type Minibatch, type MinibatchOptions, resolveOptions } from './source.ts';

/** Images by number, decoded when asked for. */
export interface ImageReader {
  readonly name: string;
  readonly size: number;
  /** @throws EznasError INVALID_FILE where image `index` cannot be read. */
  read(index: number): PixelImage;
}

/** A source over stored images of any size: centre square, area-averaged to the resolution, augmented, normalized. */
export class StoredImages implements ImageSource {
  readonly name: string;
  readonly size: number;
  readonly #reader: ImageReader;

  /** @throws EznasError INVALID_FILE for a reader without images. */
  constructor(reader: ImageReader) {
    if (reader.size === 0) {
      throw new EznasError('INVALID_FILE', `${reader.name} holds no images; at least one is needed`);
    }
    this.name = reader.name;
    this.size = reader.size;
    this.#reader = reader;
  }

  minibatch(options: MinibatchOptions): Minibatch {
    const { batch, seed, resolution, normalization, augment } = resolveOptions(options);
    const random = new Random(seed);
    const indices = chooseImages(random.fork('image choice'), this.size, batch);
    const augmentation = random.fork('image augmentation');
    const values = 3 * resolution * resolution;
    const data = new Float32Array(batch * values);
    const pixels = new Float64Array(values);
    const shifted = new Float64Array(values);
    const labels = new Int32Array(batch);
    let labelled = true;
    for (const [position, index] of indices.entries()) {
      const image = this.#reader.read(index);
      areaAverage(image, centerSquare(image), resolution, pixels);
      if (augment) {
        shiftAndFlip(pixels, resolution, augmentation, shifted);
      }
      normalize(augment ? shifted : pixels, image.white, normalization, data.subarray(position * values));
      labelled &&= image.label !== undefined;
      labels[position] = image.label ?? 0;
    }
    return { data, batch, channels: 3, resolution, ...(labelled ? { labels } : {}) };
  }
}

/**
 * `count` of `size` image numbers: one random permutation after another, cut at `count`. A larger count of the same
 * generator state begins with the smaller one's numbers.
 */
export function chooseImages(random: Random, size: number, count: number): number[] {
  const chosen: number[] = [];
  while (chosen.length < count) {
    chosen.push(...random.sample(size, Math.min(size, count - chosen.length)));
  }
  return chosen;
}

/** Writes `pixels` (3 × resolution²) moved by up to an eighth of the resolution each way, black moving in, maybe mirrored. */
function shiftAndFlip(pixels: Float64Array, resolution: number, random: Random, out: Float64Array): void {
  const pad = Math.round(resolution / 8);
  const down = random.integer(2 * pad + 1) - pad;
  const right = random.integer(2 * pad + 1) - pad;
  const mirrored = random.integer(2) === 1;
  let next = 0;
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < resolution; y++) {
      for (let x = 0; x < resolution; x++) {
        const fromY = y - down;
        const fromX = (mirrored ? resolution - 1 - x : x) - right;
        const inside = fromY >= 0 && fromY < resolution && fromX >= 0 && fromX < resolution;
        out[next++] = inside ? pixels[(channel * resolution + fromY) * resolution + fromX]! : 0;
      }
    }
  }
}

function normalize(pixels: Float64Array, white: number, { mean, std }: Normalization, out: Float32Array): void {
  const plane = pixels.length / 3;
  for (let i = 0; i < pixels.length; i++) {
    const channel = Math.floor(i / plane) as 0 | 1 | 2;
    out[i] = (pixels[i]! / white - mean[channel]) / std[channel];
  }
}
