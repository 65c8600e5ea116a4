/**
 * Packs data/nasbench201.bin.
 *
 *   tsx scripts/pack-nasbench201.ts <accuracies.csv.gz> <scores.csv.gz> [output]
 *
 * accuracies.csv.gz: index, arch, cifar10_test_200, cifar100_test_200, imagenet16_120_test_200 and the same for 12 epochs (per cent), one row
 * for each architecture in the benchmark's order. scores.csv.gz: index, params_M (millions of parameters), ….
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type PackedColumn, packTable } from '../lib/packed-table.ts';
import { encodeOperations, nasbench201 } from '../lib/spaces/nasbench201.ts';
import { NASBENCH201_SIZE, NASBENCH201_TABLE } from '../lib/spaces/nasbench201-table.ts';

/**
 * Accuracy columns and the unit in which they are whole numbers: means of 1, 2 or 3 runs over 10,000 (CIFAR) or 6,000 (ImageNet16-120) test
 * images, so multiples of 1/(100·runs) or 1/(60·runs) per cent.
 */
const ACCURACIES = [
  ['cifar10/200', 'cifar10_test_200', 600],
  ['cifar100/200', 'cifar100_test_200', 300],
  ['imagenet16-120/200', 'imagenet16_120_test_200', 180],
  ['cifar10/12', 'cifar10_test_12', 100],
  ['cifar100/12', 'cifar100_test_12', 100],
  ['imagenet16-120/12', 'imagenet16_120_test_12', 60],
] as const;

/** A CSV file as a function from column name to that column's fields; rows must be numbered 0, 1, … in their index column. */
function readColumns(path: string): (name: string) => string[] {
  const [header, ...rows] = gunzipSync(readFileSync(path)).toString('utf8').trim().split(/\r?\n/);
  const names = header!.split(',');
  const fields = rows.map((row) => row.split(','));
  const column = (name: string): string[] => {
    const position = names.indexOf(name);
    if (position < 0) throw new Error(`${path} has no column ${name}; it has ${names.join(', ')}`);
    return fields.map((row) => row[position] ?? '');
  };
  const indices = column('index');
  if (indices.length !== NASBENCH201_SIZE || indices.some((index, row) => Number(index) !== row)) {
    throw new Error(`${path} must number its rows 0 to ${NASBENCH201_SIZE - 1} in order`);
  }
  return column;
}

/** Whole numbers of 1/denominator; throws unless they give the fields back digit for digit. */
function pack(name: string, bytes: 2 | 4, denominator: number, decimals: number, fields: string[]): PackedColumn {
  const integers = fields.map((field, row) => {
    const integer = Math.round(Number(field) * denominator);
    if (Number((integer / denominator).toFixed(decimals)) !== Number(field)) {
      throw new Error(`column ${name}, row ${row}: ${field} is not a multiple of 1/${denominator}`);
    }
    return integer;
  });
  return { name, bytes, denominator, integers };
}

const [accuraciesPath, scoresPath, output] = process.argv.slice(2);
if (accuraciesPath === undefined || scoresPath === undefined) {
  console.error('usage: tsx scripts/pack-nasbench201.ts <accuracies.csv.gz> <scores.csv.gz> [output]');
  process.exit(2);
}
const accuracies = readColumns(accuraciesPath);
const scores = readColumns(scoresPath);
const codes = accuracies('arch').map((text) => encodeOperations(nasbench201.parse(text)));
if (new Set(codes).size !== NASBENCH201_SIZE) throw new Error(`${accuraciesPath} lists an architecture twice`);
const packed = packTable('nasbench201', NASBENCH201_SIZE, [
  { name: 'code', bytes: 2, denominator: 1, integers: codes },
  { ...pack('params', 4, 1e6, 6, scores('params_M')), denominator: 1 },
  ...ACCURACIES.map(([name, field, unit]) => pack(name, 2, unit, 4, accuracies(field))),
]);
writeFileSync(output ?? NASBENCH201_TABLE, packed);
console.error(`${packed.length} bytes`);
