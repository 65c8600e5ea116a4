/** Sweeps of Jacobi's method at most; they converge quadratically, so that few are ever needed. */
const MOST_SWEEPS = 60;

/** Sign and logarithm of the magnitude of a square matrix's determinant: 0 and −∞ for a singular one. By elimination with partial pivoting. */
export function logAbsDeterminant(matrix: Float64Array, size: number): { sign: number; logarithm: number } {
  const rows = Array.from({ length: size }, (_, i) => matrix.slice(i * size, (i + 1) * size));
  let [sign, logarithm] = [1, 0];
  for (let column = 0; column < size; column++) {
    let pivot = column;
    for (let i = column + 1; i < size; i++) {
      if (Math.abs(rows[i]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = i;
    }
    if (pivot !== column) {
      [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
      sign = -sign;
    }
    const top = rows[column]!;
    if (top[column] === 0) return { sign: 0, logarithm: Number.NEGATIVE_INFINITY };
    if (top[column]! < 0) sign = -sign;
    logarithm += Math.log(Math.abs(top[column]!));
    for (const row of rows.slice(column + 1)) {
      const factor = row[column]! / top[column]!;
      if (factor !== 0) for (let j = column; j < size; j++) row[j]! -= factor * top[j]!;
    }
  }
  return { sign, logarithm };
}

/** Eigenvalues of A Aᵀ, ascending, of a square matrix A. By Jacobi's method. */
export function rowSpectrum(matrix: Float64Array, size: number): Float64Array {
  const rows = Array.from({ length: size }, (_, i) => matrix.subarray(i * size, (i + 1) * size));
  const a = rows.map((left) =>
    Float64Array.from(rows, (right) => left.reduce((sum, value, at) => sum + value * right[at]!, 0)),
  );
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    let turned = false;
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) turned = rotate(a, p, q) || turned;
    }
    if (!turned) break;
  }
  return Float64Array.from(a, (row, i) => row[i]!).sort();
}

/** Turns rows and columns p and q so that a[p][q] becomes 0; false where it is already, to rounding. */
function rotate(a: readonly Float64Array[], p: number, q: number): boolean {
  const [top, low] = [a[p]!, a[q]!];
  const off = top[q]!;
  if (Math.abs(off) <= Number.EPSILON * 2 ** -10 * Math.sqrt(Math.abs(top[p]! * low[q]!))) return false;
  const theta = (low[q]! - top[p]!) / (2 * off);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  top[p]! -= t * off;
  low[q]! += t * off;
  top[q] = low[p] = 0;
  for (let k = 0; k < a.length; k++) {
    if (k === p || k === q) continue;
    const row = a[k]!;
    const [x, y] = [row[p]!, row[q]!];
    row[p] = top[k] = c * x - s * y;
    row[q] = low[k] = s * x + c * y;
  }
  return true;
}
