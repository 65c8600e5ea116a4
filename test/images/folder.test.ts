import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';
import { encode } from 'jpeg-js';
import { PNG } from 'pngjs';
import { decodeImage } from '../../lib/images/folder.ts';
import { openImages } from '../../lib/images/open.ts';
import type { PixelImage } from '../../lib/images/pixels.ts';
import { BYTES, contained, pattern, rejects, Scratch } from './helpers.ts';

/** Red, green and blue of a pixel. */
function rgb(image: PixelImage, x: number, y: number): number[] {
  return [0, 1, 2].map((c) => image.pixels[c * image.channelStride + y * image.rowStride + x * image.pixelStride]!);
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8 + body.length);
  frame.writeUInt32BE(data.length, 0);
  frame.set(body, 4);
  frame.writeUInt32BE(crc32(body), 4 + body.length);
  return frame;
}

interface PngParts {
  width: number;
  height: number;
  depth: number;
  colorType: number;
  interlaced?: boolean;
  /** Filter byte and samples of each row. */
  rows: Uint8Array;
  extra?: Uint8Array;
}

/** A PNG file put together by hand from its specification. */
function png({ width, height, depth, colorType, interlaced = false, rows, extra }: PngParts): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colorType, 0, 0, interlaced ? 1 : 0], 8);
  const signature = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const middle = extra ?? new Uint8Array(0);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    middle,
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', new Uint8Array(0)),
  ]);
}

/** A plain colour image of the given size. */
function plainPng(width: number, height: number, color: readonly [number, number, number]): Uint8Array {
  const image = new PNG({ width, height });
  for (let i = 0; i < width * height; i++) {
    image.data.set([...color, 255], 4 * i);
  }
  return PNG.sync.write(image);
}

function smoothJpeg(width: number, height: number): Uint8Array {
  const data = new Uint8Array(4 * width * height);
  for (let i = 0; i < width * height; i++) {
    data.set([8 * (i % width), 8 * Math.floor(i / width), 100, 255], 4 * i);
  }
  return encode({ width, height, data }, 95).data;
}

describe('image folders', () => {
  const scratch = new Scratch();
  after(() => scratch.remove());

  it('decodes every PNG colour type to the same RGB', () => {
    const decode = (parts: Omit<PngParts, 'width' | 'height'>) =>
      decodeImage('x', png({ width: 2, height: 1, ...parts }));
    const pixels = (image: PixelImage) => [rgb(image, 0, 0), rgb(image, 1, 0)];
    const colour = [
      [10, 20, 30],
      [200, 210, 220],
    ];
    const rows = (...samples: number[]) => Uint8Array.from([0, ...samples]);
    assert.deepEqual(pixels(decode({ depth: 8, colorType: 2, rows: rows(10, 20, 30, 200, 210, 220) })), colour);
    const alpha = decode({ depth: 8, colorType: 6, rows: rows(10, 20, 30, 0, 200, 210, 220, 128) });
    assert.deepEqual(pixels(alpha), colour);
    const deep = decode({ depth: 16, colorType: 2, rows: rows(...[10, 20, 30, 200, 210, 220].flatMap((v) => [v, v])) });
    assert.deepEqual(pixels(deep), colour);
    const palette = decode({
      depth: 8,
      colorType: 3,
      rows: rows(1, 0),
      extra: chunk('PLTE', Uint8Array.from([200, 210, 220, 10, 20, 30])),
    });
    assert.deepEqual(pixels(palette), colour);
    const grey = [
      [50, 50, 50],
      [60, 60, 60],
    ];
    assert.deepEqual(pixels(decode({ depth: 8, colorType: 0, rows: rows(50, 60) })), grey);
    assert.deepEqual(pixels(decode({ depth: 8, colorType: 4, rows: rows(50, 255, 60, 0) })), grey);
    assert.deepEqual(pixels(decode({ depth: 1, colorType: 0, rows: rows(0b01000000) })), [
      [0, 0, 0],
      [255, 255, 255],
    ]);
  });

  it('decodes interlaced PNG', () => {
    // 2×1 interlaced: pass 1 holds pixel 0, pass 6 pixel 1.
    const rows = Uint8Array.from([0, 1, 2, 3, 0, 4, 5, 6]);
    const image = decodeImage('x', png({ width: 2, height: 1, depth: 8, colorType: 2, interlaced: true, rows }));
    assert.deepEqual(
      [rgb(image, 0, 0), rgb(image, 1, 0)],
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    );
  });

  it('decodes JPEG to within its own loss', () => {
    const image = decodeImage('x', smoothJpeg(24, 16));
    assert.deepEqual([image.width, image.height], [24, 16]);
    for (const [x, y] of [
      [0, 0],
      [23, 15],
      [12, 8],
    ] as const) {
      const expected = [8 * x, 8 * y, 100];
      rgb(image, x, y).forEach((v, c) => {
        assert.ok(Math.abs(v - expected[c]!) < 12, `${x},${y}: ${v} for ${expected[c]}`);
      });
    }
  });

  it('takes PNG and JPEG by name, of any size, centre square averaged to the resolution', () => {
    const wide = new PNG({ width: 64, height: 32 });
    for (let y = 0; y < 32; y++) {
      for (let x = 0; x < 64; x++) {
        // Green beyond the centre square; inside, red alternates 0 and 200 by column.
        const inside = x >= 16 && x < 48;
        wide.data.set(inside ? [x % 2 === 0 ? 0 : 200, 0, 7, 255] : [0, 255, 0, 255], 4 * (y * 64 + x));
      }
    }
    scratch.write('mixed', 'b.PNG', PNG.sync.write(wide));
    scratch.write('mixed', '.hidden.png', pattern(20));
    scratch.write('mixed', 'notes.txt', pattern(20));
    const source = openImages(`${scratch.folder}/mixed`);
    assert.equal(source.size, 1);
    const { data, labels } = source.minibatch({ batch: 1, seed: 0, resolution: 16, normalization: BYTES });
    assert.equal(labels, undefined);
    for (let i = 0; i < 256; i++) {
      assert.ok(Math.abs(data[i]! - 100) < 1e-4);
      assert.equal(data[256 + i], 0);
      assert.ok(Math.abs(data[512 + i]! - 7) < 1e-5);
    }
    scratch.write('mixed', 'a.jpeg', smoothJpeg(40, 40));
    assert.equal(openImages(`${scratch.folder}/mixed`).minibatch({ batch: 5, seed: 0 }).data.length, 5 * 3072);
  });

  it('numbers images by name, whatever the order of writing', () => {
    const colours = { 'c.png': 30, 'a.png': 10, 'B.png': 20 };
    const draw = (folder: string, names: (keyof typeof colours)[]) => {
      for (const name of names) {
        scratch.write(folder, name, plainPng(3, 3, [colours[name], 0, 0]));
      }
      return openImages(`${scratch.folder}/${folder}`).minibatch({ batch: 3, seed: 4, resolution: 3 }).data;
    };
    assert.deepEqual(draw('order1', ['c.png', 'a.png', 'B.png']), draw('order2', ['B.png', 'a.png', 'c.png']));
  });

  it('refuses foreign files on opening and broken ones when drawn, naming them', () => {
    scratch.write('foreign', 'good.png', plainPng(2, 2, [1, 2, 3]));
    scratch.write('foreign', 'text.jpg', Buffer.from('hello'));
    rejects(() => openImages(`${scratch.folder}/foreign`), 'INVALID_FILE', /text\.jpg/, /JPEG/);
    scratch.write('broken', 'cut.png', plainPng(9, 9, [1, 2, 3]).subarray(0, 50));
    const source = openImages(`${scratch.folder}/broken`);
    rejects(() => source.minibatch({ batch: 1, seed: 0 }), 'INVALID_FILE', /cut\.png/, /truncated/);
    mkdirSync(`${scratch.folder}/nested/folder.png`, { recursive: true });
    rejects(() => openImages(`${scratch.folder}/nested`), 'INVALID_FILE', /folder\.png/);
  });

  it('refuses absurd dimensions before decoding', () => {
    const parts = { depth: 8, colorType: 2, rows: new Uint8Array(10) };
    rejects(() => decodeImage('huge.png', png({ width: 60_000, height: 60_000, ...parts })), 'TOO_LARGE', /huge\.png/);
    rejects(() => decodeImage('none.png', png({ width: 0, height: 5, ...parts })), 'INVALID_FILE', /0×5/);
    const jpeg = Buffer.from(smoothJpeg(8, 8));
    const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
    jpeg.writeUInt16BE(65_000, frame + 5);
    jpeg.writeUInt16BE(65_000, frame + 7);
    rejects(() => decodeImage('huge.jpg', jpeg), 'TOO_LARGE', /huge\.jpg/, /65000×65000/);
    jpeg.writeUInt16BE(0, frame + 7);
    rejects(() => decodeImage('none.jpg', jpeg), 'INVALID_FILE', /0×65000/);
  });

  it('refuses PNG data that unpacks to more than the image holds', () => {
    const rows = new Uint8Array(5_000_000);
    const bomb = png({ width: 2, height: 1, depth: 8, colorType: 2, interlaced: true, rows });
    rejects(() => decodeImage('bomb.png', bomb), 'INVALID_FILE', /bomb\.png/, /larger than/);
  });

  it('answers every prefix of PNG and JPEG with INVALID_FILE', () => {
    for (const [name, content] of [
      ['cut.png', plainPng(5, 4, [9, 8, 7])],
      ['cut.jpg', smoothJpeg(16, 16)],
    ] as const) {
      for (let length = 0; length < content.length; length++) {
        rejects(() => decodeImage(name, content.subarray(0, length)), 'INVALID_FILE', new RegExp(name));
      }
    }
  });

  it('survives any changed byte', () => {
    for (const [name, content] of [
      ['changed.png', plainPng(5, 4, [9, 8, 7])],
      ['changed.jpg', smoothJpeg(16, 16)],
    ] as const) {
      for (let position = 0; position < content.length; position++) {
        for (const flip of [0x01, 0x10, 0x80, 0xff]) {
          const changed = Uint8Array.from(content);
          changed[position]! ^= flip;
          contained(() => decodeImage(name, changed), `${name} byte ${position} ^ ${flip}`);
        }
      }
    }
  });

  it('ignores what follows the end of an image', () => {
    const tail = pattern(30);
    const whole = plainPng(2, 2, [1, 2, 3]);
    assert.deepEqual(rgb(decodeImage('x', Buffer.concat([whole, tail])), 1, 1), [1, 2, 3]);
    const jpeg = smoothJpeg(8, 8);
    assert.deepEqual(decodeImage('x', Buffer.concat([jpeg, tail])).pixels, decodeImage('x', jpeg).pixels);
  });
});
