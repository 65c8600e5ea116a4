/** Sizes a canvas in CSS pixels, with at least two dots for each so that prints are sharp too; drawing is in CSS pixels. */
export function sharpContext(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const density = Math.max(2, devicePixelRatio);
  canvas.width = width * density;
  canvas.height = height * density;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext('2d')!;
  context.scale(density, density);
  return context;
}
