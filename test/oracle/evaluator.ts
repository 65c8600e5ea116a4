/**
 * A float64 reference for programs, written plainly from the operators' definitions: what the native evaluator is held
 * against. `rounding` may perturb every intermediate value, which shows how much of a score float32 can decide at all.
 */
export interface ReferenceTensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** A call of an operator, or a tensor's name. */
export type ReferenceProgram = string | ReferenceCall;
export interface ReferenceCall {
  readonly operator: string;
  readonly operands: readonly ReferenceProgram[];
}

export class ShapeError extends Error {}

export interface Reference {
  /** Value of a leaf. */
  readonly leaf: (name: string) => ReferenceTensor;
  /**
   * What float32 makes of a result whose error is relative to `scale` (by default the value itself): applied to every element of every
   * operator's result, and to eigenvalues, which no float32 solver knows better than to a rounding of the largest.
   */
  readonly rounding?: (value: number, scale?: number) => number;
}

const FLOAT32_MAX = 3.4028234663852886e38;

/** What float32 would overflow is infinite here too; precision stays that of float64. */
const toFloat32Range = (x: number): number => (Math.abs(x) > FLOAT32_MAX ? Math.sign(x) * Number.POSITIVE_INFINITY : x);

const numel = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);
const scalar = (value: number): ReferenceTensor => ({ shape: [], data: Float64Array.of(value) });

export function parseReference(text: string): ReferenceProgram {
  const match = /^\s*(\w+)\s*(\(|$)/.exec(text);
  if (match === null) throw new Error(`cannot read ${text}`);
  if (match[2] === '') return match[1]!;
  const inner = text.slice(match[0].length, text.lastIndexOf(')'));
  const operands: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= inner.length; i++) {
    if (inner[i] === '(') depth++;
    if (inner[i] === ')') depth--;
    if (i === inner.length || (inner[i] === ',' && depth === 0)) {
      operands.push(inner.slice(start, i));
      start = i + 1;
    }
  }
  return { operator: match[1]!, operands: operands.map(parseReference) };
}

/** Value of a program on one unit. Throws ShapeError when an operator rejects its operands. */
export function evaluateReference(program: ReferenceProgram, reference: Reference): ReferenceTensor {
  if (typeof program === 'string') return reference.leaf(program);
  const values = program.operands.map((operand) => evaluateReference(operand, reference));
  const { rounding } = reference;
  const { shape, data } = apply(program.operator, values, rounding);
  const rounded = rounding === undefined ? data : data.map((x) => rounding(x));
  return { shape, data: rounded.map(toFloat32Range) };
}

/** Mean of the root's elements: the unit's score. */
export function referenceScore(program: ReferenceProgram, reference: Reference): number {
  const { data } = evaluateReference(program, reference);
  return data.reduce((sum, value) => sum + value, 0) / data.length;
}

const elementwise: Record<string, (x: number) => number> = {
  log: (x) => (Number.isNaN(x) ? x : x > 0 ? Math.log(x) : 0),
  abslog: (x) => (x === 0 ? 0 : Math.abs(Math.log(x))),
  abs: Math.abs,
  square: (x) => x * x,
  exp: Math.exp,
  relu: (x) => Math.max(x, 0),
  sign: (x) => (x > 0 ? 1 : x < 0 ? -1 : 0),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  heaviside: (x) => (x > 0 ? 1 : 0),
  gt0: (x) => (x > 0 ? 1 : 0),
  lt0: (x) => (x < 0 ? 1 : 0),
  reciprocal: (x) => 1 / x,
  ones_like: () => 1,
  zeros_like: () => 0,
};

const binary: Record<string, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  lt: (a, b) => (a < b ? 1 : 0),
  gt: (a, b) => (a > b ? 1 : 0),
  eq: (a, b) => (a === b ? 1 : 0),
};

function apply(
  operator: string,
  operands: readonly ReferenceTensor[],
  rounding?: Reference['rounding'],
): ReferenceTensor {
  const [a, b] = operands as [ReferenceTensor, ReferenceTensor];
  const unary = elementwise[operator];
  if (unary !== undefined) return { shape: a.shape, data: a.data.map(unary) };
  const pointwise = binary[operator];
  if (pointwise !== undefined) return broadcast(a, b, pointwise);
  switch (operator) {
    case 'matmul':
      return matmul(a, b);
    case 'normalize':
      return normalize(a);
    case 'softmax':
      return softmax(a);
    case 'frobenius_norm':
      return scalar(Math.sqrt(a.data.reduce((sum, x) => sum + x * x, 0)));
    case 'l1_norm':
      return scalar(a.data.reduce((sum, x) => sum + Math.abs(x), 0) / a.data.length);
    case 'mean':
      return scalar(a.data.reduce((sum, x) => sum + x, 0) / a.data.length);
    case 'numel':
      return { shape: [1], data: Float64Array.of(a.data.length) };
    case 'det':
      return perMatrix(a, determinant);
    case 'logdet':
      return perMatrix(a, (matrix, n) => {
        const value = determinant(matrix, n);
        return value < 0 || Number.isNaN(value) ? 0 : Math.log(value);
      });
    case 'symeig_ratio':
      return gramRatio(a, false, rounding);
    case 'eig_ratio':
      return gramRatio(a, true, rounding);
    case 'hamming':
      return hamming(a, b);
    case 'kl_div':
      return klDivergence(a, b);
    case 'cosine':
      return cosine(a, b);
    case 'channels_first':
      return channelsFirst(a);
    case 'flatten':
      return { shape: rowsOf(a), data: a.data };
    case 'gram':
      return gram(rowLists(a));
    case 'covariance':
      return covariance(a);
    case 'logabsdet':
      return perMatrix(a, logAbsDeterminant);
    case 'spectral_entropy': {
      const shares = eigenvalueShares(a);
      return scalar(shares.reduce((sum, p) => sum - (p > 0 ? p * Math.log(p) : 0 * p), 0));
    }
    case 'participation_ratio': {
      const shares = eigenvalueShares(a);
      return scalar(shares.length === 0 ? 0 : 1 / shares.reduce((sum, p) => sum + p * p, 0));
    }
    case 'std': {
      const mean = a.data.reduce((sum, x) => sum + x, 0) / a.data.length;
      return scalar(Math.sqrt(a.data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (a.data.length - 1)));
    }
    case 'min':
      return scalar(a.data.reduce((least, x) => Math.min(least, x)));
    case 'max':
      return scalar(a.data.reduce((most, x) => Math.max(most, x)));
    case 'count_nonzero':
      return scalar(a.data.filter((x) => x !== 0).length);
    default:
      throw new Error(`unknown operator ${operator}`);
  }
}

function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new ShapeError(`[${a}] and [${b}] do not broadcast`);
    return x === 1 ? y : x;
  });
}

/** For every element of `shape`, the flat index into an operand that is broadcast to it. */
function broadcastIndex(operand: readonly number[], shape: readonly number[]): (flat: number) => number {
  return (flat) => {
    let index = 0;
    let stride = 1;
    let rest = flat;
    for (let i = 1; i <= shape.length; i++) {
      const dim = shape[shape.length - i]!;
      const position = rest % dim;
      rest = (rest - position) / dim;
      const own = operand[operand.length - i];
      if (own === undefined) continue;
      if (own !== 1) index += position * stride;
      stride *= own;
    }
    return index;
  };
}

function broadcast(a: ReferenceTensor, b: ReferenceTensor, f: (x: number, y: number) => number): ReferenceTensor {
  const shape = broadcastShape(a.shape, b.shape);
  const ofA = broadcastIndex(a.shape, shape);
  const ofB = broadcastIndex(b.shape, shape);
  return {
    shape,
    data: Float64Array.from({ length: numel(shape) }, (_, i) => f(a.data[ofA(i)]!, b.data[ofB(i)]!)),
  };
}

function matmul(a: ReferenceTensor, b: ReferenceTensor): ReferenceTensor {
  let left = a.shape.length === 0 ? [1] : [...a.shape];
  let right = b.shape.length === 0 ? [1] : [...b.shape];
  const dropRow = left.length === 1;
  const dropColumn = right.length === 1;
  if (dropRow) left = [1, ...left];
  if (dropColumn) right = [...right, 1];
  const [m, k] = left.slice(-2) as [number, number];
  const [k2, n] = right.slice(-2) as [number, number];
  if (k !== k2) throw new ShapeError(`matmul of [${a.shape}] and [${b.shape}]`);
  const batch = broadcastShape(left.slice(0, -2), right.slice(0, -2));
  const ofA = broadcastIndex(left.slice(0, -2), batch);
  const ofB = broadcastIndex(right.slice(0, -2), batch);
  const data = new Float64Array(numel(batch) * m * n);
  for (let s = 0; s < numel(batch); s++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let l = 0; l < k; l++) sum += a.data[ofA(s) * m * k + i * k + l]! * b.data[ofB(s) * k * n + l * n + j]!;
        data[(s * m + i) * n + j] = sum;
      }
    }
  }
  return { shape: [...batch, ...(dropRow ? [] : [m]), ...(dropColumn ? [] : [n])], data };
}

function normalize(a: ReferenceTensor): ReferenceTensor {
  const n = a.data.length;
  const mean = a.data.reduce((sum, x) => sum + x, 0) / n;
  const std = Math.sqrt(a.data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1));
  return {
    shape: a.shape,
    data: a.data.map((x) => {
      const z = (x - mean) / std;
      return Number.isNaN(z) ? 0 : z;
    }),
  };
}

function softmax(a: ReferenceTensor): ReferenceTensor {
  const axis = [0, 1, 3].includes(a.shape.length) ? 0 : 1;
  const length = a.shape[axis] ?? 1;
  const inner = numel(a.shape.slice(axis + 1));
  const data = new Float64Array(a.data.length);
  for (let start = 0; start < a.data.length; start += length * inner) {
    for (let i = 0; i < inner; i++) {
      const at = (j: number) => start + j * inner + i;
      let max = Number.NEGATIVE_INFINITY;
      for (let j = 0; j < length; j++) max = Math.max(max, a.data[at(j)]!);
      let sum = 0;
      for (let j = 0; j < length; j++) sum += Math.exp(a.data[at(j)]! - max);
      for (let j = 0; j < length; j++) data[at(j)] = Math.exp(a.data[at(j)]! - max) / sum;
    }
  }
  return { shape: a.shape, data };
}

function perMatrix(a: ReferenceTensor, f: (matrix: Float64Array, n: number) => number): ReferenceTensor {
  const [rows, columns] = a.shape.slice(-2);
  if (a.shape.length < 2 || rows === undefined || rows !== columns) throw new ShapeError(`[${a.shape}] is not square`);
  const shape = a.shape.slice(0, -2);
  const size = rows * rows;
  return {
    shape,
    data: Float64Array.from({ length: numel(shape) }, (_, i) => f(a.data.slice(i * size, (i + 1) * size), rows)),
  };
}

/** LU with partial pivoting; destroys the matrix. NaN where more than one element meets one that is not finite. */
function determinant(m: Float64Array, n: number): number {
  if (n > 1 && !m.every(Number.isFinite)) return Number.NaN;
  let result = 1;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(m[i * n + k]!) > Math.abs(m[pivot * n + k]!)) pivot = i;
    if (m[pivot * n + k] === 0) return 0;
    if (pivot !== k) {
      for (let j = 0; j < n; j++) [m[k * n + j], m[pivot * n + j]] = [m[pivot * n + j]!, m[k * n + j]!];
      result = -result;
    }
    result *= m[k * n + k]!;
    for (let i = k + 1; i < n; i++) {
      const factor = m[i * n + k]! / m[k * n + k]!;
      for (let j = k + 1; j < n; j++) m[i * n + j]! -= factor * m[k * n + j]!;
    }
  }
  return result;
}

/** Dimension 0 against all others flattened. */
function rowsOf(a: ReferenceTensor): [number, number] {
  if (a.shape.length === 0) throw new ShapeError('a scalar has no rows');
  return [a.shape[0]!, a.data.length / a.shape[0]!];
}

function rowLists(a: ReferenceTensor): Float64Array[] {
  const [rows, columns] = rowsOf(a);
  return Array.from({ length: rows }, (_, i) => a.data.slice(i * columns, (i + 1) * columns));
}

function gram(rows: readonly Float64Array[]): ReferenceTensor {
  const dot = (x: Float64Array, y: Float64Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return {
    shape: [rows.length, rows.length],
    data: Float64Array.from(rows.flatMap((x) => rows.map((y) => dot(x, y)))),
  };
}

function covariance(a: ReferenceTensor): ReferenceTensor {
  const columns = rowsOf(a)[1];
  const centered = rowLists(a).map((row) => {
    const mean = row.reduce((sum, x) => sum + x, 0) / columns;
    return row.map((x) => x - mean);
  });
  const { shape, data } = gram(centered);
  return { shape, data: data.map((x) => x / columns) };
}

function channelsFirst(a: ReferenceTensor): ReferenceTensor {
  if (a.shape.length < 2) throw new ShapeError(`[${a.shape}] has no two dimensions`);
  const [first, second, ...rest] = a.shape as [number, number, ...number[]];
  const inner = numel(rest);
  const at = (flat: number) => {
    const block = Math.floor(flat / inner);
    return ((block % first) * second + Math.floor(block / first)) * inner + (flat % inner);
  };
  return { shape: [second, first, ...rest], data: a.data.map((_, flat) => a.data[at(flat)]!) };
}

/** ln |det (m + 1e-6 I)| / n as the sum of the logarithms of pivots, which neither overflows nor underflows. */
function logAbsDeterminant(m: Float64Array, n: number): number {
  if (!m.every(Number.isFinite)) return Number.NaN;
  for (let i = 0; i < n; i++) m[i * n + i]! += 1e-6;
  let sum = 0;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(m[i * n + k]!) > Math.abs(m[pivot * n + k]!)) pivot = i;
    if (m[pivot * n + k] === 0) return Number.NEGATIVE_INFINITY;
    for (let j = 0; j < n; j++) [m[k * n + j], m[pivot * n + j]] = [m[pivot * n + j]!, m[k * n + j]!];
    sum += Math.log(Math.abs(m[k * n + k]!));
    for (let i = k + 1; i < n; i++) {
      const factor = m[i * n + k]! / m[k * n + k]!;
      for (let j = k; j < n; j++) m[i * n + j]! -= factor * m[k * n + j]!;
    }
  }
  return sum / n;
}

/** Eigenvalues of the Gram matrix of the rows as shares of their sum; none where all elements are 0, NaN where one is not finite. */
function eigenvalueShares(a: ReferenceTensor): number[] {
  const values = gramEigenvalues(a).map((x) => Math.max(x, 0));
  const sum = values.reduce((total, x) => total + x, 0);
  return sum === 0 ? [] : values.map((x) => x / sum);
}

/** Eigenvalues of A·Aᵀ by Jacobi rotations, in no order. */
function gramEigenvalues(a: ReferenceTensor): number[] {
  const rows = rowLists(a);
  const { data } = gram(rows);
  const g = rows.map((_, i) => data.slice(i * rows.length, (i + 1) * rows.length));
  for (let sweep = 0; sweep < 60; sweep++) {
    for (let p = 0; p < g.length; p++) {
      for (let q = p + 1; q < g.length; q++) rotate(g, p, q);
    }
  }
  return g.map((row, i) => row[i]!);
}

/** Ratio of the extreme eigenvalues of A·Aᵀ (last over first, or largest over smallest magnitude). */
function gramRatio(a: ReferenceTensor, byMagnitude: boolean, rounding?: Reference['rounding']): ReferenceTensor {
  if (a.shape.length === 0) return { shape: [1], data: Float64Array.of(0) };
  const exact = gramEigenvalues(a);
  const largest = Math.max(...exact.map(Math.abs));
  const known = rounding === undefined ? exact : exact.map((x) => rounding(x, largest));
  const eigenvalues = (byMagnitude ? known.map(Math.abs) : known).sort((x, y) => x - y);
  return scalar(eigenvalues.at(-1)! / eigenvalues[0]!);
}

function rotate(g: Float64Array[], p: number, q: number): void {
  const apq = g[p]![q]!;
  if (apq === 0) return;
  const theta = (g[q]![q]! - g[p]![p]!) / (2 * apq);
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  for (const row of g) {
    const [x, y] = [row[p]!, row[q]!];
    row[p] = c * x - s * y;
    row[q] = s * x + c * y;
  }
  const [rowP, rowQ] = [g[p]!.slice(), g[q]!.slice()];
  for (let k = 0; k < rowP.length; k++) {
    g[p]![k] = c * rowP[k]! - s * rowQ[k]!;
    g[q]![k] = s * rowP[k]! + c * rowQ[k]!;
  }
}

function hamming(a: ReferenceTensor, b: ReferenceTensor): ReferenceTensor {
  const [n, m] = [a.data.length, b.data.length];
  if (n !== m && n !== 1 && m !== 1) throw new ShapeError(`hamming of ${n} and ${m} elements`);
  let count = 0;
  for (let i = 0; i < Math.max(n, m); i++) {
    if (a.data[n === 1 ? 0 : i]! > 0 !== b.data[m === 1 ? 0 : i]! > 0) count++;
  }
  return scalar(count);
}

function klDivergence(a: ReferenceTensor, b: ReferenceTensor): ReferenceTensor {
  // b·ln b is 0 at b = 0, but b·a is a product like any other: 0·∞ is NaN.
  const terms = broadcast(a, b, (x, y) => (y === 0 ? 0 : y * Math.log(y)) - y * x);
  return scalar(terms.data.reduce((sum, x) => sum + x, 0) / (a.shape[0] ?? 1));
}

function cosine(a: ReferenceTensor, b: ReferenceTensor): ReferenceTensor {
  if (a.shape.length === 0 || b.shape.length === 0) return { shape: [1], data: Float64Array.of(0) };
  const rows = (t: ReferenceTensor): ReferenceTensor => ({
    shape: [t.shape[0]!, t.data.length / t.shape[0]!],
    data: t.data,
  });
  const [x, y] = [rows(a), rows(b)];
  const products = broadcast(x, y, (u, v) => u * v);
  const squares = (t: ReferenceTensor) => broadcast(t, products, (u) => u * u);
  const rowSums = (t: ReferenceTensor) =>
    Array.from({ length: t.shape[0]! }, (_, i) =>
      t.data.slice(i * t.shape[1]!, (i + 1) * t.shape[1]!).reduce((sum, v) => sum + v, 0),
    );
  const [dot, xx, yy] = [rowSums(products), rowSums(squares(x)), rowSums(squares(y))];
  const epsilon = 1e-8;
  return scalar(dot.reduce((sum, d, i) => sum + d / Math.max(Math.sqrt(xx[i]! * yy[i]!), epsilon), 0));
}
