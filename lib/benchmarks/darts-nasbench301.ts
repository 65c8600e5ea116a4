import { type PackedTable, readPackedTable } from '../packed-table.ts';
import { type DartsArchitecture, darts, decodeDartsCell } from '../spaces/darts.ts';
import type { Benchmark } from './benchmark.ts';
import { DATASETS, type Dataset, findDataset } from './datasets.ts';
import { requireEpochs, requireIndex } from './table.ts';

/** Architectures with accuracies. */
export const DARTS_NASBENCH301_SIZE = 725;

/** The table that ships with the package; scripts/pack-darts-nasbench301.ts makes it. */
export const DARTS_NASBENCH301_TABLE = new URL('../../data/darts-nasbench301.bin', import.meta.url);

/**
 * Columns of the table: the cells as encodeDartsCell gives them; parameters as published, which leave out scale and shift of the batch
 * normalizations inside operations; predicted validation accuracy in per cent.
 */
export const DARTS_NASBENCH301_COLUMNS = ['normal', 'reduce', 'params', 'surrogate/98'] as const;

/** The accuracies; see {@link loadDartsNasbench301}. */
class DartsNasbench301Benchmark implements Benchmark<DartsArchitecture> {
  readonly name = 'darts-nasbench301';
  readonly space = darts;
  readonly size = DARTS_NASBENCH301_SIZE;
  readonly datasets: readonly Dataset[] = [findDataset(DATASETS, 'cifar10', 'the package')];
  readonly epochs: readonly number[] = [98];
  readonly split = 'surrogate';
  readonly #table: PackedTable;
  /** By canonical form; made when first asked for. */
  #indices: ReadonlyMap<string, number> | undefined;

  constructor(table: PackedTable) {
    this.#table = table;
  }

  architecture(index: number): DartsArchitecture {
    const row = requireIndex(index, this.size, this.name);
    const cell = (column: string) => decodeDartsCell(this.#table.columns.get(column)!.integers[row]!);
    return { normal: cell('normal'), reduce: cell('reduce') };
  }

  index(architecture: DartsArchitecture): number | undefined {
    this.#indices ??= new Map(
      Array.from({ length: this.size }, (_, index) => [darts.canonical(this.architecture(index)), index]),
    );
    return this.#indices.get(darts.canonical(architecture));
  }

  dataset(name: string): Dataset {
    return findDataset(this.datasets, name, this.name);
  }

  accuracy(index: number, dataset: string, epochs = 98): number {
    this.dataset(dataset);
    requireEpochs(epochs, this.epochs, this.name);
    const { integers, denominator } = this.#table.columns.get('surrogate/98')!;
    return integers[requireIndex(index, this.size, this.name)]! / denominator;
  }
}

/**
 * 725 architectures of the DARTS space with the validation accuracy on CIFAR-10 that NAS-Bench-301 predicts (Zela et al., Surrogate NAS Benchmarks,
 * ICLR 2022). NOTICE credits the sources.
 *
 * @param path a copy of the packed table; by default the one that ships with the package
 * @throws EznasError INVALID_FILE when the file is missing, truncated, damaged or another one
 */
export function loadDartsNasbench301(path: string | URL = DARTS_NASBENCH301_TABLE): Benchmark<DartsArchitecture> {
  const expected = { name: 'darts-nasbench301', rows: DARTS_NASBENCH301_SIZE, columns: DARTS_NASBENCH301_COLUMNS };
  return new DartsNasbench301Benchmark(readPackedTable(path, expected));
}
