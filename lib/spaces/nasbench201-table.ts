import { EznasError } from '../errors.ts';
import { type PackedTable, readPackedTable } from '../packed-table.ts';

/** Number of NAS-Bench-201 architectures: 5 operations on 6 edges. */
export const NASBENCH201_SIZE = 5 ** 6;

/** The table that ships with the package; scripts/pack-nasbench201.ts makes it. */
export const NASBENCH201_TABLE = new URL('../../data/nasbench201.bin', import.meta.url);

/**
 * Columns of the NAS-Bench-201 table. Row i describes architecture i.
 *
 * - `code`: the architecture as a base-5 number, see {@link encodeOperations} in nasbench201.ts
 * - `params`: published number of trainable parameters of the CIFAR-10 network
 * - `<dataset>/<epochs>`: test accuracy in per cent after so many epochs, mean over the published runs
 */
export const NASBENCH201_COLUMNS = [
  'code',
  'params',
  'cifar10/200',
  'cifar100/200',
  'imagenet16-120/200',
  'cifar10/12',
  'cifar100/12',
  'imagenet16-120/12',
] as const;

let shipped: PackedTable | undefined;

/**
 * The NAS-Bench-201 table: the one that ships with the package (read once), or another copy of it.
 *
 * @throws EznasError INVALID_FILE
 */
export function readNasbench201Table(path?: string): PackedTable {
  const expected = { name: 'nasbench201', rows: NASBENCH201_SIZE, columns: NASBENCH201_COLUMNS };
  shipped ??= readPackedTable(NASBENCH201_TABLE, expected);
  if (path === undefined) return shipped;
  const table = readPackedTable(path, expected);
  const codes = shipped.columns.get('code')!.integers;
  const stray = table.columns.get('code')!.integers.findIndex((code, index) => code !== codes[index]);
  if (stray >= 0) {
    throw new EznasError(
      'INVALID_FILE',
      `${path}: row ${stray} is another architecture than NAS-Bench-201's index ${stray}`,
    );
  }
  return table;
}
