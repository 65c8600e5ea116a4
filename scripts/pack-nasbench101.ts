/**
 * Packs data/nasbench101.bin.
 *
 *   tsx scripts/pack-nasbench101.ts <cells.csv.gz> [output]
 *
 * cells.csv.gz: hash, num_vertices, edge_bits, interior_ops, test_acc_mean3_108ep (per cent), trainable_params; one row for each cell. Every cell
 * must have its published hash, and the network built of it the published number of parameters (this takes some minutes).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { params } from '../lib/graph/counts.ts';
import { packTable } from '../lib/packed-table.ts';
import { nasbench101 } from '../lib/spaces/nasbench101.ts';
import { cellHash, decodeCell, encodeCell } from '../lib/spaces/nasbench101-cell.ts';
import { NASBENCH101_SIZE, NASBENCH101_TABLE } from '../lib/spaces/nasbench101-table.ts';

/** Right answers that make up 100 %: three runs over 9,984 test images. */
const TESTED = 3 * 9_984;

const [path, output] = process.argv.slice(2);
if (path === undefined) {
  console.error('usage: tsx scripts/pack-nasbench101.ts <cells.csv.gz> [output]');
  process.exit(2);
}
const [header, ...lines] = gunzipSync(readFileSync(path)).toString('utf8').trim().split(/\r?\n/);
const names = header!.split(',');
const rows = lines.map((line) => {
  const fields = line.split(',');
  return (name: string): string => fields[names.indexOf(name)]!;
});
rows.sort((a, b) => (a('hash') < b('hash') ? -1 : 1));
if (rows.length !== NASBENCH101_SIZE) throw new Error(`${path} has ${rows.length} rows; expected ${NASBENCH101_SIZE}`);

const cells: number[] = [];
const accuracies: number[] = [];
const began = performance.now();
for (const [index, row] of rows.entries()) {
  const hash = row('hash');
  const operations = row('interior_ops');
  const digits = [...operations].reduceRight((code, digit) => code * 3 + Number(digit), 0);
  const code = (Number(row('edge_bits')) | ((Number(row('num_vertices')) - 2) << 21) | (digits << 24)) >>> 0;
  const cell = decodeCell(code);
  if (encodeCell(cell) !== code || cellHash(cell) !== hash) throw new Error(`${hash}: the cell has another hash`);
  const built = params(nasbench101.build(cell));
  if (built !== Number(row('trainable_params'))) {
    throw new Error(`${hash}: the network has ${built} parameters, not ${row('trainable_params')}`);
  }
  const accuracy = Number(row('test_acc_mean3_108ep'));
  const right = Math.round((accuracy / 100) * TESTED);
  // Published to four decimals, one way or the other where the fifth is a 5; a hundredth of what one image makes.
  if (Math.abs((100 * right) / TESTED - accuracy) > 6e-5) {
    throw new Error(`${hash}: ${row('test_acc_mean3_108ep')} % is no whole number of test images`);
  }
  cells.push(code);
  accuracies.push(right);
  if (index % 10_000 === 9_999) {
    const left = ((performance.now() - began) / (index + 1)) * (rows.length - index - 1);
    console.error(`${index + 1} of ${rows.length} cells checked, ${Math.round(left / 1000)} s left`);
  }
}
const packed = packTable('nasbench101', NASBENCH101_SIZE, [
  { name: 'cell', bytes: 4, denominator: 1, integers: cells },
  { name: 'test/108', bytes: 2, denominator: TESTED, integers: accuracies },
]);
writeFileSync(output ?? NASBENCH101_TABLE, packed);
console.error(`${packed.length} bytes`);
