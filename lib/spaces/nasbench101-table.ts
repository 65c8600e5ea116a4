import { type PackedTable, readPackedTable } from '../packed-table.ts';

/** Number of NAS-Bench-101 cells, up to isomorphism. */
export const NASBENCH101_SIZE = 423_624;

/** The table that ships with the package; scripts/pack-nasbench101.ts makes it. */
export const NASBENCH101_TABLE = new URL('../../data/nasbench101.bin', import.meta.url);

/**
 * Columns of the NAS-Bench-101 table. Rows are in ascending order of the cells' published hashes.
 *
 * - `cell`: the cell as encodeCell gives it
 * - `test/108`: share of the test images that were classified rightly after 108 epochs, summed over three runs: 29,952 means all of them, since
 *   9,984 images were tested in each
 */
export const NASBENCH101_COLUMNS = ['cell', 'test/108'] as const;

let shipped: PackedTable | undefined;

/**
 * The NAS-Bench-101 table that ships with the package; read once.
 *
 * @throws EznasError INVALID_FILE
 */
export function nasbench101Table(): PackedTable {
  shipped ??= readNasbench101Table(NASBENCH101_TABLE);
  return shipped;
}

/** Reads a copy of the table. */
export function readNasbench101Table(path: string | URL): PackedTable {
  return readPackedTable(path, { name: 'nasbench101', rows: NASBENCH101_SIZE, columns: NASBENCH101_COLUMNS });
}
