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

/** `BatchNormalization`, in whatever mode it is written: networks are scored with the statistics of the batch. */
export function batchNormalization(call: Call): Value {
  const { node, builder, opset, remark } = call;
  const input = feature(call);
  if (Math.abs(float(node, 'epsilon', EPSILON) - EPSILON) > 1e-9) remark('epsilon');
  const training = opset < 14 ? node.outputs.length > 1 : integer(node, 'training_mode', 0) === 1;
  if (!training && node.inputs.length > 1) remark('inference normalization');
  call.keepScale(constant(call, 1), constant(call, 2));
  return { ...input, node: builder.batchNorm(input.node) };
}

/** A function of single numbers. */
export const activation =
  (add: (call: Call, node: number) => number) =>
  (call: Call): Value => {
    const input = feature(call);
    return { ...input, node: add(call, input.node) };
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
  if (least !== 0 || most !== Number.POSITIVE_INFINITY)
    throw new Unsupported(`it keeps values within ${least} and ${most}`);
  return activation(({ builder }, node) => builder.relu(node))(call);
}

/** `Add` and `Sum` of maps of one shape. */
export function add(call: Call): Value {
  const inputs = call.inputs.map((_, at) => feature(call, at));
  const [first] = inputs as [Feature];
  const other = inputs.find(({ shape }) => shape.join() !== first.shape.join());
  if (other) throw new Unsupported(`it adds shapes ${shown(first.shape)} and ${shown(other.shape)}`);
  return { ...first, node: call.builder.add(inputs.map(({ node }) => node)) };
}

/** `Mul` by a constant, as far as that is a node of ours: by 0 and by 1. */
export function multiply(call: Call): Value {
  const { builder } = call;
  const at = call.inputs.findIndex((value) => value?.kind === 'constant');
  if (at < 0) throw new Unsupported('products of maps are not read');
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
