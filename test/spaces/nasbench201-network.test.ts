import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { flops, parameterTensors, params } from '../../lib/graph/counts.ts';
import { inferShapes } from '../../lib/graph/shapes.ts';
import { nasbench201 } from '../../lib/spaces/nasbench201.ts';
import { readNasbench201Table } from '../../lib/spaces/nasbench201-table.ts';

interface RecordedNetwork {
  readonly index: number;
  readonly architecture: string;
  readonly channels: number;
  readonly cellsPerStage: number;
  readonly classes: number;
  readonly resolution: number;
  /** Parameters in PyTorch's order, without those of batch normalization. */
  readonly parameters: [name: string, shape: number[]][];
  /** Sample shape of T1, shape of T3, sample shape of T4. */
  readonly units: [number[], number[], number[]][];
}

/** What PyTorch hooks recorded: test/oracle/nasbench201_networks.py. */
const recorded = JSON.parse(
  readFileSync(new URL('../fixtures/nasbench201-networks.json', import.meta.url), 'utf8'),
) as RecordedNetwork[];

const everyEdge = (operation: string) =>
  nasbench201.parse(`|${operation}~0|+|${operation}~0|${operation}~1|+|${operation}~0|${operation}~1|${operation}~2|`);

describe('NAS-Bench-201 networks', () => {
  for (const network of recorded) {
    const { index, channels: initialChannels, cellsPerStage, classes, resolution } = network;
    it(`have PyTorch's parameters and units in its order: ${index} with ${initialChannels} channels`, () => {
      const architecture = nasbench201.architecture(index);
      assert.equal(nasbench201.print(architecture), network.architecture);
      const graph = nasbench201.build(architecture, { initialChannels, cellsPerStage, classes, resolution });
      assert.deepEqual(
        parameterTensors(graph).map(({ shape }) => shape),
        network.parameters.map(([, shape]) => shape),
      );
      const shapes = inferShapes(graph);
      const weights = new Map(parameterTensors(graph).map((tensor) => [tensor.node, tensor.shape]));
      const units = graph.units.map(({ relu, conv, batchNorm }) => [
        shapes[graph.nodes[relu]!.inputs[0]!],
        weights.get(conv),
        shapes[batchNorm],
      ]);
      assert.deepEqual(units, network.units);
    });
  }

  it('have the published number of parameters, all 15,625 of them', () => {
    const published = readNasbench201Table().columns.get('params')!.integers;
    for (const [index, architecture] of [...nasbench201.enumerate()].entries()) {
      assert.equal(params(nasbench201.build(architecture)), published[index], `architecture ${index}`);
    }
    assert.equal(published[0], 129_306);
  });

  it('have the published multiply-adds', () => {
    // Architecture 0, then the extremes that NATS-Bench's cost tables give for its three datasets, in millions.
    const smallest = everyEdge('none');
    const largest = everyEdge('nor_conv_3x3');
    assert.equal(flops(nasbench201.build(nasbench201.architecture(0))), 15_647_370);
    const published = [
      [{ classes: 10, resolution: 32 }, 7_783_050, 220_119_690],
      [{ classes: 100, resolution: 32 }, 7_788_900, 220_125_540],
      [{ classes: 120, resolution: 16 }, 1_953_400, 55_037_560],
    ] as const;
    for (const [options, least, most] of published) {
      assert.equal(flops(nasbench201.build(smallest, options)), least);
      assert.equal(flops(nasbench201.build(largest, options)), most);
    }
  });

  it('follow their options: channels, cells, classes, resolution', () => {
    const options = { inputChannels: 1, initialChannels: 5, cellsPerStage: 2, classes: 7, resolution: 13 };
    const graph = nasbench201.build(nasbench201.architecture(1), options);
    assert.deepEqual(graph.inputShape, [1, 13, 13]);
    const shapes = inferShapes(graph);
    assert.deepEqual(shapes[graph.output], [7, 1, 1]);
    // Three convolutions in each of six cells, two in each of two residual blocks.
    assert.equal(graph.units.length, 3 * 6 + 2 * 2);
    assert.equal(graph.units.at(-1) && shapes[graph.units.at(-1)!.batchNorm]![0], 20);
  });

  it('come in any resolution, odd ones rounded up at each stride', () => {
    for (let resolution = 1; resolution <= 40; resolution++) {
      const graph = nasbench201.build(nasbench201.architecture(6111), { resolution, cellsPerStage: 1 });
      const shapes = inferShapes(graph);
      const extents = graph.units.map(({ batchNorm }) => shapes[batchNorm]![1]);
      const expected = [resolution, Math.ceil(resolution / 2), Math.ceil(Math.ceil(resolution / 2) / 2)];
      assert.deepEqual([...new Set(extents)], [...new Set(expected)]);
    }
  });

  it('keep convolutions that compute on zeros or for nothing', () => {
    const onZeros = nasbench201.parse('|none~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|');
    const unused = nasbench201.parse('|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|');
    assert.equal(nasbench201.build(onZeros, { cellsPerStage: 1 }).units.length, 2 * 3 + 2 * 2);
    assert.equal(nasbench201.build(unused, { cellsPerStage: 1 }).units.length, 3 + 2 * 2);
  });

  it('pool without counting the padding', () => {
    const { nodes } = nasbench201.build(everyEdge('avg_pool_3x3'), { cellsPerStage: 1 });
    const pools = nodes.filter((node) => node.kind === 'avgPool' && node.kernel[0] === 3);
    assert.equal(pools.length, 6 * 3);
    assert.ok(pools.every((node) => node.kind === 'avgPool' && !node.countPadding && node.padding[0] === 1));
  });

  it('refuse options that make no network', () => {
    const architecture = nasbench201.architecture(0);
    for (const value of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '16' as unknown as number]) {
      for (const name of ['classes', 'resolution', 'inputChannels', 'initialChannels', 'cellsPerStage']) {
        const expected = { code: 'INVALID_ARGUMENT', message: new RegExp(`${name} must be a positive integer`) };
        assert.throws(() => nasbench201.build(architecture, { [name]: value }), expected);
      }
    }
    const misspelt = { channel: 4 } as object;
    assert.throws(() => nasbench201.build(architecture, misspelt), {
      message: /unknown network option channel; known: classes/,
    });
    assert.throws(() => nasbench201.build(architecture, { cellsPerStage: 1e9 }), { code: 'TOO_LARGE' });
    assert.throws(() => nasbench201.build(architecture, { initialChannels: 2 ** 31 - 1 }), { code: 'INVALID_GRAPH' });
  });
});
