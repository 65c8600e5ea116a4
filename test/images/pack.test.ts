import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { openImages } from '../../lib/images/open.ts';
import { decodePack, encodePack } from '../../lib/images/pack.ts';
import { BYTES, pattern, rejects, Scratch } from './helpers.ts';

describe('the pack of photographs', () => {
  const shipped = readFileSync(new URL('../../data/photographs.bin', import.meta.url));

  it('holds at least 128 different 32×32 images, in colour, none of them flat', () => {
    const { count, side, pixels } = decodePack('photographs.bin', shipped);
    assert.ok(count >= 128);
    assert.equal(side, 32);
    const images = Array.from({ length: count }, (_, i) => pixels.subarray(i * 3072, (i + 1) * 3072));
    assert.equal(new Set(images.map((image) => Buffer.from(image).toString('base64'))).size, count);
    for (const image of images) {
      const [red, green, blue] = [0, 1, 2].map((c) => image.subarray(c * 1024, (c + 1) * 1024));
      assert.ok(Math.max(...green!) - Math.min(...green!) > 30);
      assert.ok(red!.some((v, i) => v !== green![i] || v !== blue![i]));
    }
  });

  it('is the default source, checked and deterministic', () => {
    const source = openImages('photographs');
    assert.equal(source.name, 'photographs');
    const { data, labels } = source.minibatch({ batch: source.size, seed: 0, normalization: BYTES });
    assert.equal(labels, undefined);
    assert.deepEqual(
      openImages('photographs').minibatch({ batch: 16, seed: 0, normalization: BYTES }).data,
      data.subarray(0, 16 * 3072),
    );
    // A batch of all images holds exactly the pack's, in another order.
    const { pixels } = decodePack('photographs.bin', shipped);
    const images = (bytes: Uint8Array) =>
      Array.from({ length: source.size }, (_, i) =>
        Buffer.from(bytes.subarray(i * 3072, (i + 1) * 3072)).toString('base64'),
      );
    assert.deepEqual(images(Uint8Array.from(data, Math.round)).sort(), images(pixels).sort());
  });

  it('returns what was packed', () => {
    const pixels = pattern(3 * 3 * 25);
    assert.deepEqual(decodePack('x', encodePack({ count: 3, side: 5, pixels })), {
      count: 3,
      side: 5,
      pixels: Buffer.from(pixels),
    });
    for (const count of [0, 2, 4, 1.5, 1e9]) {
      rejects(() => encodePack({ count, side: 5, pixels }), 'INVALID_ARGUMENT');
    }
  });

  it('answers every prefix and every changed byte with INVALID_FILE', () => {
    const pack = encodePack({ count: 2, side: 4, pixels: pattern(96) });
    for (let length = 0; length < pack.length; length++) {
      rejects(() => decodePack('cut.bin', pack.subarray(0, length)), 'INVALID_FILE', /cut\.bin/);
    }
    for (let position = 0; position < pack.length; position++) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const changed = Uint8Array.from(pack);
        changed[position]! ^= flip;
        rejects(() => decodePack('changed.bin', changed), 'INVALID_FILE', /changed\.bin/);
      }
    }
  });

  it('never unpacks more than the header announces', () => {
    const large = encodePack({ count: 1, side: 256, pixels: new Uint8Array(3 * 256 * 256) });
    const announce = (count: number, side: number) => {
      const view = new DataView(large.buffer, large.byteOffset);
      view.setUint32(12, count, true);
      view.setUint32(16, side, true);
      view.setUint32(20, crc32(large.subarray(24), crc32(large.subarray(8, 20))), true);
      return large;
    };
    rejects(() => decodePack('bomb.bin', announce(1, 2)), 'INVALID_FILE', /bomb\.bin/, /unpack/);
    rejects(() => decodePack('short.bin', announce(2, 256)), 'INVALID_FILE', /unpack to 393216 bytes/);
    rejects(() => decodePack('bomb.bin', announce(0xffffffff, 2)), 'INVALID_FILE', /4294967295/);
  });
});

describe('openImages', () => {
  const scratch = new Scratch();
  after(() => scratch.remove());

  it('refuses what is not there', () => {
    for (const spec of ['', `${scratch.folder}/absent`, 'no such\0name']) {
      rejects(() => openImages(spec), 'INVALID_ARGUMENT', /photographs, noise/);
    }
  });

  it('refuses files of unknown kind and folders without images, saying what is expected', () => {
    rejects(
      () => openImages(scratch.write('', 'notes.txt', pattern(9))),
      'INVALID_FILE',
      /notes\.txt/,
      /\.npy or \.npz/,
    );
    scratch.write('empty', 'notes.txt', pattern(9));
    rejects(() => openImages(`${scratch.folder}/empty`), 'INVALID_FILE', /empty/, /data_batch_\*\.bin/);
  });
});
