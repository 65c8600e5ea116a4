import type { TensorName } from './tensors.ts';

const PLACES = [
  '',
  "the ReLU's input",
  "the convolution's input",
  "the convolution's weight",
  "the normalization's output",
];

const PASSES = {
  D: 'in the pass over the minibatch',
  N: 'in the pass over noise',
  P: 'in the pass over the minibatch with a little noise, less that over the minibatch',
};

/** What a tensor is, in words, such as `gradient at the convolution's input, in the pass over noise`. */
export function describeTensor(tensor: TensorName): string {
  const [, place, gradient, pass] = /^T([1-4])(G?)([DNP]?)$/.exec(tensor)!;
  const what = `${gradient ? 'gradient at ' : ''}${PLACES[Number(place)]}`;
  return pass ? `${what}, ${PASSES[pass as keyof typeof PASSES]}` : what;
}
