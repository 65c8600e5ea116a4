import assert from 'node:assert/strict';
import { zipSync } from 'fflate';
import { openImages } from '../../lib/images/open.ts';
import { BYTES, contained, floatBytes, npy, pattern, rejects, Scratch, UNIT } from './helpers.ts';

/** Minibatch options that draw a single image as its raw values. */
const RAW = { batch: 1, seed: 0, resolution: 2, normalization: BYTES };

describe('NumPy images', () => {
  const scratch = new Scratch();
  after(() => scratch.remove());

  const open = (content: Uint8Array, name = 'images.npy') => openImages(scratch.write('', name, content));
  const round = (data: Float32Array) => [...data].map((v) => Math.round(v * 1000) / 1000);

  it('reads uint8 N×H×W×3', () => {
    const source = open(npy("'|u1'", [1, 2, 2, 3], Uint8Array.from([59, 62, 63, 43, 46, 45, 50, 48, 43, 68, 54, 42])));
    assert.equal(source.size, 1);
    const { data, labels } = source.minibatch(RAW);
    assert.deepEqual(round(data), [59, 43, 50, 68, 62, 46, 48, 54, 63, 45, 43, 42]);
    assert.equal(labels, undefined);
  });

  it('reads uint8 N×3×H×W', () => {
    const values = [1, 2, 3, 4, 50, 60, 70, 80, 200, 210, 220, 255];
    assert.deepEqual(round(open(npy("'|u1'", [1, 3, 2, 2], Uint8Array.from(values))).minibatch(RAW).data), values);
  });

  it('reads float32 in 0..1 of either layout', () => {
    const values = [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1, 0, 1, 0.5];
    const draw = (shape: number[]) =>
      open(npy("'<f4'", shape, floatBytes(values))).minibatch({ ...RAW, normalization: UNIT }).data;
    assert.deepEqual([...draw([1, 3, 2, 2])], values);
    const last = [0, 0.375, 0.75, 0, 0.125, 0.5, 0.875, 1, 0.25, 0.625, 1, 0.5];
    assert.deepEqual([...draw([1, 2, 2, 3])], last);
  });

  it('finds every image of many at its place', () => {
    const count = 9;
    const images = Uint8Array.from({ length: count * 12 }, (_, i) => Math.floor(i / 12) * 10);
    const { data } = open(npy("'|u1'", [count, 2, 2, 3], images)).minibatch({ ...RAW, batch: count });
    const first = Array.from({ length: count }, (_, i) => Math.round(data[i * 12]!)).sort((a, b) => a - b);
    assert.deepEqual(first, [0, 10, 20, 30, 40, 50, 60, 70, 80]);
  });

  it('reads .npz, stored or deflated, the only array or the one named', () => {
    const images = npy("'|u1'", [1, 2, 2, 3], pattern(12));
    const other = npy("'<i8'", [1], new Uint8Array(8));
    const expected = open(images).minibatch(RAW).data;
    for (const level of [0, 9] as const) {
      const single = open(zipSync({ 'whatever.npy': images }, { level }), 'a.npz');
      assert.deepEqual(single.minibatch(RAW).data, expected);
      const named = open(zipSync({ 'labels.npy': other, 'images.npy': images }, { level }), 'b.npz');
      assert.deepEqual(named.minibatch(RAW).data, expected);
    }
    rejects(
      () => open(zipSync({ 'p.npy': images, 'q.npy': images }), 'c.npz'),
      'INVALID_FILE',
      /c\.npz/,
      /p\.npy, q\.npy/,
    );
    rejects(() => open(zipSync({ 'readme.txt': other }), 'd.npz'), 'INVALID_FILE', /no array/);
  });

  it('reads float images from .npz, whatever their alignment', () => {
    const images = npy("'<f4'", [1, 3, 2, 2], floatBytes(new Array(12).fill(0.5)));
    for (const name of ['x.npy', 'xy.npy', 'xyz.npy', 'wxyz.npy']) {
      const { data } = open(zipSync({ [name]: images }, { level: 0 }), 'f.npz').minibatch({
        ...RAW,
        normalization: UNIT,
      });
      assert.deepEqual([...data], new Array(12).fill(0.5));
    }
  });

  it('refuses NaN, infinite and out-of-range floats, naming the image, without drawing it', () => {
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1.5, -0.1, 255]) {
      const values = new Array<number>(5 * 12).fill(0.5);
      values[3 * 12 + 7] = wrong;
      const content = npy("'<f4'", [5, 2, 2, 3], floatBytes(values));
      rejects(() => open(content, 'nan.npy'), 'INVALID_FILE', /nan\.npy/, /image 3/, /from 0 to 1/);
    }
  });

  it('refuses pickled objects and other types, byte orders and memory orders', () => {
    rejects(() => open(npy("'|O'", [1, 2, 2, 3], pattern(96))), 'INVALID_FILE', /pickled/);
    for (const descr of ["'>f4'", "'<i8'", "'<f2'", "'|b1'", "'<c16'", "'constructor'"]) {
      rejects(() => open(npy(descr, [1, 2, 2, 3], pattern(12))), 'INVALID_FILE', /images\.npy/, /uint8/);
    }
    rejects(() => open(npy("[('r', '|u1')]", [1, 2, 2, 3], pattern(12))), 'INVALID_FILE', /uint8/);
    rejects(() => open(npy("'|u1'", [1, 2, 2, 3], pattern(12), true)), 'INVALID_FILE', /C order/);
  });

  it('refuses shapes that are none of images', () => {
    for (const shape of [[], [12], [2, 2, 3], [0, 2, 2, 3], [1, 0, 2, 3], [3, 2, 2, 1], [1, 2, 2, 3, 1]]) {
      const count = shape.reduce((product, n) => product * n, 1);
      rejects(() => open(npy("'|u1'", shape, pattern(count))), 'INVALID_FILE', /N×H×W×3/);
    }
    rejects(() => open(npy("'|u1'", [1, -2, 2, 3], pattern(12))), 'INVALID_FILE');
  });

  it('refuses sizes that contradict the header, and absurd ones before allocating', () => {
    rejects(() => open(npy("'|u1'", [2, 2, 2, 3], pattern(12))), 'INVALID_FILE', /12 bytes/, /24/);
    rejects(() => open(npy("'|u1'", [1, 2, 2, 3], pattern(13))), 'INVALID_FILE', /13 bytes/);
    rejects(() => open(npy("'<f8'", [1e15, 32, 32, 3], pattern(12))), 'INVALID_FILE');
    rejects(() => open(npy("'|u1'", [1, 1e6, 1e6, 3], pattern(12))), 'TOO_LARGE', /1000000×1000000/);
  });

  it('refuses foreign files', () => {
    rejects(() => open(new Uint8Array(0)), 'INVALID_FILE', /images\.npy/, /NumPy/);
    rejects(() => open(pattern(500)), 'INVALID_FILE', /\.npy/);
    rejects(() => open(pattern(500), 'x.npz'), 'INVALID_FILE', /x\.npz/, /zip/);
    const future = npy("'|u1'", [1, 2, 2, 3], pattern(12));
    future[6] = 9;
    rejects(() => open(future), 'INVALID_FILE', /version 9/);
  });

  it('refuses an archive whose directory announces an absurd size', () => {
    const archive = Buffer.from(zipSync({ 'x.npy': npy("'|u1'", [1, 2, 2, 3], pattern(12)) }));
    const directory = archive.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    archive.writeUInt32LE(0xfffffff0, directory + 24);
    rejects(() => open(archive, 'bomb.npz'), 'TOO_LARGE', /bomb\.npz/);
  });

  it('answers every prefix with INVALID_FILE', () => {
    const images = npy("'<f4'", [2, 3, 2, 2], floatBytes(new Array(24).fill(0.25)));
    for (let length = 0; length < images.length; length++) {
      rejects(() => open(images.subarray(0, length), 'cut.npy'), 'INVALID_FILE', /cut\.npy/);
    }
    const archive = zipSync({ 'x.npy': images });
    for (let length = 0; length < archive.length; length++) {
      rejects(() => open(archive.subarray(0, length), 'cut.npz'), 'INVALID_FILE', /cut\.npz/);
    }
  });

  it('survives any changed byte', () => {
    const images = npy("'|u1'", [2, 3, 2, 2], pattern(24));
    for (const [name, content] of [
      ['changed.npy', images],
      ['changed.npz', zipSync({ 'x.npy': images })],
    ] as const) {
      for (let position = 0; position < content.length; position++) {
        for (const flip of [0x01, 0x80, 0xff]) {
          const changed = Uint8Array.from(content);
          changed[position]! ^= flip;
          contained(() => open(changed, name).minibatch({ ...RAW, batch: 2 }), `${name} byte ${position} ^ ${flip}`);
        }
      }
    }
  });
});
