import { EznasError } from '../errors.ts';

/** A dataset that networks are trained on. */
export interface Dataset {
  /** Short name, as the command line takes it. */
  readonly name: string;
  readonly classes: number;
  /** Height and width of the images, in pixels. */
  readonly resolution: number;
  /** Channels of the images. */
  readonly channels: number;
  /** Name of the image format whose normalization the networks are trained with, as `imageFormat` in lib/images knows it. */
  readonly normalization: string;
}

/** Datasets of the benchmarks. */
export const DATASETS: readonly Dataset[] = [
  { name: 'cifar10', classes: 10, resolution: 32, channels: 3, normalization: 'cifar10' },
  { name: 'cifar100', classes: 100, resolution: 32, channels: 3, normalization: 'cifar100' },
  { name: 'imagenet16-120', classes: 120, resolution: 16, channels: 3, normalization: 'imagenet16-120' },
  { name: 'imagenet', classes: 1000, resolution: 224, channels: 3, normalization: 'imagenet' },
  { name: 'class_object', classes: 75, resolution: 256, channels: 3, normalization: 'taskonomy' },
  { name: 'class_scene', classes: 47, resolution: 256, channels: 3, normalization: 'taskonomy' },
];

/**
 * The dataset of that name.
 *
 * @param whose who has the datasets, for the message
 * @throws EznasError INVALID_ARGUMENT naming those there are
 */
export function findDataset(datasets: readonly Dataset[], name: string, whose: string): Dataset {
  const dataset = datasets.find((candidate) => candidate.name === name);
  if (dataset === undefined) {
    const known = datasets.map((candidate) => candidate.name).join(', ');
    throw new EznasError('INVALID_ARGUMENT', `${whose} has no dataset ${JSON.stringify(name)}; it has ${known}`);
  }
  return dataset;
}
