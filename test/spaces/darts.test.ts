import assert from 'node:assert/strict';
import {
  DARTS_NASBENCH301_COLUMNS,
  DARTS_NASBENCH301_TABLE,
  loadDartsNasbench301,
} from '../../lib/benchmarks/darts-nasbench301.ts';
import { unitShapes } from '../../lib/evaluation/unit-shapes.ts';
import { params } from '../../lib/graph/counts.ts';
import { readPackedTable } from '../../lib/packed-table.ts';
import { Random } from '../../lib/random.ts';
import { type CellEdge, canonicalCell, orderEdges } from '../../lib/spaces/cells/genotype.ts';
import { type DartsArchitecture, darts, decodeDartsCell, encodeDartsCell } from '../../lib/spaces/darts.ts';
import { operationScales } from './darts-params.ts';

const invalid = (message: RegExp) => ({ name: 'EznasError', code: 'INVALID_ARCHITECTURE', message });

/** The best cells that Liu et al. found (DARTS V2), as their code prints them. */
const DARTS_V2 =
  "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), " +
  "('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), " +
  "('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=range(2, 6))";

describe('the DARTS space', () => {
  it('reads genotypes as the DARTS code prints them', () => {
    const architecture = darts.parse(DARTS_V2);
    assert.equal(
      darts.print(architecture),
      'normal:|sep_conv_3x3~0|sep_conv_3x3~1|sep_conv_3x3~0|sep_conv_3x3~1|skip_connect~0|sep_conv_3x3~1|skip_connect~0|dil_conv_3x3~2| ' +
        'reduce:|max_pool_3x3~0|max_pool_3x3~1|max_pool_3x3~1|skip_connect~2|max_pool_3x3~0|skip_connect~2|max_pool_3x3~1|skip_connect~2|',
    );
  });

  it('builds the network of DARTS V2 with its published size', () => {
    const architecture = darts.parse(DARTS_V2);
    const graph = darts.build(architecture, { initialChannels: 36, cells: 20 });
    // The paper has 3.3 million; this is the count of the released code without its auxiliary head.
    assert.equal(params(graph), 3_349_342);
  });

  it('goes from cell to number and back', () => {
    const random = new Random(1);
    for (let draw = 0; draw < 500; draw++) {
      const { normal } = darts.sample(random);
      const code = encodeDartsCell(normal);
      assert.ok(code < 180 * 7 ** 8);
      assert.deepEqual(decodeDartsCell(code), normal);
    }
    assert.deepEqual(encodeDartsCell(decodeDartsCell(0)), 0);
    assert.deepEqual(encodeDartsCell(decodeDartsCell(180 * 7 ** 8 - 1)), 180 * 7 ** 8 - 1);
  });

  it('tells cells apart that are not the same up to the numbering of nodes, and no others', () => {
    const cell = (text: string) => {
      const edges = text.split(' ').map((edge): CellEdge => {
        const [operation, input] = edge.split('~');
        return { operation: operation as CellEdge['operation'], input: Number(input) };
      });
      return canonicalCell(orderEdges({ edges, concat: [2, 3, 4, 5] }));
    };
    const a = 'sep_conv_3x3~0 skip_connect~1';
    const b = 'dil_conv_3x3~0 max_pool_3x3~1';
    const rest = (first: number, second: number) =>
      `sep_conv_5x5~${first} skip_connect~${second} avg_pool_3x3~${first} skip_connect~${second}`;
    assert.equal(cell(`${a} ${b} ${rest(2, 3)}`), cell(`${b} ${a} ${rest(3, 2)}`));
    assert.notEqual(cell(`${a} ${b} ${rest(2, 3)}`), cell(`${b} ${a} ${rest(2, 3)}`));
    // Two nodes of one formula: which of them later nodes read matters where two of these share them.
    const crossed = 'sep_conv_5x5~2 skip_connect~3 avg_pool_3x3~3 max_pool_3x3~2';
    const parallel = 'sep_conv_5x5~2 skip_connect~3 avg_pool_3x3~2 max_pool_3x3~3';
    assert.notEqual(cell(`${a} ${a} ${crossed}`), cell(`${a} ${a} ${parallel}`));
  });

  it('records either convolution of separable ones, with shapes of their own', () => {
    const architecture = darts.sample(new Random(3));
    const small = { initialChannels: 4, cells: 4, resolution: 16 };
    const shapes = (separableUnit: 'first' | 'second') =>
      unitShapes(darts.build(architecture, { ...small, separableUnit }), 2);
    const [first, second] = [shapes('first'), shapes('second')];
    assert.equal(first.length, second.length);
    for (const [index, unit] of first.entries()) {
      const other = second[index]!;
      assert.equal(unit.activation, undefined);
      assert.deepEqual(other.activation ?? other.before, unit.before);
      assert.deepEqual(other.after, unit.after);
      const depthwise = unit.weight[1] === 1;
      assert.ok(!depthwise || (other.weight[2] === 1 && other.weight[1] === other.before[1]));
    }
    // Where a cell halves the extents, the second convolution reads less than the activation.
    assert.ok(second.some(({ activation }) => activation !== undefined));
    assert.throws(() => darts.build(architecture, { separableUnit: 'both' as never }), {
      code: 'INVALID_ARGUMENT',
      message: /separableUnit must be one of first, second, got both/,
    });
  });

  it('has an ImageNet form', () => {
    const graph = darts.build(darts.sample(new Random(4)), {
      stem: 'imagenet',
      resolution: 64,
      classes: 1000,
      initialChannels: 8,
      cells: 6,
    });
    assert.ok(params(graph) > 0);
  });

  it('refuses what is no architecture of the space, and says why', () => {
    const text = darts.print(darts.sample(new Random(5)));
    const refused: [text: string, reason: RegExp][] = [
      [text.replace('normal:', 'other:'), /normal: is missing/],
      [text.replace(/\|\w+~0\|/, '|conv_1x1~0|'), /conv_1x1 is no operation of the space/],
      [text.replace(/\|\w+~0\|/, '|conv_9x9~0|'), /conv_9x9 is no operation; known are/],
      [text.replace(/\|\w+~0\|\w+~1\|/, '|skip_connect~1|skip_connect~1|'), /both edges of node 0 read state 1/],
      [text.replace(/\|\w+~0\|/, '|skip_connect~2|'), /node 0 reads state 2; states 0 to 1/],
      [text.replace(/\|\w+~0\|/, '|'), /two edges for each node/],
      [DARTS_V2.replace('range(2, 6)', '[2, 3]'), /output are the states 2, 3, 4, 5/],
      [DARTS_V2.replace('range(2, 6)', 'range(2, 7)'), /range\(2, 6\)/],
    ];
    for (const [changed, reason] of refused) assert.throws(() => darts.parse(changed), invalid(reason), changed);
    assert.throws(() => darts.build({ normal: [], reduce: [] }), invalid(/normal: 8 edges are needed/));
  });
});

describe('the accuracies of NAS-Bench-301', () => {
  const benchmark = loadDartsNasbench301();
  const expected = { name: 'darts-nasbench301', rows: 725, columns: DARTS_NASBENCH301_COLUMNS };
  const table = readPackedTable(DARTS_NASBENCH301_TABLE, expected);

  it('are of networks with the published numbers of parameters, all 725 of them', () => {
    const published = table.columns.get('params')!.integers;
    for (let index = 0; index < benchmark.size; index++) {
      const architecture: DartsArchitecture = benchmark.architecture(index);
      assert.equal(params(darts.build(architecture)) - operationScales(architecture), published[index], `${index}`);
    }
  });

  it('are the published ones, from 91.24 to 94.49', () => {
    const all = Array.from({ length: benchmark.size }, (_, index) => benchmark.accuracy(index, 'cifar10'));
    assert.equal(all[0], 93.321191);
    assert.equal(Math.min(...all).toFixed(2), '91.24');
    assert.equal(Math.max(...all).toFixed(2), '94.49');
  });

  it('are not known of other architectures', () => {
    const random = new Random(6);
    assert.equal(benchmark.index(darts.sample(random)), undefined);
    const known = benchmark.architecture(100);
    const again = darts.parse(darts.print(known));
    assert.equal(benchmark.index(again), 100);
  });
});
