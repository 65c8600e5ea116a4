import { EznasError } from '../errors.ts';

/** Dimensions of a tensor, outermost first; `[]` is a scalar (0-d), `[1]` a vector of one element. */
export type Shape = readonly number[];

/** What an operator makes of its operands' shapes: the result's shape, or the reason why they do not fit. */
export type ShapeResult = Shape | { readonly reason: string };

/** A rule sees as many shapes as its operator has operands. */
export type ShapeRule = (...operands: readonly Shape[]) => ShapeResult;

/** Whether a rule's result is a shape. */
export function isShape(result: ShapeResult): result is Shape {
  return Array.isArray(result);
}

/** Number of elements; 1 for a scalar. */
export function elementCount(shape: Shape): number {
  return shape.reduce((count, size) => count * size, 1);
}

/** NumPy broadcasting: aligned at the last dimension, sizes equal or one of them 1. Undefined where the shapes do not fit. */
export function broadcast(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const result: number[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    result.push(x === 1 ? y : x);
  }
  return result;
}

/** The shape that two operands broadcast to. */
export const broadcasting: ShapeRule = (a = [], b = []) =>
  broadcast(a, b) ?? {
    reason: 'the operands do not broadcast together (sizes, aligned at the last dimension, must be equal or 1)',
  };

/** The operand's own shape. */
export const elementwise: ShapeRule = (x = []) => x;

/** A scalar, whatever the operand's shape. */
export const scalar: ShapeRule = () => [];

/** A vector of one element, whatever the operand's shape. */
export const single: ShapeRule = () => [1];

/**
 * Product over the last two dimensions, batched over the rest with broadcasting. A scalar counts as a vector of one element; a vector
 * is a row on the left and a column on the right, and that dimension is dropped from the result (torch.matmul).
 */
export const matrixProduct: ShapeRule = (a = [], b = []) => {
  const left = a.length < 2 ? [1, a[0] ?? 1] : a;
  const right = b.length < 2 ? [b[0] ?? 1, 1] : b;
  if (left.at(-1) !== right.at(-2)) {
    return { reason: "the left operand's last dimension must equal the right operand's last but one" };
  }
  const batch = broadcast(left.slice(0, -2), right.slice(0, -2));
  if (!batch) return { reason: 'the dimensions before the last two do not broadcast together' };
  const rows = a.length < 2 ? [] : [left.at(-2)!];
  const columns = b.length < 2 ? [] : [right.at(-1)!];
  return [...batch, ...rows, ...columns];
};

/** One value for each matrix of the last two dimensions, which must be square. */
export const squareMatrices: ShapeRule = (x = []) => {
  if (x.length < 2) return { reason: 'at least two dimensions are needed' };
  if (x.at(-1) !== x.at(-2)) return { reason: 'the last two dimensions must be equal' };
  return x.slice(0, -2);
};

/** A scalar; of a scalar, a vector of one element (the constant 0). */
export const rowRatio: ShapeRule = (x = []) => (x.length === 0 ? [1] : []);

const NO_ROWS = { reason: 'at least one dimension is needed' };

/** Dimension 0 against all others flattened. */
export const rowsOf: ShapeRule = (x = []) => (x.length === 0 ? NO_ROWS : [x[0]!, elementCount(x.slice(1))]);

/** A square matrix over the rows (dimension 0). */
export const rowGram: ShapeRule = (x = []) => (x.length === 0 ? NO_ROWS : [x[0]!, x[0]!]);

/** A scalar from an operand that has rows. */
export const ofRows: ShapeRule = (x = []) => (x.length === 0 ? NO_ROWS : []);

/** Dimensions 0 and 1 exchanged. */
export const leadingSwapped: ShapeRule = (x = []) =>
  x.length < 2 ? { reason: 'at least two dimensions are needed' } : [x[1]!, x[0]!, ...x.slice(2)];

/** A scalar from two operands that hold equally many elements, or one of which holds a single element. */
export const equalLengths: ShapeRule = (a = [], b = []) => {
  const [x, y] = [elementCount(a), elementCount(b)];
  if (x === y || x === 1 || y === 1) return [];
  return { reason: 'both operands must have the same number of elements, or one of them a single element' };
};

/** A scalar from two operands that broadcast together. */
export const broadcastToScalar: ShapeRule = (a = [], b = []) => {
  const result = broadcasting(a, b);
  return isShape(result) ? [] : result;
};

/** A scalar from operands whose rows (dimension 0 against all others flattened) broadcast; with a scalar, a vector of one element. */
export const rowPairs: ShapeRule = (a = [], b = []) => {
  if (a.length === 0 || b.length === 0) return [1];
  const rows = (shape: Shape) => [shape[0]!, elementCount(shape.slice(1))];
  if (broadcast(rows(a), rows(b))) return [];
  return { reason: 'flattened from dimension 1 on, the operands do not broadcast together' };
};

/** Checks a shape that comes from outside: at most four dimensions, each a positive integer. */
export function requireShape(shape: Shape, what: string): void {
  if (shape.length > 4 || !shape.every((size) => Number.isSafeInteger(size) && size > 0)) {
    throw new EznasError('INVALID_ARGUMENT', `${what} is [${shape.join(', ')}]; expected up to four positive integers`);
  }
}
