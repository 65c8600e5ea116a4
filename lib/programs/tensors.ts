/** The 22 tensors of a unit in the order of kernels/tensors.h; a tensor's index here is its word in a program's code. */
export const TENSORS = [
  'T1D',
  'T1N',
  'T1P',
  'T1GD',
  'T1GN',
  'T1GP',
  'T2D',
  'T2N',
  'T2P',
  'T2GD',
  'T2GN',
  'T2GP',
  'T3',
  'T3GD',
  'T3GN',
  'T3GP',
  'T4D',
  'T4N',
  'T4P',
  'T4GD',
  'T4GN',
  'T4GP',
] as const;

export type TensorName = (typeof TENSORS)[number];
