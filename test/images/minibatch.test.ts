import assert from 'node:assert/strict';
import fc from 'fast-check';
import { IMAGE_FORMATS, imageFormat } from '../../lib/images/normalization.ts';
import { openImages } from '../../lib/images/open.ts';
import { planar } from '../../lib/images/pixels.ts';
import { chooseImages, StoredImages } from '../../lib/images/stored.ts';
import { Random } from '../../lib/random.ts';
import { BYTES, rejects, UNIT } from './helpers.ts';

/** Image i is 4×4; its red plane is i, its green plane 0…15, its blue plane 255. */
function numbered(size: number): StoredImages {
  return new StoredImages({
    name: 'numbered',
    size,
    read(index) {
      const pixels = Uint8Array.from({ length: 48 }, (_, i) => (i < 16 ? index : i < 32 ? i - 16 : 255));
      return { ...planar(pixels, 4, 4, 255), label: 100 + index };
    },
  });
}

describe('minibatch', () => {
  it('is the same for the same seed and another for another', () => {
    const draw = (seed: number) => numbered(200).minibatch({ batch: 8, seed, resolution: 4 });
    assert.deepEqual(draw(5), draw(5));
    assert.notDeepEqual(draw(5).labels, draw(6).labels);
  });

  it('has the documented shape, and labels in step with the images', () => {
    const minibatch = numbered(50).minibatch({ batch: 7, seed: 1, resolution: 4, normalization: BYTES });
    assert.equal(minibatch.data.length, 7 * 3 * 4 * 4);
    assert.deepEqual([minibatch.batch, minibatch.channels, minibatch.resolution], [7, 3, 4]);
    for (let i = 0; i < 7; i++) {
      assert.ok(Math.abs(minibatch.data[i * 48]! - (minibatch.labels![i]! - 100)) < 1e-4);
    }
  });

  it('begins with the smaller batch of the same seed, also beyond the number of images', () => {
    for (const augment of [false, true]) {
      const draw = (batch: number) => numbered(10).minibatch({ batch, seed: 3, resolution: 4, augment }).data;
      const long = draw(25);
      for (const batch of [1, 4, 10, 11, 20, 24]) {
        assert.deepEqual(draw(batch), long.subarray(0, batch * 48), `batch ${batch}`);
      }
    }
  });

  it('draws without replacement, then all again in a new order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(), fc.nat({ max: 90 }), (size, seed, count) => {
        const chosen = chooseImages(new Random(seed), size, count);
        assert.equal(chosen.length, count);
        for (let round = 0; round < count; round += size) {
          const part = chosen.slice(round, round + size);
          assert.equal(new Set(part).size, part.length);
          assert.ok(part.every((index) => index >= 0 && index < size));
        }
      }),
    );
    const twice = chooseImages(new Random(0), 20, 40);
    assert.notDeepEqual(twice.slice(0, 20), twice.slice(20));
  });

  it('draws every image about equally often', () => {
    const counts = new Array<number>(10).fill(0);
    for (let seed = 0; seed < 2000; seed++) {
      for (const index of chooseImages(new Random(seed), 10, 3)) {
        counts[index]! += 1;
      }
    }
    // 6,000 draws; the standard deviation of each count is √(2000 · .3 · .7) ≈ 20.
    assert.ok(
      counts.every((count) => Math.abs(count - 600) < 100),
      counts.join(' '),
    );
  });

  it('normalizes by (v / 255 − mean) / std for each channel', () => {
    const { data } = numbered(1).minibatch({
      batch: 1,
      seed: 0,
      resolution: 4,
      normalization: imageFormat('cifar10').normalization,
    });
    // By hand: (0 − .4914)/.2023, (5/255 − .4822)/.1994, (1 − .4465)/.201.
    assert.ok(Math.abs(data[0]! - -2.429066) < 1e-5);
    assert.ok(Math.abs(data[16 + 5]! - -2.31992) < 1e-5);
    assert.ok(Math.abs(data[32]! - 2.753731) < 1e-5);
  });

  it('knows the statistics of the five datasets', () => {
    assert.deepEqual(Object.keys(IMAGE_FORMATS), ['cifar10', 'cifar100', 'imagenet16-120', 'imagenet', 'taskonomy']);
    assert.deepEqual(imageFormat('cifar100'), imageFormat('CIFAR10'));
    assert.equal(imageFormat('cifar10').resolution, 32);
    assert.equal(imageFormat('ImageNet').resolution, 224);
    assert.equal(imageFormat('taskonomy').resolution, 256);
    const { resolution, normalization } = imageFormat('ImageNet16-120');
    assert.equal(resolution, 16);
    const published = { mean: [122.68, 116.66, 104.01], std: [63.22, 61.26, 65.09] };
    for (let channel = 0; channel < 3; channel++) {
      assert.ok(Math.abs(normalization.mean[channel]! * 255 - published.mean[channel]!) < 1e-9);
      assert.ok(Math.abs(normalization.std[channel]! * 255 - published.std[channel]!) < 1e-9);
    }
    rejects(() => imageFormat('svhn'), 'INVALID_ARGUMENT', /'svhn'/, /cifar10/);
    rejects(() => imageFormat('constructor'), 'INVALID_ARGUMENT');
  });

  it('augments by shifts of up to an eighth, black beyond the edge, and mirroring', () => {
    // A single bright pixel at (column 10, row 20) of 32×32 shows where the image went.
    const pixels = new Uint8Array(3 * 1024);
    pixels[20 * 32 + 10] = 255;
    const source = new StoredImages({ name: 'dot', size: 1, read: () => planar(pixels, 32, 32, 255) });
    const seen = new Set<string>();
    const batch = 2000;
    const { data } = source.minibatch({ batch, seed: 0, normalization: UNIT, augment: true });
    for (let image = 0; image < batch; image++) {
      const plane = data.subarray(image * 3072, image * 3072 + 1024);
      const at = plane.indexOf(1);
      assert.equal(
        plane.reduce((sum, v) => sum + v, 0),
        1,
      );
      seen.add(`${at % 32},${Math.floor(at / 32)}`);
    }
    const expected = new Set<string>();
    for (let down = -4; down <= 4; down++) {
      for (let right = -4; right <= 4; right++) {
        expected.add(`${10 + right},${20 + down}`);
        expected.add(`${31 - 10 - right},${20 + down}`);
      }
    }
    assert.deepEqual([...seen].sort(), [...expected].sort());
  });

  it('fills the augmented border with black before normalizing', () => {
    const white = new StoredImages({
      name: 'white',
      size: 1,
      read: () => planar(new Uint8Array(3072).fill(255), 32, 32, 255),
    });
    const { data } = white.minibatch({ batch: 50, seed: 0, augment: true });
    const { mean, std } = imageFormat('cifar10').normalization;
    const reds = [...new Set(data.filter((_, i) => i % 3072 < 1024))].sort((a, b) => a - b);
    assert.deepEqual(reds, [Math.fround(-mean[0] / std[0]), Math.fround((1 - mean[0]) / std[0])]);
  });

  it('draws noise of mean 0 and variance 1, deterministic, whatever the normalization', () => {
    const noise = openImages('noise');
    assert.equal(noise.size, Number.POSITIVE_INFINITY);
    const { data, labels } = noise.minibatch({ batch: 16, seed: 2 });
    assert.equal(labels, undefined);
    const mean = data.reduce((sum, v) => sum + v, 0) / data.length;
    const variance = data.reduce((sum, v) => sum + (v - mean) ** 2, 0) / data.length;
    const fourth = data.reduce((sum, v) => sum + (v - mean) ** 4, 0) / data.length;
    // 49,152 values: standard errors .0045, .0064, .044.
    assert.ok(Math.abs(mean) < 0.02 && Math.abs(variance - 1) < 0.03 && Math.abs(fourth - 3) < 0.2);
    assert.deepEqual(noise.minibatch({ batch: 16, seed: 2, normalization: BYTES }).data, data);
    assert.deepEqual(noise.minibatch({ batch: 3, seed: 2 }).data, data.subarray(0, 3 * 3072));
    assert.notDeepEqual(noise.minibatch({ batch: 16, seed: 3 }).data, data);
  });

  it('refuses options out of range', () => {
    for (const source of [numbered(5), openImages('noise')]) {
      for (const batch of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        rejects(() => source.minibatch({ batch, seed: 0 }), 'INVALID_ARGUMENT', /batch/);
      }
      for (const seed of [-1, 0.5, Number.NaN, 2 ** 53]) {
        rejects(() => source.minibatch({ batch: 1, seed }), 'INVALID_ARGUMENT', /seed/);
      }
      rejects(() => source.minibatch({ batch: 1, seed: 0, resolution: 0 }), 'INVALID_ARGUMENT', /resolution/);
      for (const std of [0, Number.NaN]) {
        const normalization = { mean: [0, 0, 0], std: [1, std, 1] } as const;
        rejects(() => source.minibatch({ batch: 1, seed: 0, normalization }), 'INVALID_ARGUMENT', /std/);
      }
      rejects(() => source.minibatch({ batch: 2 ** 40, seed: 0 }), 'TOO_LARGE', /1099511627776 images/);
      rejects(() => source.minibatch({ batch: 1, seed: 0, resolution: 1e9 }), 'TOO_LARGE');
    }
  });
});
