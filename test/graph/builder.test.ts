import assert from 'node:assert/strict';
import { EznasError } from '../../lib/errors.ts';
import { GraphBuilder } from '../../lib/graph/builder.ts';
import { flops, parameterTensors, params } from '../../lib/graph/counts.ts';
import { encodeGraph } from '../../lib/graph/encode.ts';
import { NODE_KINDS } from '../../lib/graph/graph.ts';
import { inferShapes } from '../../lib/graph/shapes.ts';

/** One node of every kind. */
function everyKind(): GraphBuilder {
  const builder = new GraphBuilder([4, 9, 9]);
  const unit = builder.reluConvBatchNorm(builder.input, 6, { kernel: [3, 1], groups: 2 });
  const identity = builder.identity(unit);
  const sum = builder.add([unit, identity, builder.zero(unit)]);
  const joined = builder.concat([sum, builder.slice(sum, 1, 0, 2)]);
  const largest = builder.maxPool(joined, { kernel: 3, stride: 2, padding: 1, ceilMode: true });
  const mean = builder.avgPool(largest, { kernel: 3, stride: [1, 2], padding: 1, countPadding: false });
  builder.linear(builder.globalAvgPool(mean), 7);
  const gate = builder.hardSigmoid(builder.hardSwish(builder.relu6(11)));
  builder.sigmoid(builder.multiply(mean, gate));
  return builder;
}

describe('GraphBuilder', () => {
  it('builds sound graphs whose shapes it knows on the way', () => {
    const builder = everyKind();
    const graph = builder.finish(12);
    assert.deepEqual(new Set(graph.nodes.map((node) => node.kind)), new Set(NODE_KINDS));
    assert.deepEqual(
      inferShapes(graph),
      graph.nodes.map((_, node) => builder.shape(node)),
    );
    assert.deepEqual(builder.shape(12), [7, 1, 1]);
    assert.deepEqual(graph.units, [{ relu: 1, conv: 2, batchNorm: 3 }]);
  });

  it('pads odd kernels so that stride 1 keeps the extents, and has no bias, unless told otherwise', () => {
    const builder = new GraphBuilder([2, 9, 9]);
    const same = builder.conv2d(0, 3, { kernel: [3, 5], dilation: [2, 1] });
    const valid = builder.conv2d(0, 3, { kernel: 3, padding: 0, bias: true });
    const { nodes } = builder.finish(valid);
    assert.deepEqual(builder.shape(same), [3, 9, 9]);
    assert.deepEqual(builder.shape(valid), [3, 7, 7]);
    assert.deepEqual(
      nodes.map((node) => node.kind === 'conv2d' && node.bias),
      [false, false, true],
    );
  });

  it('adds no node for the sum or concatenation of one', () => {
    const builder = new GraphBuilder([2, 9, 9]);
    assert.equal(builder.add([0]), 0);
    assert.equal(builder.concat([0]), 0);
    assert.equal(builder.finish(0).nodes.length, 1);
  });

  it('refuses at once what does not fit, and nodes that do not exist', () => {
    const builder = new GraphBuilder([2, 9, 9]);
    const invalid = { name: 'EznasError', code: 'INVALID_GRAPH' };
    assert.throws(() => new GraphBuilder([0, 1, 1]), invalid);
    assert.throws(() => builder.conv2d(0, 3, { kernel: 20, padding: 0 }), invalid);
    assert.throws(() => builder.add([5]), invalid);
    assert.throws(() => builder.concat([-1]), invalid);
    assert.throws(() => builder.add([]), invalid);
    assert.throws(() => builder.finish(1), invalid);
    assert.equal(builder.finish(0).nodes.length, 1);
  });

  it('gives a graph that later building does not change', () => {
    const builder = new GraphBuilder([2, 9, 9]);
    const graph = builder.finish(builder.relu(0));
    builder.relu(1);
    assert.equal(graph.nodes.length, 2);
  });

  it('stops at 100,000 nodes', () => {
    const builder = new GraphBuilder([1, 1, 1]);
    assert.throws(
      () => {
        for (;;) builder.relu(0);
      },
      (error) => error instanceof EznasError && error.code === 'TOO_LARGE',
    );
    assert.equal(builder.finish(0).nodes.length, 100_000);
  });
});

describe('encodeGraph', () => {
  it('writes the words of every kind in the order that native/core/graph.h gives', () => {
    const [
      input,
      conv2d,
      batchNorm,
      relu,
      add,
      concat,
      maxPool,
      avgPool,
      globalAvgPool,
      linear,
      zero,
      identity,
      slice,
      relu6,
      hardSwish,
      hardSigmoid,
      sigmoid,
      multiply,
    ] = NODE_KINDS.keys();
    const expected = [
      [1, 18, 1, 12, 4, 9, 9],
      [input, 0],
      [relu, 1, 0],
      [conv2d, 1, 1, 6, 3, 1, 1, 1, 1, 0, 1, 1, 2, 0],
      [batchNorm, 1, 2, 1],
      [identity, 1, 3],
      [zero, 1, 3, 1],
      [add, 3, 3, 4, 5],
      [slice, 1, 6, 1, 0, 2],
      [concat, 2, 6, 7],
      [maxPool, 1, 8, 3, 3, 2, 2, 1, 1, 1],
      [avgPool, 1, 9, 3, 3, 1, 2, 1, 1, 0, 0],
      [globalAvgPool, 1, 10],
      [linear, 1, 11, 7, 1],
      [relu6, 1, 11],
      [hardSwish, 1, 13],
      [hardSigmoid, 1, 14],
      [multiply, 2, 10, 15],
      [sigmoid, 1, 16],
      [1, 2, 3],
    ].flat() as number[];
    assert.deepEqual([...encodeGraph(everyKind().finish(12))], expected);
  });

  it('numbers the kinds as the native enum does', () => {
    const kinds =
      'input conv2d batchNorm relu add concat maxPool avgPool globalAvgPool linear zero identity slice ' +
      'relu6 hardSwish hardSigmoid sigmoid multiply';
    assert.deepEqual(NODE_KINDS, kinds.split(' '));
  });

  it('refuses a malformed graph', () => {
    const graph = { ...everyKind().finish(12), output: 99 };
    assert.throws(() => encodeGraph(graph), { code: 'INVALID_GRAPH' });
  });
});

describe('counts', () => {
  it('counts weights, biases and the scale and shift of batch normalization', () => {
    const graph = everyKind().finish(12);
    assert.deepEqual(parameterTensors(graph), [
      { node: 2, role: 'weight', shape: [6, 2, 3, 1] },
      { node: 12, role: 'weight', shape: [7, 8] },
      { node: 12, role: 'bias', shape: [7] },
    ]);
    assert.equal(params(graph), 6 * 2 * 3 + 6 + 6 + 7 * 8 + 7);
  });

  it('counts multiply-adds at every output position, and bias additions', () => {
    assert.equal(flops(everyKind().finish(12)), 6 * 2 * 3 * 81 + 7 * 8 + 7);
    const builder = new GraphBuilder([3, 8, 8]);
    const graph = builder.finish(builder.conv2d(0, 5, { kernel: 3, stride: 2, bias: true }));
    assert.equal(flops(graph), 4 * 4 * 5 * (3 * 9 + 1));
  });

  it('flattens what a linear layer reads', () => {
    const builder = new GraphBuilder([3, 4, 5]);
    const graph = builder.finish(builder.linear(0, 2, false));
    assert.equal(params(graph), 2 * 60);
    assert.equal(flops(graph), 2 * 60);
  });

  it('counts nothing in a graph without parameters', () => {
    const builder = new GraphBuilder([3, 4, 5]);
    const graph = builder.finish(builder.batchNorm(0, false));
    assert.equal(params(graph), 0);
    assert.equal(flops(graph), 0);
  });

  it('marks ends of blocks, in order, and none where none are marked', () => {
    const builder = new GraphBuilder([3, 8, 8]);
    const stem = builder.block(builder.conv2d(builder.input, 4, { kernel: 3 }));
    const end = builder.block(builder.relu(stem));
    assert.deepEqual(builder.finish(end).blocks, [stem, end]);
    assert.throws(() => builder.block(99), { code: 'INVALID_GRAPH', message: /node 99 does not exist/ });
    const plain = new GraphBuilder([3, 8, 8]);
    assert.equal('blocks' in plain.finish(plain.relu(plain.input)), false);
  });
});
