import assert from 'node:assert/strict';
import { openImages } from '../../lib/images/open.ts';
import { BYTES, pattern, rejects, Scratch } from './helpers.ts';

/** Records of label bytes and a pattern that begins with the first pixel given. */
function records(labels: readonly (readonly number[])[], firstPixels: readonly number[]): Uint8Array {
  return Buffer.concat(labels.flatMap((label, i) => [Uint8Array.from(label), pattern(3072, firstPixels[i]!)]));
}

describe('CIFAR binary folders', () => {
  const scratch = new Scratch();
  after(() => scratch.remove());

  const draw = (folder: string, batch: number) =>
    openImages(`${scratch.folder}/${folder}`).minibatch({ batch, seed: 0, normalization: BYTES });

  it('reads CIFAR-10: label, then red, green and blue planes', () => {
    scratch.write('ten', 'data_batch_1.bin', records([[7]], [13]));
    const { data, labels } = draw('ten', 1);
    assert.deepEqual([...labels!], [7]);
    assert.deepEqual(Uint8Array.from(data, Math.round), pattern(3072, 13));
  });

  it('reads all training batches, and the test batch only where there is no other', () => {
    scratch.write('several', 'data_batch_1.bin', records([[1], [2]], [10, 20]));
    scratch.write('several', 'data_batch_2.bin', records([[3]], [30]));
    scratch.write('several', 'test_batch.bin', records([[9]], [90]));
    assert.equal(openImages(`${scratch.folder}/several`).size, 3);
    const { data, labels } = draw('several', 3);
    const pairs = [...labels!].map((label, i) => [label, Math.round(data[i * 3072]!)]).sort();
    assert.deepEqual(pairs, [
      [1, 10],
      [2, 20],
      [3, 30],
    ]);
    scratch.write('test', 'test_batch.bin', records([[9]], [90]));
    assert.deepEqual([...draw('test', 1).labels!], [9]);
  });

  it('reads CIFAR-100 with the fine label', () => {
    scratch.write('hundred', 'train.bin', records([[19, 99]], [5]));
    const { data, labels } = draw('hundred', 1);
    assert.deepEqual([...labels!], [99]);
    assert.deepEqual(Uint8Array.from(data, Math.round), pattern(3072, 5));
  });

  it('gives 16×16 images as means of 2×2 pixels', () => {
    scratch.write('half', 'test_batch.bin', records([[0]], [0]));
    const source = openImages(`${scratch.folder}/half`);
    const { data } = source.minibatch({ batch: 1, seed: 0, resolution: 16, normalization: BYTES });
    const pixels = pattern(3072);
    for (let channel = 0; channel < 3; channel++) {
      for (let y = 0; y < 16; y++) {
        for (let x = 0; x < 16; x++) {
          const at = channel * 1024 + 64 * y + 2 * x;
          const mean = (pixels[at]! + pixels[at + 1]! + pixels[at + 32]! + pixels[at + 33]!) / 4;
          assert.ok(Math.abs(data[channel * 256 + 16 * y + x]! - mean) < 1e-4);
        }
      }
    }
  });

  it('refuses empty, truncated and foreign files, naming them', () => {
    const whole = records([[1], [2]], [10, 20]);
    for (const length of [0, 1, 3072, 3074, whole.length - 1]) {
      scratch.write('cut', 'data_batch_1.bin', whole.subarray(0, length));
      rejects(() => draw('cut', 1), 'INVALID_FILE', /data_batch_1\.bin/, new RegExp(`${length} bytes`), /3073/);
    }
    scratch.write('cut100', 'train.bin', whole);
    rejects(() => draw('cut100', 1), 'INVALID_FILE', /train\.bin/, /3074/);
  });

  it('refuses labels that the dataset does not have, naming the image', () => {
    scratch.write('label', 'data_batch_1.bin', records([[1], [10]], [10, 20]));
    rejects(() => draw('label', 2), 'INVALID_FILE', /image 1 has label 10/);
    scratch.write('label100', 'test.bin', records([[20, 1]], [10]));
    rejects(() => draw('label100', 1), 'INVALID_FILE', /image 0 has label 20/);
  });

  it('refuses a folder of both datasets', () => {
    scratch.write('both', 'data_batch_1.bin', records([[1]], [1]));
    scratch.write('both', 'train.bin', records([[1, 1]], [1]));
    rejects(() => draw('both', 1), 'INVALID_FILE', /CIFAR-10 and CIFAR-100/);
  });
});
