import type { SearchSpace } from '../spaces/space.ts';
import type { Dataset } from './datasets.ts';

/** Files that networks and their accuracies come from, so that a result can be made again. */
export interface NetworkFiles {
  /** Absolute path of the table of accuracies. */
  readonly table: string;
  /** Whether initial parameters are drawn, or the files' weights. */
  readonly weights: 'initialize' | 'file';
  /** SHA-256 of the table and of every file of a network, by path from the table's folder on. */
  readonly sha256: Readonly<Record<string, string>>;
}

/**
 * Accuracies of architectures of a space, all of it or some. A benchmark numbers its architectures 0 … size − 1; where the space is numbered and
 * the benchmark has all of it, the numbers are the same.
 */
export interface Benchmark<A> {
  /** Short name, as the command line takes it. */
  readonly name: string;
  readonly space: SearchSpace<A>;
  /** Architectures with known accuracy. */
  readonly size: number;
  /** Datasets that the networks were trained on; the first is meant where none is named. */
  readonly datasets: readonly Dataset[];
  /** Training lengths with known accuracies, in epochs; the first is the full training. */
  readonly epochs: readonly number[];
  /** What accuracies were measured on; `surrogate` are validation accuracies that a model of trained networks predicts. */
  readonly split: 'test' | 'validation' | 'surrogate';
  /** Where networks come from files. */
  readonly files?: NetworkFiles;

  /**
   * The architecture of a number.
   *
   * @throws EznasError INVALID_ARCHITECTURE when it is not an integer from 0 to size − 1
   */
  architecture(index: number): A;

  /** The number of an architecture; undefined where its accuracy is not known. */
  index(architecture: A): number | undefined;

  /**
   * The dataset of a name.
   *
   * @throws EznasError INVALID_ARGUMENT naming the datasets there are
   */
  dataset(name: string): Dataset;

  /**
   * Mean accuracy of an architecture, in per cent (0 … 100).
   *
   * @param index the architecture's number in the benchmark
   * @param dataset name of the dataset
   * @param epochs training length, default the full training
   * @throws EznasError INVALID_ARCHITECTURE for a number outside the benchmark, INVALID_ARGUMENT for an unknown dataset or training length
   */
  accuracy(index: number, dataset: string, epochs?: number): number;
}
