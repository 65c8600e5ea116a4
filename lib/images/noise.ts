import { Random } from '../random.ts';
import { type ImageSource, resolveOptions } from './source.ts';

/** Gaussian noise: every value is drawn from N(0, 1). Neither normalization nor augmentation applies. */
export const noise: ImageSource = {
  name: 'noise',
  size: Number.POSITIVE_INFINITY,
  minibatch(options) {
    const { batch, seed, resolution } = resolveOptions(options);
    const random = new Random(seed).fork('image noise');
    const data = new Float32Array(batch * 3 * resolution * resolution);
    for (let i = 0; i < data.length; i++) {
      data[i] = random.normal();
    }
    return { data, batch, channels: 3, resolution };
  },
};
