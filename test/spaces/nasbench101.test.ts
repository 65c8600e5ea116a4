import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { loadNasbench101 } from '../../lib/benchmarks/nasbench101.ts';
import { params } from '../../lib/graph/counts.ts';
import { Random } from '../../lib/random.ts';
import { nasbench101 } from '../../lib/spaces/nasbench101.ts';
import {
  cellHash,
  decodeCell,
  edgeCount,
  encodeCell,
  type Nasbench101Architecture,
  prune,
} from '../../lib/spaces/nasbench101-cell.ts';
import { vertexChannels } from '../../lib/spaces/nasbench101-network.ts';
import { NASBENCH101_TABLE, nasbench101Table } from '../../lib/spaces/nasbench101-table.ts';

/** Every 423rd published cell: index, hash, parameters, accuracy (test/oracle/nasbench101_rows.py). */
const published = JSON.parse(readFileSync(new URL('../fixtures/nasbench101-rows.json', import.meta.url), 'utf8')) as [
  index: number,
  hash: string,
  params: number,
  accuracy: number,
][];

const invalid = (message: RegExp) => ({ name: 'EznasError', code: 'INVALID_ARCHITECTURE', message });

/** The same cell with its interior vertices in another topological order, or itself. */
function renumbered(cell: Nasbench101Architecture, random: Random): Nasbench101Architecture {
  const output = cell.inputs.length;
  const order = [0];
  while (order.length < output) {
    const ready = cell.operations
      .map((_, place) => place + 1)
      .filter(
        (vertex) => !order.includes(vertex) && cell.inputs[vertex - 1]!.every((source) => order.includes(source)),
      );
    order.push(random.choice(ready));
  }
  order.push(output);
  return {
    operations: order.slice(1, -1).map((vertex) => cell.operations[vertex - 1]!),
    inputs: order
      .slice(1)
      .map((vertex) => cell.inputs[vertex - 1]!.map((source) => order.indexOf(source)).sort((a, b) => a - b)),
  };
}

describe('the NAS-Bench-101 space', () => {
  it('has the published cells at their places, by published hash', () => {
    for (const [index, hash] of published) {
      const cell = nasbench101.architecture(index);
      assert.equal(nasbench101.canonical(cell), hash);
      // Another object, so that the place is found by the hash.
      assert.equal(nasbench101.index(nasbench101.parse(nasbench101.print(cell))), index);
    }
  });

  it('builds networks with the published numbers of parameters', () => {
    for (const [index, hash, count] of published) {
      assert.equal(params(nasbench101.build(nasbench101.architecture(index))), count, hash);
    }
  });

  it('knows a cell whatever the order of its vertices', () => {
    const random = new Random(1);
    let moved = 0;
    for (const [index] of published.slice(0, 200)) {
      const cell = nasbench101.architecture(index);
      const other = renumbered(cell, random);
      if (nasbench101.print(other) !== nasbench101.print(cell)) moved++;
      assert.equal(nasbench101.index(other), index);
    }
    assert.ok(moved > 50);
  });

  it('goes from cell to number and back', () => {
    const { integers } = nasbench101Table().columns.get('cell')!;
    for (let index = 0; index < integers.length; index += 101) {
      const cell = decodeCell(integers[index]!);
      assert.equal(encodeCell(cell), integers[index]);
      assert.deepEqual(prune(cell), cell);
      assert.ok(edgeCount(cell) <= 9 && cell.operations.length <= 5);
    }
  });

  it('has neighbours that are cells of the space', () => {
    const random = new Random(2);
    for (const [index] of published.slice(0, 10)) {
      for (const neighbour of nasbench101.neighbours(nasbench101.architecture(index)).slice(0, 20)) {
        const found = nasbench101.index(neighbour);
        assert.equal(cellHash(nasbench101.architecture(found)), cellHash(neighbour));
      }
    }
    // From the smallest cell one gets to larger ones.
    let cell = nasbench101.parse('|output~0|');
    for (let step = 0; step < 40; step++) cell = nasbench101.mutate(cell, random);
    assert.ok(cell.operations.length >= 3);
  });

  it('divides channels as published: among the vertices that feed the output, the rest to the first of them', () => {
    const cell = nasbench101.parse('|conv3x3~0|conv3x3~0|conv3x3~0|conv1x1~1~2|output~2~3~4|');
    assert.deepEqual(vertexChannels(cell, 128), [0, 42, 43, 43, 42, 128]);
  });

  it('leaves out vertices that no path visits', () => {
    const cell = nasbench101.parse('|conv3x3~0|conv1x1|maxpool3x3~1|output~1|');
    assert.equal(nasbench101.print(cell), '|conv3x3~0|output~1|');
  });

  it('refuses what is no cell of the space, and says why', () => {
    const refused: [text: string, reason: RegExp][] = [
      ['|conv3x3~0|', /the last vertex must be the output/],
      ['|conv3x3~0|output|', /no path leads from vertex 0 to the output/],
      ['|conv5x5~0|output~1|', /conv5x5.* is none of conv3x3, conv1x1, maxpool3x3/],
      ['|conv3x3~1|output~1|', /sources of vertex 1 must be different earlier vertices/],
      ['|conv3x3~0~0|output~1|', /sources of vertex 1/],
      [`|${'conv3x3~0|'.repeat(6)}output~1~2~3~4~5~6|`, /more than 5 interior vertices/],
      ['|conv3x3~0|conv3x3~0~1|conv3x3~0~1~2|conv3x3~0~1|output~2~3~4|', /more than 9 edges/],
      ['conv3x3', /between bars/],
    ];
    for (const [text, reason] of refused) assert.throws(() => nasbench101.parse(text), invalid(reason));
    for (const value of [{}, { operations: ['conv3x3'], inputs: [[0]] }, { operations: [], inputs: [[1]] }]) {
      assert.throws(() => nasbench101.build(value as never), invalid(/not a NAS-Bench-101 architecture/));
    }
  });
});

describe('the NAS-Bench-101 benchmark', () => {
  const benchmark = loadNasbench101();

  it('has the published accuracies, to what one test image of three runs makes', () => {
    for (const [index, hash, , accuracy] of published) {
      assert.ok(Math.abs(benchmark.accuracy(index, 'cifar10') - accuracy) < 1.01e-4, hash);
    }
    const { integers } = nasbench101Table().columns.get('test/108')!;
    const right = Uint32Array.from(integers);
    const best = right.indexOf(right.reduce((most, one) => Math.max(most, one), 0));
    assert.equal(benchmark.accuracy(best, 'cifar10'), 94.3176);
  });

  it('is 2.5 MB, and reads a copy of itself', () => {
    assert.equal(statSync(NASBENCH101_TABLE).size, 2_541_912);
    const copy = loadNasbench101(NASBENCH101_TABLE.pathname);
    assert.equal(copy.accuracy(7, 'cifar10'), benchmark.accuracy(7, 'cifar10'));
  });
});
