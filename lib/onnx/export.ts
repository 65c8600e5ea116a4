import type { Network } from '../engine/networks.ts';
import { initialParameters } from '../engine/run.ts';
import { buildNetwork, resolveSetting, type SettingOptions } from '../evaluation/setting.ts';
import { parameterTensors } from '../graph/counts.ts';
import type { GraphNode, NetworkGraph, Pair, SampleShape } from '../graph/graph.ts';
import { inferShapes } from '../graph/shapes.ts';
import { VERSION } from '../version.ts';
import { encodeOnnx, type OnnxNode, type OnnxTensor } from './model.ts';

export interface OnnxOptions {
  /** Decides the initial parameters, default 0. */
  readonly seed?: number;
  /**
   * How batch normalization is written: `running` (default), as the operator with the statistics that training starts from, mean 0 and variance 1,
   * which runtimes fold into convolutions; or `batch`, with the statistics of the batch itself, as networks are scored.
   */
  readonly normalization?: 'running' | 'batch';
}

/** Added to variances, as in training. */
const EPSILON = 1e-5;

/**
 * A network with its initial parameters as an ONNX model: input `images`, N × channels × height × width, output `logits`, N × classes.
 *
 * @throws EznasError INVALID_GRAPH, ADDON_UNAVAILABLE
 */
export function exportOnnx(network: Network, { seed = 0, normalization = 'running' }: OnnxOptions = {}): Uint8Array {
  const { graph } = network;
  const shapes = inferShapes(graph);
  const parameters = network.parameters ?? initialParameters(network, seed);
  const constants = new Map<string, OnnxTensor>();
  const constant = (name: string, shape: readonly number[], data: OnnxTensor['data']): string => {
    constants.set(name, { name, shape, data });
    return name;
  };
  for (const [at, { node, role, shape }] of parameterTensors(graph).entries()) {
    // Of a normalization that is spelt out: numbers that spread over places.
    const spread = (role === 'scale' || role === 'shift') && normalization === 'batch';
    constant(`${role}${node}`, spread ? [...shape, 1, 1] : shape, parameters[at]!);
  }
  const nodes = graph.nodes.flatMap((_, index) => translate({ graph, shapes, index, normalization, constant }));
  nodes.push({ op: 'Flatten', inputs: [valueName(graph.output)], output: 'logits', attributes: { axis: 1 } });
  return encodeOnnx({
    name: 'network',
    producer: { name: 'eznas', version: VERSION },
    nodes,
    constants: [...constants.values()],
    input: { name: valueName(0), shape: ['N', ...graph.inputShape] },
    output: { name: 'logits', shape: ['N', shapes[graph.output]!.reduce((product, extent) => product * extent, 1)] },
  });
}

/**
 * An architecture's network as ONNX, see {@link exportOnnx}: with the parameters from which it is scored with that seed.
 *
 * @param architecture as its space prints it
 * @throws EznasError INVALID_ARGUMENT, INVALID_ARCHITECTURE, ADDON_UNAVAILABLE
 */
export function exportArchitecture(
  architecture: string,
  options: Pick<SettingOptions, 'space' | 'benchmark' | 'dataset' | 'seed'> & Pick<OnnxOptions, 'normalization'> = {},
): Uint8Array {
  const setting = resolveSetting({ ...options, batch: 1, images: 'noise' });
  return exportOnnx(buildNetwork(setting, setting.space.parse(architecture)), options);
}

/** Where a node of ours is written down. */
interface Place {
  readonly graph: NetworkGraph;
  readonly shapes: readonly SampleShape[];
  readonly index: number;
  readonly normalization: 'running' | 'batch';
  /** Keeps a constant; returns its name. */
  readonly constant: (name: string, shape: readonly number[], data: OnnxTensor['data']) => string;
}

const valueName = (index: number): string => (index === 0 ? 'images' : `value${index}`);

/** The ONNX nodes of one node of ours. */
function translate(place: Place): OnnxNode[] {
  const { graph, shapes, index } = place;
  const node = graph.nodes[index]!;
  const output = valueName(index);
  const inputs = node.inputs.map(valueName);
  switch (node.kind) {
    case 'input':
      return [];
    case 'conv2d': {
      const { kernel, stride, padding, dilation, groups: group, bias } = node;
      const attributes = { kernel_shape: kernel, strides: stride, pads: pads(padding), dilations: dilation, group };
      return [{ op: 'Conv', inputs: [...inputs, ...parametersOf(index, bias)], output, attributes }];
    }
    case 'batchNorm':
      return place.normalization === 'running' ? [runningNorm(place)] : batchNorm(place);
    case 'relu':
      return [{ op: 'Relu', inputs, output }];
    case 'relu6': {
      const bounds = [0, 6].map((bound) => place.constant(`bound${bound}`, [], Float32Array.of(bound)));
      return [{ op: 'Clip', inputs: [...inputs, ...bounds], output }];
    }
    case 'hardSwish':
      return [{ op: 'HardSwish', inputs, output }];
    case 'hardSigmoid':
      return [{ op: 'HardSigmoid', inputs, output, attributes: { alpha: { float: 1 / 6 }, beta: { float: 0.5 } } }];
    case 'sigmoid':
      return [{ op: 'Sigmoid', inputs, output }];
    case 'multiply':
      return [{ op: 'Mul', inputs, output }];
    case 'identity':
      return [{ op: 'Identity', inputs, output }];
    case 'add':
      return [{ op: 'Sum', inputs, output }];
    case 'concat':
      return [{ op: 'Concat', inputs, output, attributes: { axis: 1 } }];
    case 'maxPool':
      return [{ op: 'MaxPool', inputs, output, attributes: windowAttributes(place, node) }];
    case 'avgPool': {
      const attributes = { ...windowAttributes(place, node), count_include_pad: Number(node.countPadding) };
      return [{ op: 'AveragePool', inputs, output, attributes }];
    }
    case 'globalAvgPool':
      return [{ op: 'GlobalAveragePool', inputs, output }];
    case 'linear': {
      const flat = `${output}/flat`;
      const shape = place.constant('features', [4], [0, -1, 1, 1]);
      const product = `${output}/product`;
      return [
        { op: 'Flatten', inputs, output: flat, attributes: { axis: 1 } },
        { op: 'Gemm', inputs: [flat, ...parametersOf(index, node.bias)], output: product, attributes: { transB: 1 } },
        { op: 'Reshape', inputs: [product, shape], output },
      ];
    }
    case 'zero': {
      const [, height, width] = shapes[node.inputs[0]]!;
      const thinned = `${output}/thinned`;
      const zero = place.constant('zero', [], Float32Array.of(0));
      const { stride } = node;
      return [
        slice(place, inputs, thinned, { axes: [2, 3], starts: [0, 0], ends: [height, width], steps: [stride, stride] }),
        { op: 'Mul', inputs: [thinned, zero], output },
      ];
    }
    case 'slice': {
      const { axis, begin, end } = node;
      return [slice(place, inputs, output, { axes: [axis], starts: [begin], ends: [end], steps: [1] })];
    }
  }
}

const pads = ([vertical, horizontal]: Pair): number[] => [vertical, horizontal, vertical, horizontal];

const parametersOf = (index: number, bias: boolean): string[] => [`weight${index}`, ...(bias ? [`bias${index}`] : [])];

function windowAttributes(
  { shapes, index }: Place,
  { inputs, kernel, stride, padding, ceilMode }: Extract<GraphNode, { kind: 'maxPool' | 'avgPool' }>,
) {
  const from = shapes[inputs[0]]!;
  const to = shapes[index]!;
  // Runtimes differ in what rounding up means at the edge; most pools need none.
  const floored = [0, 1].every(
    (axis) => Math.floor((from[axis + 1]! + 2 * padding[axis]! - kernel[axis]!) / stride[axis]!) + 1 === to[axis + 1],
  );
  return {
    kernel_shape: kernel,
    strides: stride,
    pads: pads(padding),
    ...(ceilMode && !floored && { ceil_mode: 1 }),
  };
}

function slice(
  { constant }: Place,
  inputs: readonly string[],
  output: string,
  ranges: Readonly<Record<'starts' | 'ends' | 'axes' | 'steps', readonly number[]>>,
): OnnxNode {
  const given = (['starts', 'ends', 'axes', 'steps'] as const).map((name) =>
    constant(`${output}/${name}`, [ranges[name].length], ranges[name]),
  );
  return { op: 'Slice', inputs: [...inputs, ...given], output };
}

function runningNorm({ graph, shapes, index, constant }: Place): OnnxNode {
  const [channels] = shapes[index]!;
  const filled = (name: string, value: number) =>
    constant(`${name}${channels}`, [channels], new Float32Array(channels).fill(value));
  const own = isScaled(graph, index);
  const inputs = [
    valueName(graph.nodes[index]!.inputs[0]!),
    own ? `scale${index}` : filled('ones', 1),
    own ? `shift${index}` : filled('zeros', 0),
    filled('zeros', 0),
    filled('ones', 1),
  ];
  return { op: 'BatchNormalization', inputs, output: valueName(index), attributes: { epsilon: { float: EPSILON } } };
}

function isScaled({ nodes }: NetworkGraph, index: number): boolean {
  const node = nodes[index]!;
  return node.kind === 'batchNorm' && node.scaled === true;
}

/** (x − mean) / √(variance + ε) over batch and places, and scale and shift where they are not 1 and 0. */
function batchNorm({ graph, index, constant }: Place): OnnxNode[] {
  const input = valueName(graph.nodes[index]!.inputs[0]!);
  const output = valueName(index);
  const part = (name: string) => `${output}/${name}`;
  const mean = (of: string, name: string): OnnxNode => ({
    op: 'ReduceMean',
    inputs: [of],
    output: part(name),
    attributes: { axes: [0, 2, 3], keepdims: 1 },
  });
  const epsilon = constant('epsilon', [], Float32Array.of(EPSILON));
  const normal = isScaled(graph, index) ? part('normal') : output;
  const steps: OnnxNode[] = [
    mean(input, 'mean'),
    { op: 'Sub', inputs: [input, part('mean')], output: part('centred') },
    { op: 'Mul', inputs: [part('centred'), part('centred')], output: part('squares') },
    mean(part('squares'), 'variance'),
    { op: 'Add', inputs: [part('variance'), epsilon], output: part('raised') },
    { op: 'Sqrt', inputs: [part('raised')], output: part('deviation') },
    { op: 'Div', inputs: [part('centred'), part('deviation')], output: normal },
  ];
  if (normal === output) return steps;
  return [
    ...steps,
    { op: 'Mul', inputs: [normal, `scale${index}`], output: part('scaled') },
    { op: 'Add', inputs: [part('scaled'), `shift${index}`], output },
  ];
}
