import type { NumberedSpace } from '../spaces/space.ts';

/** A dataset that a benchmark's networks were trained on. */
export interface BenchmarkDataset {
  /** Short name, as the command line takes it. */
  readonly name: string;
  readonly classes: number;
  /** Height and width of the images, in pixels. */
  readonly resolution: number;
  /** Channels of the images. */
  readonly channels: number;
  /** Name of the image format whose normalization the networks were trained with, as `imageFormat` in lib/images knows it. */
  readonly normalization: string;
}

/** Test accuracies of every architecture of a numbered space. */
export interface Benchmark<A> {
  /** Short name, as the command line takes it. */
  readonly name: string;
  readonly space: NumberedSpace<A>;
  readonly datasets: readonly BenchmarkDataset[];
  /** Training lengths with known accuracies, in epochs; the first is the full training. */
  readonly epochs: readonly number[];

  /**
   * The dataset of a name.
   *
   * @throws EznasError INVALID_ARGUMENT naming the datasets there are
   */
  dataset(name: string): BenchmarkDataset;

  /**
   * Mean test accuracy of an architecture, in per cent (0 … 100).
   *
   * @param index the architecture's index in the space
   * @param dataset name of the dataset
   * @param epochs training length, default the full training
   * @throws EznasError INVALID_ARCHITECTURE for an index outside the space, INVALID_ARGUMENT for an unknown dataset or training length
   */
  accuracy(index: number, dataset: string, epochs?: number): number;
}
