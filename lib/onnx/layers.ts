import type { Activation } from '../graph/graph.ts';
import {
  axesOf,
  BATCH,
  type Call,
  constant,
  constantOf,
  type Element,
  elementsOf,
  type Feature,
  feature,
  featureOf,
  float,
  floatsIn,
  fromFront,
  integer,
  map,
  product,
  required,
  shown,
  Unsupported,
  type Value,
} from './values.ts';

/** Epsilon of our batch normalization. */
const EPSILON = 1e-5;

/**
 * `BatchNormalization`, in whatever mode it is written: networks are scored with the statistics of the batch. Its scale and shift count among the
 * weights of the file; those of an untrained network, 1 and 0, need not be kept.
 */
export function batchNormalization(call: Call): Value {
  const { node, builder, opset, remark } = call;
  const input = feature(call);
  if (Math.abs(float(node, 'epsilon', EPSILON) - EPSILON) > 1e-9) remark('epsilon');
  const training = opset < 14 ? node.outputs.length > 1 : integer(node, 'training_mode', 0) === 1;
  if (!training && node.inputs.length > 1) remark('inference normalization');
  const [scale, shift] = [constant(call, 1), constant(call, 2)];
  const trained =
    call.fileWeights &&
    ((scale && floatsIn(scale, call).some((value) => value !== 1)) ||
      (shift && floatsIn(shift, call).some((value) => value !== 0)));
  if (!trained) return { ...input, node: builder.batchNorm(input.node) };
  const made = builder.scaledBatchNorm(input.node);
  call.keep(made, { weight: required(scale, 'scales'), bias: required(shift, 'shifts') });
  return { ...input, node: made };
}

/** A function of single numbers. */
export const activation =
  (kind: Activation) =>
  (call: Call): Value => {
    const input = feature(call);
    return { ...input, node: call.builder.activation(kind, input.node) };
  };

/** What leaves its input as it is. */
export const same = (call: Call): Value => call.inputs[0] ?? feature(call);

/** `Dropout`: left out. */
export function dropout(call: Call): Value {
  const mode = constant(call, 2);
  if (mode && elementsOf(mode, call)[0] === 1) call.remark('dropout');
  return feature(call, 0, true);
}

/** `Softmax` and `LogSoftmax` at the end, which are left out. */
export function softmax(call: Call): Value {
  if (!call.last) throw new Unsupported('it is read only as the last of a network');
  call.remark('softmax');
  return feature(call);
}

/** `Clip`. */
export function clip(call: Call): Value {
  const bound = (at: number, none: number) => {
    const value = constant(call, at);
    return value ? floatsIn(value, call)[0]! : none;
  };
  const [least, most] = [bound(1, Number.NEGATIVE_INFINITY), bound(2, Number.POSITIVE_INFINITY)];
  const kinds = { 6: 'relu6', [Number.POSITIVE_INFINITY]: 'relu' } as const;
  const kind = least === 0 ? kinds[most as 6] : undefined;
  if (kind === undefined)
    throw new Unsupported(`it keeps values within ${least} and ${most}; 0 and 6, or none, are read`);
  return activation(kind)(call);
}

/** `HardSigmoid` with PyTorch's slope. */
export function hardSigmoid(call: Call): Value {
  const [alpha, beta] = [float(call.node, 'alpha', 0.2), float(call.node, 'beta', 0.5)];
  if (Math.abs(alpha - 1 / 6) > 1e-6 || beta !== 0.5)
    throw new Unsupported(`alpha ${alpha} and beta ${beta} are not read, 1/6 and 0.5 are`);
  return activation('hardSigmoid')(call);
}

/** `Add` and `Sum` of maps of one shape. */
export function add(call: Call): Value {
  const inputs = call.inputs.map((_, at) => feature(call, at));
  const [first] = inputs as [Feature];
  const other = inputs.find(({ shape }) => shape.join() !== first.shape.join());
  if (other) throw new Unsupported(`it adds shapes ${shown(first.shape)} and ${shown(other.shape)}`);
  return { ...first, node: call.builder.add(inputs.map(({ node }) => node)) };
}

/** `Mul` by 0 or 1, or of a map by another or by one number for each of its channels. */
export function multiply(call: Call): Value {
  const { builder } = call;
  const at = call.inputs.findIndex((value) => value?.kind === 'constant');
  if (at < 0) return gated(call);
  const factors = floatsIn(constant(call, at)!, call);
  const input = feature(call, 1 - at);
  if (factors.length === 1 && factors[0] === 1) return input;
  if (factors.length !== 1 || factors[0] !== 0) throw new Unsupported('it multiplies by a constant other than 0 and 1');
  const thinned = builder.node(input.node);
  // Every second place or so, and then zeros: one node of ours.
  const thins =
    thinned.kind === 'maxPool' && thinned.kernel.join() === '1,1' && thinned.stride[0] === thinned.stride[1];
  return { ...input, node: thins ? builder.zero(thinned.inputs[0], thinned.stride[0]) : builder.zero(input.node) };
}

/** A map times another, or numbers of its channels; or times its own hard sigmoid, which is a hard swish. */
function gated(call: Call): Value {
  const { builder } = call;
  const inputs = [feature(call, 0), feature(call, 1)] as const;
  for (const [a, b] of [inputs, inputs.toReversed() as unknown as typeof inputs]) {
    const factor = builder.node(b.node);
    if (factor.kind === 'hardSigmoid' && factor.inputs[0] === a.node && a.shape.join() === b.shape.join()) {
      return { ...a, node: builder.hardSwish(a.node) };
    }
    const shape = b.shape.join();
    if (shape === a.shape.join() || (a.shape.length === 3 && shape === `${a.shape[0]},1,1`)) {
      return { ...a, node: builder.multiply(a.node, b.node) };
    }
  }
  throw new Unsupported(
    `it multiplies shapes ${shown(inputs[0].shape)} and ${shown(inputs[1].shape)}; a number for each channel is read`,
  );
}

/** `Concat` along channels. */
export function concat(call: Call): Value {
  const inputs = call.inputs.map((_, at) => feature(call, at));
  const [first] = inputs as [Feature];
  const axis = fromFront(integer(call.node, 'axis', Number.NaN), first.shape.length + 1);
  if (axis !== 1 || inputs.some(({ shape }) => shape.length !== first.shape.length)) {
    throw new Unsupported('maps are joined along channels alone');
  }
  const channels = inputs.reduce((sum, { shape }) => sum + shape[0]!, 0);
  return featureOf(call.builder, call.builder.concat(inputs.map(({ node }) => node)), [
    channels,
    ...first.shape.slice(1),
  ]);
}

/** `GlobalAveragePool`. */
export function globalAveragePool(call: Call): Value {
  return featureOf(call.builder, call.builder.globalAvgPool(map(call).node));
}

/** `ReduceMean` over height and width. */
export function reduceMean(call: Call): Value {
  const input = map(call);
  const axes = (axesOf(call) ?? []).map((axis) => fromFront(axis, 4)).sort();
  if (axes.join() !== '2,3')
    throw new Unsupported(`it averages over axes ${axes.join(', ') || 'all'}; means over 2 and 3 are read`);
  const made = call.builder.globalAvgPool(input.node);
  const [channels] = input.shape;
  return featureOf(call.builder, made, integer(call.node, 'keepdims', 1) === 1 ? [channels!, 1, 1] : [channels!]);
}

/** `Gemm` as a linear layer. */
export function gemm(call: Call): Value {
  const { node } = call;
  const plain = float(node, 'alpha', 1) === 1 && float(node, 'beta', 1) === 1 && integer(node, 'transA', 0) === 0;
  if (!plain) throw new Unsupported('alpha and beta other than 1 and a transposed first factor are not read');
  return linear(call, integer(node, 'transB', 0) === 1);
}

/** `MatMul` as a linear layer. */
export function matMul(call: Call): Value {
  return linear(call, false);
}

/** @param featuresFirst whether weights are features × inputs, else inputs × features */
function linear(call: Call, featuresFirst: boolean): Value {
  const { builder, keep } = call;
  const input = feature(call);
  const weight = required(constant(call, 1), 'weights');
  const bias = constant(call, 2);
  if (input.shape.length !== 1 || weight.shape.length !== 2) {
    throw new Unsupported(`shapes ${shown(input.shape)} and ${shown(weight.shape)} are no linear layer's`);
  }
  const [features, inputs] = featuresFirst ? weight.shape : weight.shape.toReversed();
  if (inputs !== input.shape[0])
    throw new Unsupported(`weights ${shown(weight.shape)} do not fit ${input.shape[0]} numbers`);
  if (bias && product(bias.shape) !== features)
    throw new Unsupported(`a bias of ${shown(bias.shape)} does not fit ${features} features`);
  const made = builder.linear(input.node, features!, bias !== undefined);
  keep(made, { weight, bias, transposed: featuresFirst === (weight.exchanged ?? false) });
  return featureOf(builder, made, [features!]);
}

/** `Shape`: the number of images stands in front. */
export function shape(call: Call): Value {
  const [input] = call.inputs;
  const extents: readonly Element[] =
    input?.kind === 'feature' ? [BATCH, ...feature(call).shape] : [...required(constant(call, 0), 'input').shape];
  const [start, end] = [integer(call.node, 'start', 0), integer(call.node, 'end', extents.length)];
  const part = extents.slice(start, end);
  return constantOf([part.length], part);
}
