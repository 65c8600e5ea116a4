/**
 * Packs data/darts-nasbench301.bin.
 *
 *   tsx scripts/pack-darts-nasbench301.ts <genotypes.csv> [output]
 *
 * genotypes.csv: genotype as two lists of (state, operation) pairs, surrogate_val_accuracy (per cent), params_M (millions), flops_M. Every network
 * must have the published number of parameters.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { DARTS_NASBENCH301_SIZE, DARTS_NASBENCH301_TABLE } from '../lib/benchmarks/darts-nasbench301.ts';
import { params } from '../lib/graph/counts.ts';
import { packTable } from '../lib/packed-table.ts';
import { orderEdges } from '../lib/spaces/cells/genotype.ts';
import { DARTS_OPERATIONS, darts, decodeDartsCell, encodeDartsCell } from '../lib/spaces/darts.ts';
import { operationScales } from '../test/spaces/darts-params.ts';

const [path, output] = process.argv.slice(2);
if (path === undefined) {
  console.error('usage: tsx scripts/pack-darts-nasbench301.ts <genotypes.csv> [output]');
  process.exit(2);
}
const rows = readFileSync(path, 'utf8')
  .trim()
  .split(/\r?\n/)
  .slice(1)
  .map((line) => {
    const [, genotype, accuracy, millions] = /^"(.*)",([^,]*),([^,]*),/.exec(line)!;
    const edges = [...genotype!.matchAll(/\((\d), (\d)\)/g)].map(([, input, operation]) => ({
      operation: DARTS_OPERATIONS[Number(operation)]!,
      input: Number(input),
    }));
    const cell = (from: number) =>
      encodeDartsCell(orderEdges({ edges: edges.slice(from, from + 8), concat: [] }).edges);
    return { normal: cell(0), reduce: cell(8), params: Math.round(Number(millions) * 1e6), accuracy: Number(accuracy) };
  });
if (rows.length !== DARTS_NASBENCH301_SIZE) throw new Error(`${path} has ${rows.length} rows`);
for (const [row, { normal, reduce, params: published }] of rows.entries()) {
  const architecture = { normal: decodeDartsCell(normal), reduce: decodeDartsCell(reduce) };
  const counted = params(darts.build(architecture)) - operationScales(architecture);
  if (counted !== published) throw new Error(`row ${row}: ${counted} parameters, not ${published}`);
}
const packed = packTable('darts-nasbench301', rows.length, [
  { name: 'normal', bytes: 4, denominator: 1, integers: rows.map(({ normal }) => normal) },
  { name: 'reduce', bytes: 4, denominator: 1, integers: rows.map(({ reduce }) => reduce) },
  { name: 'params', bytes: 4, denominator: 1, integers: rows.map(({ params: count }) => count) },
  {
    name: 'surrogate/98',
    bytes: 4,
    denominator: 1e6,
    integers: rows.map(({ accuracy }) => Math.round(accuracy * 1e6)),
  },
]);
writeFileSync(output ?? DARTS_NASBENCH301_TABLE, packed);
console.error(`${packed.length} bytes`);
