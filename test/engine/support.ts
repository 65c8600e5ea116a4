import type { Inputs, Network } from '../../lib/engine/networks.ts';
import { Random } from '../../lib/random.ts';
import { nasbench201 } from '../../lib/spaces/nasbench201.ts';

/** Small NASBench-201 networks: 4 channels, one cell per stage, 8 × 8 images. */
export function smallNetworks(indices: readonly number[]): Network[] {
  return indices.map((index) => ({
    graph: nasbench201.build(nasbench201.architecture(index), { initialChannels: 4, cellsPerStage: 1, resolution: 8 }),
    key: index,
  }));
}

/** Gaussian images. */
export function randomInputs(batch: number, resolution = 8, seed = 1): Inputs {
  const random = new Random(seed);
  return {
    batch,
    shape: [3, resolution, resolution],
    data: Float32Array.from({ length: batch * 3 * resolution * resolution }, () => random.normal()),
  };
}
