import type { PackedTable } from '../packed-table.ts';
import { type Nasbench101Architecture, nasbench101 } from '../spaces/nasbench101.ts';
import { nasbench101Table, readNasbench101Table } from '../spaces/nasbench101-table.ts';
import type { Benchmark } from './benchmark.ts';
import { DATASETS, type Dataset, findDataset } from './datasets.ts';
import { requireEpochs, requireIndex } from './table.ts';

/** Published accuracies have four decimals. */
const DECIMALS = 1e4;

/** NAS-Bench-101's accuracies; see {@link loadNasbench101}. */
class Nasbench101Benchmark implements Benchmark<Nasbench101Architecture> {
  readonly name = 'nasbench101';
  readonly space = nasbench101;
  readonly size = nasbench101.size;
  readonly datasets: readonly Dataset[] = [findDataset(DATASETS, 'cifar10', 'the package')];
  readonly epochs: readonly number[] = [108];
  readonly split = 'test';
  readonly #table: PackedTable;

  constructor(table: PackedTable) {
    this.#table = table;
  }

  architecture(index: number): Nasbench101Architecture {
    return this.space.architecture(index);
  }

  index(architecture: Nasbench101Architecture): number {
    return this.space.index(architecture);
  }

  dataset(name: string): Dataset {
    return findDataset(this.datasets, name, 'NAS-Bench-101');
  }

  accuracy(index: number, dataset: string, epochs = 108): number {
    this.dataset(dataset);
    requireEpochs(epochs, this.epochs, 'NAS-Bench-101');
    const { integers, denominator } = this.#table.columns.get('test/108')!;
    const right = integers[requireIndex(index, this.size, 'NAS-Bench-101')]!;
    return Math.round(((100 * right) / denominator) * DECIMALS) / DECIMALS;
  }
}

/**
 * Test accuracies of all 423,624 NAS-Bench-101 cells on CIFAR-10 after 108 epochs, mean of three runs (Ying et al., ICML 2019). NOTICE credits the
 * sources.
 *
 * @param path a copy of the packed table; by default the one that ships with the package
 * @throws EznasError INVALID_FILE when the file is missing, truncated, damaged or another one
 */
export function loadNasbench101(path?: string): Benchmark<Nasbench101Architecture> {
  return new Nasbench101Benchmark(path === undefined ? nasbench101Table() : readNasbench101Table(path));
}
