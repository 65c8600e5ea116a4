import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Inputs, Network } from '../../lib/engine/networks.ts';
import { collectStatistics, networkGradients } from '../../lib/engine/run.ts';
import { flops, parameterTensors, params } from '../../lib/graph/counts.ts';
import { findUnits } from '../../lib/graph/find-units.ts';
import type { NetworkGraph } from '../../lib/graph/graph.ts';
import { exportOnnx } from '../../lib/onnx/export.ts';
import { encodeOnnx } from '../../lib/onnx/model.ts';
import { readOnnx } from '../../lib/onnx/read.ts';
import { scoreOnnx } from '../../lib/onnx/score.ts';
import { Random } from '../../lib/random.ts';
import { findSpace, SPACE_NAMES } from '../../lib/spaces/registry.ts';
import type { NetworkOptions } from '../../lib/spaces/space.ts';

const folder = new URL('../fixtures/onnx/', import.meta.url).pathname;

interface Known {
  readonly input: readonly [number, number, number, number];
  readonly logits: readonly number[];
  readonly parameters: number;
  /** Of the sum of the logits by each parameter. */
  readonly gradients?: readonly (readonly number[])[];
}

const models = JSON.parse(readFileSync(`${folder}logits.json`, 'utf8')) as Record<string, Known>;

/** The images of test/oracle/onnx_models.py. */
function images(size: number): Float32Array {
  return Float32Array.from({ length: size }, (_, at) => Math.sin(0.37 * at) + Math.cos(0.11 * at));
}

function inputsOf({ graph: { inputShape: shape } }: Network, batch: number): Inputs {
  return { batch, shape, data: images(batch * shape.reduce((a, b) => a * b, 1)) };
}

async function logitsOf(network: Network, batch: number): Promise<Float32Array> {
  using statistics = await collectStatistics([network], inputsOf(network, batch), { tensors: [], logits: true });
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

describe('a trained ONNX file', () => {
  const trained = `${folder}trained.onnx`;

  it('has scales and shifts of its own with the weights of the file, and gradients as in PyTorch', async () => {
    const network = readOnnx(trained, { weights: 'file' });
    const { input, gradients } = models['trained']!;
    const found = await networkGradients(network, inputsOf(network, input[0]));
    const tensors = parameterTensors(network.graph);
    assert.equal(tensors.filter(({ role }) => role === 'scale' || role === 'shift').length, 8);
    assert.equal(found.parameters.length, gradients!.length);
    const scale = Math.max(...gradients!.flat().map(Math.abs));
    for (const [at, expected] of gradients!.entries()) {
      const { node, role } = tensors[at]!;
      assert.equal(found.parameters[at]!.length, expected.length);
      for (const [element, value] of expected.entries()) {
        const error = Math.abs(found.parameters[at]![element]! - value);
        assert.ok(error <= 2e-5 * scale, `${role} of node ${node}, ${element}: off by ${error} of ${scale}`);
      }
    }
  });

  it('tells no blocks: az-nas is refused', async () => {
    await assert.rejects(scoreOnnx({ models: [trained], proxies: ['az-nas'], batch: 2 }), {
      code: 'INVALID_ARGUMENT',
      message: /fewer than 2 blocks; .* ONNX files tell none/,
    });
  });

  it('starts anew as the untrained model does', () => {
    const { graph, key, parameters } = readOnnx(trained);
    assert.deepEqual(graph, readOnnx(`${folder}mobile.onnx`).graph);
    assert.equal(key, readOnnx(`${folder}mobile.onnx`).key);
    assert.equal(parameters, undefined);
  });

  it('is scored by every kind of proxy with the weights of the file', async () => {
    const proxies = ['eznas-a', 'params', 'l2_norm', 'snip', 'grasp', 'synflow', 'naswot', 'zen', 'zico', 'meco'];
    const options = { models: [trained], proxies, batch: 4 };
    const { scores, models: read } = await scoreOnnx({ ...options, weights: 'file' });
    for (const proxy of proxies) assert.ok(Number.isFinite(scores[proxy]![0]), proxy);
    const { scores: anew } = await scoreOnnx(options);
    assert.equal(scores['params']![0], anew['params']![0]);
    assert.notEqual(scores['eznas-a']![0], anew['eznas-a']![0]);
    assert.equal(read[0]!.flops, flops(readOnnx(trained).graph));
  });
});

describe('ONNX operators of later versions', () => {
  /** Zeros around images, a convolution, an activation, means over the maps, a linear layer. */
  const modelOf = (version: number): Uint8Array => {
    // From version 18 on Pad may tell its axes, and ReduceMean takes them as an input.
    const later = version >= 18;
    const integers = (name: string, data: readonly number[]) => ({ name, shape: [data.length], data });
    const floats = (name: string, shape: readonly number[]) => ({
      name,
      shape,
      data: new Float32Array(shape.reduce((product, extent) => product * extent, 1)).fill(0.5),
    });
    const file = encodeOnnx({
      name: 'network',
      producer: { name: 'test', version: '1' },
      input: { name: 'images', shape: ['N', 3, 8, 8] },
      output: { name: 'logits', shape: ['N', 10] },
      nodes: [
        { op: 'Pad', inputs: later ? ['images', 'pads', '', 'axes'] : ['images', 'pads'], output: 'padded' },
        { op: 'Conv', inputs: ['padded', 'w'], output: 'map', attributes: { kernel_shape: [3, 3] } },
        { op: 'Relu', inputs: ['map'], output: 'active' },
        {
          op: 'ReduceMean',
          inputs: later ? ['active', 'axes'] : ['active'],
          output: 'means',
          attributes: { keepdims: 0, ...(!later && { axes: [2, 3] }) },
        },
        { op: 'Gemm', inputs: ['means', 'w2'], output: 'logits', attributes: { transB: 1 } },
      ],
      constants: [
        integers('pads', later ? [1, 1, 1, 1] : [0, 0, 1, 1, 0, 0, 1, 1]),
        ...(later ? [integers('axes', [2, 3])] : []),
        floats('w', [4, 3, 3, 3]),
        floats('w2', [10, 4]),
      ],
    });
    // The version is the last number that is written.
    const at = Buffer.from(file).lastIndexOf(17);
    assert.ok(at >= file.length - 2);
    file[at] = version;
    return file;
  };

  it('18 to 21: axes given as inputs are read as the attributes of 17', () => {
    const { graph, opset } = readOnnx(modelOf(17));
    assert.equal(opset, 17);
    assert.equal(params(graph), 4 * 27 + 10 * 4);
    for (const version of [18, 19, 20, 21]) {
      const later = readOnnx(modelOf(version));
      assert.equal(later.opset, version);
      assert.deepEqual(later.graph, graph);
    }
  });
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
