import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Network } from '../../lib/engine/networks.ts';
import { collectStatistics } from '../../lib/engine/run.ts';
import { params } from '../../lib/graph/counts.ts';
import { findUnits } from '../../lib/graph/find-units.ts';
import type { NetworkGraph } from '../../lib/graph/graph.ts';
import { exportOnnx } from '../../lib/onnx/export.ts';
import { readOnnx } from '../../lib/onnx/read.ts';
import { Random } from '../../lib/random.ts';
import { findSpace, SPACE_NAMES } from '../../lib/spaces/registry.ts';
import type { NetworkOptions } from '../../lib/spaces/space.ts';

const folder = new URL('../fixtures/onnx/', import.meta.url).pathname;

interface Known {
  readonly input: readonly [number, number, number, number];
  readonly logits: readonly number[];
  readonly parameters: number;
}

const models = JSON.parse(readFileSync(`${folder}logits.json`, 'utf8')) as Record<string, Known>;

/** The images of test/oracle/onnx_models.py. */
function images(size: number): Float32Array {
  return Float32Array.from({ length: size }, (_, at) => Math.sin(0.37 * at) + Math.cos(0.11 * at));
}

async function logitsOf(network: Network, batch: number): Promise<Float32Array> {
  const shape = network.graph.inputShape;
  const inputs = { batch, shape, data: images(batch * shape.reduce((a, b) => a * b, 1)) };
  using statistics = await collectStatistics([network], inputs, { tensors: [], logits: true });
  return statistics.logits(0, 'D')!;
}

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-4): void {
  assert.equal(actual.length, expected.length);
  const scale = Math.max(...Array.from(expected, Math.abs));
  assert.ok(scale > 0);
  for (let at = 0; at < expected.length; at++) {
    const error = Math.abs(actual[at]! - expected[at]!);
    assert.ok(error <= tolerance * scale, `${at}: ${actual[at]} instead of ${expected[at]}, scale ${scale}`);
  }
}

describe('ONNX files of PyTorch', () => {
  for (const [name, { input, logits, parameters }] of Object.entries(models)) {
    it(`${name}: logits and parameters of PyTorch, with the weights of the file`, async () => {
      const network = readOnnx(`${folder}${name}.onnx`, { weights: 'file' });
      assert.deepEqual(network.graph.inputShape, input.slice(1));
      assert.equal(network.classes, logits.length / input[0]);
      assertClose(await logitsOf(network, input[0]), logits);
      // Folding takes the scale and shift of every normalization, and leaves a bias.
      if (!name.endsWith('folded')) assert.equal(params(network.graph), parameters);
    });
  }
});

describe('ONNX files of our own', () => {
  const kinds = (graph: NetworkGraph) =>
    graph.units.map(({ relu, conv, batchNorm }) => [relu, conv, batchNorm].map((node) => graph.nodes[node]!.kind));
  const spaces: Readonly<Record<string, NetworkOptions>> = {
    nasbench201: { initialChannels: 8, cellsPerStage: 1 },
    nasbench101: { initialChannels: 8, cellsPerStage: 1 },
    'nats-size': {},
    darts: { initialChannels: 8, cells: 3 },
    mobilenet: { resolution: 32 },
  };
  for (const [name, options] of Object.entries(spaces)) {
    it(`${name}: come back with the same units and logits, however normalization is written`, async () => {
      const space = findSpace(name);
      const graph = space.build(space.sample(new Random(3)), { resolution: 16, ...options });
      const expected = await logitsOf({ graph, key: 4 }, 2);
      for (const normalization of ['running', 'batch'] as const) {
        const file = exportOnnx({ graph, key: 4 }, { normalization });
        const read = readOnnx(file, { weights: 'file' });
        assert.equal(params(read.graph), params(graph));
        assert.deepEqual(kinds(read.graph), kinds(graph));
        assertClose(await logitsOf(read, 2), expected, 1e-5);
        // Weights drawn anew are those of the key, as for any network.
        assertClose(await logitsOf({ graph: readOnnx(file).graph, key: 4 }, 2), expected, 1e-5);
      }
    });
  }

  it('find the units of every space as its builder marks them', () => {
    for (const name of SPACE_NAMES) {
      const space = findSpace(name);
      const random = new Random(1);
      const graph = space.build(space.sample(random));
      assert.deepEqual(findUnits(graph), graph.units, name);
    }
  });
});
