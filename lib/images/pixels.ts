/** Pixels of the largest image that is decoded: 50 megapixels. */
export const MAX_IMAGE_PIXELS = 50_000_000;

/** An image as a decoder left it: channel c of the pixel in column x, row y is at c·channelStride + y·rowStride + x·pixelStride. */
export interface PixelImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array | Uint8ClampedArray | Float32Array | Float64Array;
  readonly pixelStride: number;
  readonly rowStride: number;
  readonly channelStride: number;
  /** The value of full intensity: 255 for bytes, 1 for floats. */
  readonly white: number;
  readonly label?: number;
}

/** Interleaved pixels (height × width × channels), of which the first three channels are red, green and blue. */
export function interleaved(
  pixels: PixelImage['pixels'],
  width: number,
  height: number,
  channels: number,
  white: number,
): PixelImage {
  return { width, height, pixels, pixelStride: channels, rowStride: channels * width, channelStride: 1, white };
}

/** Planar pixels (3 × height × width). */
export function planar(pixels: PixelImage['pixels'], width: number, height: number, white: number): PixelImage {
  return { width, height, pixels, pixelStride: 1, rowStride: width, channelStride: width * height, white };
}

/** A square part of an image, in pixels; may begin and end between pixels. */
export interface Square {
  readonly left: number;
  readonly top: number;
  readonly side: number;
}

/** The largest centred square, on whole pixels where the margin is odd. */
export function centerSquare(image: PixelImage): Square {
  const side = Math.min(image.width, image.height);
  return { left: Math.floor((image.width - side) / 2), top: Math.floor((image.height - side) / 2), side };
}

/**
 * Resizes a square of an image by area averaging: each output value is the mean of the source over the output pixel's
 * footprint, edge pixels weighted by the fraction covered. Same size copies exactly; halving averages 2×2 pixels;
 * doubling repeats pixels. Values stay in the image's own scale. Float64 accumulation.
 *
 * @param out Receives 3 × resolution × resolution values, planar, from `offset` on.
 */
export function areaAverage(
  image: PixelImage,
  square: Square,
  resolution: number,
  out: Float32Array | Float64Array,
  offset = 0,
): void {
  const { pixels, pixelStride, rowStride, channelStride } = image;
  const columns = footprints(square.left, square.side, resolution, image.width);
  const rows = footprints(square.top, square.side, resolution, image.height);
  const area = (square.side / resolution) ** 2;
  let next = offset;
  for (let channel = 0; channel < 3; channel++) {
    for (const row of rows) {
      for (const column of columns) {
        let sum = 0;
        for (let y = 0; y < row.weights.length; y++) {
          let at = channel * channelStride + (row.first + y) * rowStride + column.first * pixelStride;
          let line = 0;
          for (let x = 0; x < column.weights.length; x++) {
            line += column.weights[x]! * pixels[at]!;
            at += pixelStride;
          }
          sum += row.weights[y]! * line;
        }
        out[next++] = sum / area;
      }
    }
  }
}

interface Footprint {
  readonly first: number;
  readonly weights: readonly number[];
}

/** For each of `count` equal parts of [begin, begin + length): the source pixels it covers and how much of each. */
function footprints(begin: number, length: number, count: number, limit: number): Footprint[] {
  return Array.from({ length: count }, (_, index) => {
    const from = begin + (index * length) / count;
    const to = Math.min(limit, begin + ((index + 1) * length) / count);
    const first = Math.floor(from);
    const weights: number[] = [];
    for (let pixel = first; pixel < to; pixel++) {
      weights.push(Math.min(pixel + 1, to) - Math.max(pixel, from));
    }
    return { first, weights };
  });
}
