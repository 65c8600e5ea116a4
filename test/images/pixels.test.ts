import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  areaAverage,
  centerSquare,
  interleaved,
  type PixelImage,
  planar,
  type Square,
} from '../../lib/images/pixels.ts';

function resize(image: PixelImage, square: Square, resolution: number): number[] {
  const out = new Float64Array(3 * resolution * resolution);
  areaAverage(image, square, resolution, out);
  return [...out];
}

/** An image whose three planes are v, v + 100 and v + 200 for the values given row by row. */
function planes(width: number, height: number, values: readonly number[]): PixelImage {
  return planar(Float64Array.from([0, 100, 200].flatMap((offset) => values.map((v) => v + offset))), width, height, 1);
}

describe('area averaging', () => {
  it('copies at the same size', () => {
    const values = Array.from({ length: 25 }, (_, i) => i * i * 0.37);
    const expected = [0, 100, 200].flatMap((offset) => values.map((v) => v + offset));
    assert.deepEqual(resize(planes(5, 5, values), { left: 0, top: 0, side: 5 }, 5), expected);
  });

  it('averages 2×2 pixels when halving', () => {
    const image = planes(4, 4, [1, 3, 10, 20, 5, 7, 30, 40, 0, 0, 8, 8, 4, 4, 8, 8]);
    const halves = [4, 25, 2, 8];
    const expected = [0, 100, 200].flatMap((offset) => halves.map((v) => v + offset));
    assert.deepEqual(resize(image, { left: 0, top: 0, side: 4 }, 2), expected);
  });

  it('repeats pixels when doubling', () => {
    const image = planes(2, 2, [1, 2, 3, 4]);
    const red = resize(image, { left: 0, top: 0, side: 2 }, 4).slice(0, 16);
    assert.deepEqual(red, [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
  });

  it('weights pixels by the fraction covered', () => {
    // 3 → 2: the middle column and row count half on each side, by hand (a + b/2)/1.5 along each axis.
    const red = resize(planes(3, 3, [0, 3, 6, 9, 12, 15, 18, 21, 24]), { left: 0, top: 0, side: 3 }, 2).slice(0, 4);
    const expected = [4, 8, 16, 20];
    red.forEach((v, i) => {
      assert.ok(Math.abs(v - expected[i]!) < 1e-12, `${v} for ${expected[i]}`);
    });
  });

  it('keeps the mean, and agrees with averaging a finely subdivided image', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 81, maxLength: 81 }),
        (side, resolution, numbers) => {
          const value = (x: number, y: number) => numbers[y * side + x]!;
          const image = planes(side, side, numbers.slice(0, side * side));
          const red = resize(image, { left: 0, top: 0, side }, resolution).slice(0, resolution ** 2);
          for (let oy = 0; oy < resolution; oy++) {
            for (let ox = 0; ox < resolution; ox++) {
              // Each source pixel becomes resolution² cells, each output pixel covers side² cells.
              let sum = 0;
              for (let cy = oy * side; cy < (oy + 1) * side; cy++) {
                for (let cx = ox * side; cx < (ox + 1) * side; cx++) {
                  sum += value(Math.floor(cx / resolution), Math.floor(cy / resolution));
                }
              }
              assert.ok(Math.abs(red[oy * resolution + ox]! - sum / side ** 2) < 1e-9);
            }
          }
        },
      ),
    );
  });

  it('takes any square of a larger image, in either layout', () => {
    const width = 7;
    const height = 5;
    const value = (channel: number, x: number, y: number) => channel * 50 + y * 7 + x;
    const chw = new Uint8Array(3 * 35);
    const rgba = new Uint8Array(4 * 35).fill(99);
    for (let channel = 0; channel < 3; channel++) {
      for (let i = 0; i < 35; i++) {
        chw[channel * 35 + i] = value(channel, i % 7, Math.floor(i / 7));
        rgba[4 * i + channel] = chw[channel * 35 + i]!;
      }
    }
    const square = { left: 3, top: 1, side: 4 };
    const expected = [0, 1, 2].flatMap((channel) =>
      Array.from({ length: 16 }, (_, i) => value(channel, 3 + (i % 4), 1 + Math.floor(i / 4))),
    );
    assert.deepEqual(resize(planar(chw, width, height, 255), square, 4), expected);
    assert.deepEqual(resize(interleaved(rgba, width, height, 4, 255), square, 4), expected);
  });

  it('finds the centre square', () => {
    const square = (width: number, height: number) => centerSquare(planar(new Uint8Array(0), width, height, 255));
    assert.deepEqual(square(10, 4), { left: 3, top: 0, side: 4 });
    assert.deepEqual(square(4, 9), { left: 0, top: 2, side: 4 });
    assert.deepEqual(square(1, 1), { left: 0, top: 0, side: 1 });
  });

  it('never reads outside the image', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 64 }),
        (width, height, resolution) => {
          const image = planar(new Uint8Array(3 * width * height).fill(200), width, height, 255);
          const values = resize(image, centerSquare(image), resolution);
          assert.ok(values.every((v) => Math.abs(v - 200) < 1e-6));
        },
      ),
      { numRuns: 50 },
    );
  });
});
