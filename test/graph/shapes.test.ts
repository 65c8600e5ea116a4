import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { EznasError } from '../../lib/errors.ts';
import { ACTIVATIONS, type GraphNode, type NetworkGraph, type SampleShape } from '../../lib/graph/graph.ts';
import { inferNodeShape, inferShapes } from '../../lib/graph/shapes.ts';

type WindowCase = [
  kind: 'conv2d' | 'maxPool' | 'avgPool',
  extent: number,
  kernel: number,
  stride: number,
  padding: number,
  dilation: number,
  ceilMode: boolean,
  output: number | null,
];

/** What PyTorch does: test/oracle/window_shapes.py. */
const windowCases = JSON.parse(
  readFileSync(new URL('../fixtures/window-shapes.json', import.meta.url), 'utf8'),
) as WindowCase[];

function windowNode([kind, , kernel, stride, padding, dilation, ceilMode]: WindowCase, vertical: boolean): GraphNode {
  const along = (value: number, other: number): [number, number] => (vertical ? [value, other] : [other, value]);
  const window = { kernel: along(kernel, 1), stride: along(stride, 1), padding: along(padding, 0) };
  if (kind === 'conv2d') {
    return { kind, inputs: [0], outChannels: 5, ...window, dilation: along(dilation, 1), groups: 1, bias: false };
  }
  return kind === 'maxPool'
    ? { kind, inputs: [0], ...window, ceilMode }
    : { kind, inputs: [0], ...window, ceilMode, countPadding: true };
}

const invalidGraph = (pattern: RegExp) => (error: unknown) =>
  error instanceof EznasError && error.code === 'INVALID_GRAPH' && pattern.test(error.message);

const conv = {
  kind: 'conv2d',
  inputs: [0],
  outChannels: 8,
  kernel: [3, 3],
  stride: [1, 1],
  padding: [1, 1],
  dilation: [1, 1],
  groups: 1,
  bias: false,
} as const satisfies GraphNode;

const maxPool = {
  kind: 'maxPool',
  inputs: [0],
  kernel: [2, 2],
  stride: [2, 2],
  padding: [0, 0],
  ceilMode: false,
} as const satisfies GraphNode;

/** Shape of one node that reads inputs of the given shapes. */
function shapeOf(node: GraphNode, ...inputs: SampleShape[]): SampleShape {
  return inferNodeShape(node, inputs.length, inputs, [3, 8, 8]);
}

describe('shape inference', () => {
  it('gives the extents of PyTorch for windows along either axis, and refuses what PyTorch refuses', () => {
    assert.ok(windowCases.length >= 900);
    for (const windowCase of windowCases) {
      const [, extent, , , , , , output] = windowCase;
      for (const vertical of [true, false]) {
        const input: SampleShape = vertical ? [1, extent, 7] : [1, 7, extent];
        const node = windowNode(windowCase, vertical);
        const infer = () => inferNodeShape(node, 1, [input], input);
        if (output === null) {
          assert.throws(infer, invalidGraph(/node 1/), JSON.stringify(windowCase));
        } else {
          const channels = node.kind === 'conv2d' ? 5 : 1;
          const expected = vertical ? [channels, output, 7] : [channels, 7, output];
          assert.deepEqual(infer(), expected, JSON.stringify(windowCase));
        }
      }
    }
  });

  it('keeps, joins, cuts and flattens shapes as each kind says', () => {
    const wide: SampleShape = [6, 5, 7];
    for (const kind of [...ACTIVATIONS, 'identity'] as const)
      assert.deepEqual(shapeOf({ kind, inputs: [0] }, wide), wide);
    assert.deepEqual(shapeOf({ kind: 'batchNorm', inputs: [0], affine: true }, wide), wide);
    assert.deepEqual(shapeOf({ kind: 'add', inputs: [0, 1, 0] }, wide, wide), wide);
    assert.deepEqual(shapeOf({ kind: 'multiply', inputs: [0, 1] }, wide, wide), wide);
    assert.deepEqual(shapeOf({ kind: 'multiply', inputs: [0, 1] }, wide, [6, 1, 1]), wide);
    assert.deepEqual(shapeOf({ kind: 'concat', inputs: [0, 1] }, wide, [2, 5, 7]), [8, 5, 7]);
    assert.deepEqual(shapeOf({ kind: 'globalAvgPool', inputs: [0] }, wide), [6, 1, 1]);
    assert.deepEqual(shapeOf({ kind: 'linear', inputs: [0], features: 10, bias: true }, wide), [10, 1, 1]);
    assert.deepEqual(shapeOf({ kind: 'zero', inputs: [0], stride: 2 }, wide), [6, 3, 4]);
    assert.deepEqual(shapeOf({ kind: 'slice', inputs: [0], axis: 1, begin: 2, end: 3 }, wide), [1, 5, 7]);
    assert.deepEqual(shapeOf({ kind: 'slice', inputs: [0], axis: 2, begin: 1, end: 5 }, wide), [6, 4, 7]);
    assert.deepEqual(shapeOf({ kind: 'slice', inputs: [0], axis: 3, begin: 0, end: 7 }, wide), wide);
  });

  const wide: SampleShape = [6, 5, 7];
  const refused: [what: string, node: GraphNode, inputs: SampleShape[], pattern: RegExp][] = [
    ['an input that does not exist', { kind: 'relu', inputs: [3] }, [wide], /input 3 is not an earlier node/],
    ['a node that reads itself', { kind: 'relu', inputs: [1] }, [wide], /input 1 is not an earlier node/],
    ['a fractional input', { kind: 'relu', inputs: [0.5] }, [wide], /input 0\.5/],
    ['an empty sum', { kind: 'add', inputs: [] }, [wide], /no inputs given, at least 1 needed/],
    ['two inputs of a ReLU', { kind: 'relu', inputs: [0, 0] as never }, [wide], /2 inputs given, 1 needed/],
    [
      'a sum of unequal shapes',
      { kind: 'add', inputs: [0, 1] },
      [wide, [6, 5, 8]],
      /node 2 \(add of node 0 \[6, 5, 7\], node 1 \[6, 5, 8\]\)/,
    ],
    ['a product of one', { kind: 'multiply', inputs: [0] as never }, [wide], /1 inputs given, 2 needed/],
    [
      'a product of unequal shapes',
      { kind: 'multiply', inputs: [1, 0] },
      [wide, [6, 1, 1]],
      /the second input must have the first one's shape, or \[6, 1, 1\]/,
    ],
    ['a concatenation of unequal extents', { kind: 'concat', inputs: [0, 1] }, [wide, [6, 4, 7]], /height and width/],
    ['groups that do not divide the input', { ...conv, groups: 4 }, [wide], /4 groups must divide 6 input/],
    ['groups that do not divide the output', { ...conv, groups: 3 }, [wide], /3 groups must divide .* 8 output/],
    ['a kernel of 0', { ...conv, kernel: [0, 3] }, [wide], /kernel must be two integers of at least 1, got \[0, 3\]/],
    ['a stride of NaN', { ...conv, stride: [Number.NaN, 1] }, [wide], /stride/],
    ['a negative padding', { ...conv, padding: [-1, 0] }, [wide], /padding/],
    ['an infinite dilation', { ...conv, dilation: [1, Number.POSITIVE_INFINITY] }, [wide], /dilation/],
    ['more channels than an int32 holds', { ...conv, outChannels: 2 ** 31 }, [wide], /outChannels/],
    ['a window larger than its input', { ...conv, kernel: [9, 9] }, [wide], /window 9×9 .* does not fit/],
    ['a pool padded by more than half', { ...maxPool, padding: [2, 0] }, [wide], /more than half of the kernel/],
    ['no classes', { kind: 'linear', inputs: [0], features: 0, bias: true }, [wide], /features must be/],
    ['a zero of stride 0', { kind: 'zero', inputs: [0], stride: 0 }, [wide], /stride must be/],
    ['an empty slice', { kind: 'slice', inputs: [0], axis: 1, begin: 2, end: 2 }, [wide], /range 2…2/],
    ['a slice past the end', { kind: 'slice', inputs: [0], axis: 2, begin: 0, end: 6 }, [wide], /inside 0…5 of axis 2/],
    ['a slice of samples', { kind: 'slice', inputs: [0], axis: 0 as 1, begin: 0, end: 1 }, [wide], /axis must be/],
    [
      'an unknown kind',
      { kind: 'dropout', inputs: [0] } as never,
      [wide],
      /unknown kind dropout; known: input, conv2d/,
    ],
  ];
  for (const [what, node, inputs, pattern] of refused) {
    it(`refuses ${what}`, () => {
      assert.throws(() => shapeOf(node, ...inputs), invalidGraph(pattern));
    });
  }
});

describe('graph checks', () => {
  const graph: NetworkGraph = {
    nodes: [
      { kind: 'input', inputs: [] },
      { kind: 'relu', inputs: [0] },
      { ...conv, inputs: [1] },
      { kind: 'batchNorm', inputs: [2], affine: true },
    ],
    units: [{ relu: 1, conv: 2, batchNorm: 3 }],
    output: 3,
    inputShape: [3, 8, 8],
  };

  it('infers every node of a sound graph', () => {
    assert.deepEqual(inferShapes(graph), [
      [3, 8, 8],
      [3, 8, 8],
      [8, 8, 8],
      [8, 8, 8],
    ]);
  });

  const broken: [what: string, change: Partial<NetworkGraph>, pattern: RegExp][] = [
    ['no nodes', { nodes: [], units: [] }, /output node 3 does not exist: the graph has 0 nodes/],
    [
      'no input node first',
      { nodes: graph.nodes.slice(1) },
      /node 0 \(relu\): node 0, and no other, must be the input/,
    ],
    ['a second input node', { nodes: [...graph.nodes, { kind: 'input', inputs: [] }] }, /node 4 \(input\)/],
    ['an output past the end', { output: 4 }, /output node 4/],
    ['an output of NaN', { output: Number.NaN }, /output node NaN/],
    ['an input shape of two extents', { inputShape: [3, 8] as never }, /input shape must be three integers.*\[3, 8\]/],
    ['an empty input', { inputShape: [3, 0, 8] }, /input shape/],
    [
      'a unit of wrong kinds',
      { units: [{ relu: 2, conv: 1, batchNorm: 3 }] },
      /unit 0 names nodes 2 \(conv2d\), 1 \(relu\)/,
    ],
    ['a unit of missing nodes', { units: [{ relu: 1, conv: 2, batchNorm: 9 }] }, /9 \(missing\)/],
  ];
  for (const [what, change, pattern] of broken) {
    it(`refuse ${what}`, () => {
      assert.throws(() => inferShapes({ ...graph, ...change }), invalidGraph(pattern));
    });
  }

  it('takes units of other forms: the activation after the normalization or elsewhere, no normalization', () => {
    const nodes: GraphNode[] = [
      { kind: 'input', inputs: [] },
      { ...conv, inputs: [0] },
      { kind: 'batchNorm', inputs: [1], affine: true },
      { kind: 'relu', inputs: [2] },
      { kind: 'relu', inputs: [0] },
    ];
    const units = [
      { relu: 3, conv: 1, batchNorm: 2 },
      { relu: 3, conv: 1, batchNorm: 1 },
      { relu: 4, conv: 1, batchNorm: 2 },
    ];
    assert.equal(inferShapes({ ...graph, nodes, units }).length, 5);
  });

  it('refuse a unit whose normalization comes before its convolution, or is another convolution', () => {
    const nodes: GraphNode[] = [
      { kind: 'input', inputs: [] },
      { kind: 'batchNorm', inputs: [0], affine: true },
      { ...conv, inputs: [1] },
      { kind: 'relu', inputs: [0] },
      { ...conv, inputs: [0] },
    ];
    for (const batchNorm of [1, 3, 4]) {
      const units = [{ relu: 3, conv: 2, batchNorm }];
      assert.throws(
        () => inferShapes({ ...graph, nodes, units }),
        invalidGraph(/a later batchNorm or the conv2d again/),
      );
    }
  });
});
