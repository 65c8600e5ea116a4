import { EznasError } from '../errors.ts';

/** Red, green, blue. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** Per-channel statistics of pixel values in 0..1: a pixel v becomes (v − mean) / std. */
export interface Normalization {
  readonly mean: Rgb;
  readonly std: Rgb;
}

/** How networks of a dataset see images: side length in pixels, and normalization. */
export interface ImageFormat {
  readonly resolution: number;
  readonly normalization: Normalization;
}

const CIFAR: Normalization = { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] };

const IMAGENET16: Normalization = {
  mean: [122.68 / 255, 116.66 / 255, 104.01 / 255],
  std: [63.22 / 255, 61.26 / 255, 65.09 / 255],
};

const IMAGENET: Normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** Of the indoor scenes that TransNAS-Bench-101 took from Taskonomy. */
const TASKONOMY: Normalization = { mean: [0.5224, 0.5222, 0.5221], std: [0.2234, 0.2235, 0.2236] };

/** Statistics and resolutions that networks are trained with, by dataset name in lower case. */
export const IMAGE_FORMATS: Readonly<Record<string, ImageFormat>> = {
  cifar10: { resolution: 32, normalization: CIFAR },
  cifar100: { resolution: 32, normalization: CIFAR },
  'imagenet16-120': { resolution: 16, normalization: IMAGENET16 },
  imagenet: { resolution: 224, normalization: IMAGENET },
  taskonomy: { resolution: 256, normalization: TASKONOMY },
};

/**
 * The image format of a dataset: `cifar10`, `cifar100`, `ImageNet16-120`, `ImageNet` or `taskonomy`, in any case.
 *
 * @throws EznasError INVALID_ARGUMENT for any other name.
 */
export function imageFormat(dataset: string): ImageFormat {
  const name = dataset.toLowerCase();
  const format = Object.hasOwn(IMAGE_FORMATS, name) ? IMAGE_FORMATS[name] : undefined;
  if (format === undefined) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `no image format for dataset '${dataset}': known are ${Object.keys(IMAGE_FORMATS).join(', ')}`,
    );
  }
  return format;
}
