import { EznasError } from '../errors.ts';
import type { PackedTable } from '../packed-table.ts';
import { type Nasbench201Architecture, nasbench201 } from '../spaces/nasbench201.ts';
import { readNasbench201Table } from '../spaces/nasbench201-table.ts';
import type { Benchmark } from './benchmark.ts';
import { DATASETS, type Dataset, findDataset } from './datasets.ts';

/** Published accuracies have four decimals. */
const DECIMALS = 1e4;

/** NAS-Bench-201's accuracies; see {@link loadNasbench201}. */
class Nasbench201Benchmark implements Benchmark<Nasbench201Architecture> {
  readonly name = 'nasbench201';
  readonly space = nasbench201;
  readonly size = nasbench201.size;
  readonly datasets: readonly Dataset[] = ['cifar10', 'cifar100', 'imagenet16-120'].map((name) =>
    findDataset(DATASETS, name, 'the package'),
  );
  readonly split = 'test';
  readonly epochs: readonly number[] = [200, 12];
  readonly #table: PackedTable;

  constructor(table: PackedTable) {
    this.#table = table;
  }

  architecture(index: number): Nasbench201Architecture {
    return this.space.architecture(index);
  }

  index(architecture: Nasbench201Architecture): number {
    return this.space.index(architecture);
  }

  dataset(name: string): Dataset {
    return findDataset(this.datasets, name, 'NAS-Bench-201');
  }

  accuracy(index: number, dataset: string, epochs = this.epochs[0]!): number {
    const { name } = this.dataset(dataset);
    const column = this.#table.columns.get(`${name}/${epochs}`);
    if (column === undefined) {
      throw new EznasError(
        'INVALID_ARGUMENT',
        `NAS-Bench-201 has no accuracies after ${epochs} epochs; it has ${this.epochs.join(' and ')}`,
      );
    }
    const count = Number.isInteger(index) ? column.integers[index] : undefined;
    if (count === undefined) {
      throw new EznasError(
        'INVALID_ARCHITECTURE',
        `NAS-Bench-201 has no architecture ${index}; indices are integers from 0 to ${this.space.size - 1}`,
      );
    }
    return Math.round((count / column.denominator) * DECIMALS) / DECIMALS;
  }
}

/**
 * Test accuracies of all 15,625 NAS-Bench-201 architectures after 200 and 12 epochs, mean over the published runs, exact to the four
 * published decimals (Dong & Yang, ICLR 2020; NATS-Bench, TPAMI 2021). NOTICE credits the sources.
 *
 * @param path a copy of the packed table; by default the one that ships with the package
 * @throws EznasError INVALID_FILE when the file is missing, truncated, damaged or another one
 */
export function loadNasbench201(path?: string): Benchmark<Nasbench201Architecture> {
  return new Nasbench201Benchmark(readNasbench201Table(path));
}
