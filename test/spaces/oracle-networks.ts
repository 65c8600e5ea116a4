import assert from 'node:assert/strict';

/** Numbers in [-0.5, 0.5) that the oracles of networks (test/oracle/cell_networks.py) make too. */
export function numbers(count: number, salt: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => {
    let x = (Math.imul(index, 2654435761) + salt * 40503) >>> 0;
    x = Math.imul(x ^ (x >>> 15), 2246822519) >>> 0;
    x = Math.imul(x ^ (x >>> 13), 3266489917) >>> 0;
    return (((x ^ (x >>> 16)) >>> 12) - 2 ** 19) / 2 ** 20;
  });
}

export const norm = (tensor: Float32Array): number => Math.sqrt(tensor.reduce((sum, value) => sum + value * value, 0));

/** What the oracles give the parameters of a network, tensor by tensor. */
export const parametersOf = (tensors: readonly { readonly shape: readonly number[] }[]): Float32Array[] =>
  tensors.map(({ shape }, salt) =>
    numbers(
      shape.reduce((a, b) => a * b, 1),
      salt,
    ),
  );

/** Norms of a tensor and of its gradient. */
export type Norms = [tensor: number, gradient: number];

export function assertClose(ours: number, theirs: number, scale: number, what: string): void {
  assert.ok(Math.abs(ours - theirs) <= 1e-4 * scale, `${what}: ${ours}, PyTorch has ${theirs}`);
}
