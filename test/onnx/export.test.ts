import assert from 'node:assert/strict';
import * as ort from 'onnxruntime-web';
import type { Network } from '../../lib/engine/networks.ts';
import { collectStatistics } from '../../lib/engine/run.ts';
import { EznasError } from '../../lib/errors.ts';
import { GraphBuilder } from '../../lib/graph/builder.ts';
import { parameterTensors } from '../../lib/graph/counts.ts';
import type { NetworkGraph } from '../../lib/graph/graph.ts';
import { exportArchitecture, exportOnnx, type OnnxOptions } from '../../lib/onnx/export.ts';
import { Random } from '../../lib/random.ts';
import { nasbench201 } from '../../lib/spaces/nasbench201.ts';

const BATCH = 3;

function images({ inputShape }: NetworkGraph, batch = BATCH): Float32Array {
  const random = new Random(5);
  return Float32Array.from({ length: batch * inputShape.reduce((a, b) => a * b, 1) }, () => random.normal());
}

/** What ONNX Runtime makes of a model. */
async function runtimeLogits(model: Uint8Array, graph: NetworkGraph, batch = BATCH): Promise<Float32Array> {
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(model);
  assert.deepEqual([session.inputNames, session.outputNames], [['images'], ['logits']]);
  const input = new ort.Tensor('float32', images(graph, batch), [batch, ...graph.inputShape]);
  const { logits } = await session.run({ images: input });
  const data = (await logits!.getData()) as Float32Array;
  await session.release();
  return data;
}

/** What our executor makes of a network. */
async function ownLogits(network: Network, seed: number): Promise<Float32Array> {
  const { graph } = network;
  const inputs = { batch: BATCH, shape: graph.inputShape, data: images(graph) };
  using statistics = await collectStatistics([network], inputs, { seed, tensors: [], logits: true });
  return statistics.logits(0, 'D')!;
}

function assertClose(actual: Float32Array, expected: Float32Array, tolerance: number): void {
  assert.equal(actual.length, expected.length);
  const scale = Math.max(...expected.map(Math.abs));
  assert.ok(scale > 0);
  for (const [at, value] of expected.entries()) {
    const error = Math.abs(actual[at]! - value);
    assert.ok(error <= tolerance * scale, `${at}: ${actual[at]} instead of ${value}, scale ${scale}`);
  }
}

async function agree(network: Network, options: OnnxOptions = { normalization: 'batch' }): Promise<void> {
  const expected = await ownLogits(network, options.seed ?? 0);
  assertClose(await runtimeLogits(exportOnnx(network, options), network.graph), expected, 1e-4);
}

const SMALL = { initialChannels: 4, cellsPerStage: 1, resolution: 16 };

describe('ONNX export', () => {
  it('computes the logits of our executor, on NAS-Bench-201 networks', async () => {
    for (const index of [6111, 1462, 13714, 0, 99]) {
      const graph = nasbench201.build(nasbench201.architecture(index), SMALL);
      await agree({ graph, key: index }, { seed: 7, normalization: 'batch' });
    }
  });

  it('knows every kind of node', async () => {
    const builder = new GraphBuilder([4, 11, 9]);
    const stem = builder.conv2d(builder.input, 8, { kernel: 3, bias: true, groups: 2 });
    const unit = builder.reluConvBatchNorm(stem, 8, { kernel: [3, 5], dilation: [2, 1], stride: [2, 1] });
    const pooled = builder.concat([
      builder.maxPool(unit, { kernel: 3, stride: 2, padding: 1 }),
      builder.avgPool(unit, { kernel: 3, stride: 2, padding: 1 }),
      builder.avgPool(unit, { kernel: 3, stride: 2, padding: 1, countPadding: false }),
      builder.maxPool(unit, { kernel: [1, 3], stride: 2, padding: [0, 1], ceilMode: true }),
    ]);
    const sliced = builder.slice(pooled, 1, 3, 11);
    const dead = builder.zero(builder.identity(unit), 2);
    const gate = builder.hardSigmoid(builder.globalAvgPool(builder.sigmoid(sliced)));
    const gated = builder.multiply(builder.hardSwish(sliced), gate);
    const clipped = builder.relu6(builder.multiply(gated, gated));
    const sum = builder.add([clipped, sliced, builder.slice(dead, 1, 0, 8), builder.batchNorm(sliced, false)]);
    const cropped = builder.slice(builder.slice(sum, 2, 1, 3), 3, 0, 4);
    const graph = builder.finish(builder.linear(builder.relu(cropped), 5, true));
    await agree({ graph, key: 3 });
  });

  it('has scales and shifts of normalizations where they are given, of zeros too', async () => {
    const builder = new GraphBuilder([3, 6, 5]);
    const first = builder.scaledBatchNorm(builder.conv2d(builder.input, 5, { kernel: 3 }));
    const ofZeros = builder.scaledBatchNorm(builder.zero(first));
    const sum = builder.add([builder.relu(first), builder.conv2d(ofZeros, 5, { kernel: 3 })]);
    const graph = builder.finish(builder.linear(builder.scaledBatchNorm(sum), 4));
    const random = new Random(2);
    const parameters = parameterTensors(graph).map(({ shape }) =>
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
    );
    await agree({ graph, key: 0, parameters });
  });

  it('rounds extents of pools up where they are not whole', async () => {
    const builder = new GraphBuilder([3, 7, 8]);
    const pooled = builder.avgPool(builder.input, { kernel: 2, stride: 2, ceilMode: true, countPadding: false });
    const graph = builder.finish(builder.linear(builder.maxPool(pooled, { kernel: 2, stride: 2, ceilMode: true }), 4));
    await agree({ graph, key: 1 });
  });

  it('takes a batch of any size', async () => {
    const graph = nasbench201.build(nasbench201.architecture(6111), SMALL);
    const model = exportOnnx({ graph, key: 6111 });
    for (const batch of [1, 5]) assert.equal((await runtimeLogits(model, graph, batch)).length, 10 * batch);
  });

  it('normalizes by running statistics unless told otherwise: at first that changes next to nothing', async () => {
    const graph = nasbench201.build(nasbench201.architecture(1462), SMALL);
    const without: NetworkGraph = {
      ...graph,
      units: [],
      nodes: graph.nodes.map((node) => (node.kind === 'batchNorm' ? { kind: 'identity', inputs: node.inputs } : node)),
    };
    const expected = await ownLogits({ graph: without, key: 1462 }, 0);
    assertClose(await runtimeLogits(exportOnnx({ graph, key: 1462 }), graph), expected, 1e-3);
  });

  it('has the given parameters where they are given, and else those of seed and key', async () => {
    const builder = new GraphBuilder([3, 1, 1]);
    const graph = builder.finish(builder.linear(builder.input, 2, false));
    const parameters = [Float32Array.of(1, 2, 3, -4, 0.5, 6)];
    const [a, b, c] = images(graph, 1) as unknown as [number, number, number];
    const logits = await runtimeLogits(exportOnnx({ graph, key: 0, parameters }), graph, 1);
    assertClose(logits, Float32Array.of(a + 2 * b + 3 * c, -4 * a + 0.5 * b + 6 * c), 1e-6);
    const model = (key: number, seed: number) => Buffer.from(exportOnnx({ graph, key }, { seed }));
    assert.deepEqual(model(1, 2), model(1, 2));
    assert.notDeepEqual(model(1, 2), model(2, 2));
    assert.notDeepEqual(model(1, 2), model(1, 3));
  });

  it('exports an architecture of a space by its text', async () => {
    const architecture = nasbench201.print(nasbench201.architecture(99));
    const model = exportArchitecture(architecture, { dataset: 'imagenet16-120', seed: 1 });
    const graph = nasbench201.build(nasbench201.architecture(99), { classes: 120, resolution: 16 });
    assert.deepEqual(Buffer.from(model), Buffer.from(exportOnnx({ graph, key: 99 }, { seed: 1 })));
    assert.throws(
      () => exportArchitecture('nonsense'),
      (error) => error instanceof EznasError && error.code === 'INVALID_ARCHITECTURE',
    );
  });
});
