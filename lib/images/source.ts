import { EznasError } from '../errors.ts';
import { IMAGE_FORMATS, type Normalization } from './normalization.ts';

/** What to draw. */
export interface MinibatchOptions {
  /** Number of images, at least 1. */
  readonly batch: number;
  /** Non-negative integer. The same seed gives the same minibatch, bit for bit, everywhere. */
  readonly seed: number;
  /** Side length in pixels; 32 by default. */
  readonly resolution?: number;
  /** CIFAR's by default. Noise is normal already and ignores it. */
  readonly normalization?: Normalization;
  /**
   * Random crop after zero padding by an eighth of the resolution (4 pixels at 32, 2 at 16), then horizontal flip with
   * probability ½: the training transform of NASBench-201's loaders. Off by default. Drawn from the seed; the choice
   * of images is the same with and without. Noise ignores it.
   */
  readonly augment?: boolean;
}

/** Normalized images, ready to be a network's input. */
export interface Minibatch {
  /** B×3×R×R, row-major, channels red, green, blue. All values are finite. */
  readonly data: Float32Array;
  readonly batch: number;
  readonly channels: 3;
  readonly resolution: number;
  /** B class numbers, where the source has them. */
  readonly labels?: Int32Array;
}

/**
 * Where minibatches come from.
 *
 * Stored images are drawn without replacement; when the batch exceeds the size, all images come once, then all of them
 * again in a new order, and so on. In every source a bigger batch of the same seed begins with the smaller batch.
 */
export interface ImageSource {
  /** For messages and reports, such as `photographs` or `CIFAR-10 in /data/cifar`. */
  readonly name: string;
  /** Number of images; Infinity for noise. */
  readonly size: number;
  /**
   * Draws a minibatch.
   *
   * @throws EznasError INVALID_ARGUMENT for options out of range, TOO_LARGE for more values than fit (before any
   * allocation), INVALID_FILE for an image that turns out broken.
   */
  minibatch(options: MinibatchOptions): Minibatch;
}

/** Float32 values in the largest minibatch: 2 GiB. */
const MAX_VALUES = 2 ** 29;

/**
 * Options with defaults filled in, in range and of a size that can be allocated.
 *
 * @throws EznasError INVALID_ARGUMENT, TOO_LARGE.
 */
export function resolveOptions(options: MinibatchOptions): Required<MinibatchOptions> {
  const cifar10 = IMAGE_FORMATS['cifar10']!;
  const { batch, seed, resolution = 32, normalization = cifar10.normalization, augment = false } = options;
  requireInteger('batch', batch, 1);
  requireInteger('seed', seed, 0);
  requireInteger('resolution', resolution, 1);
  for (const [name, values] of Object.entries({ mean: normalization.mean, std: normalization.std })) {
    if (values.length !== 3 || !values.every((v) => Number.isFinite(v) && (name === 'mean' || v > 0))) {
      throw new EznasError(
        'INVALID_ARGUMENT',
        `normalization ${name} is [${values.join(', ')}]; three finite${name === 'std' ? ' positive' : ''} numbers are needed`,
      );
    }
  }
  if (batch * 3 * resolution * resolution > MAX_VALUES) {
    throw new EznasError(
      'TOO_LARGE',
      `a minibatch of ${batch} images of ${resolution}×${resolution} has more than ${MAX_VALUES} values`,
    );
  }
  return { batch, seed, resolution, normalization, augment };
}

function requireInteger(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new EznasError('INVALID_ARGUMENT', `${name} is ${value}; an integer of at least ${least} is needed`);
  }
}
