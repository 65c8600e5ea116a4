import {
  broadcasting,
  broadcastToScalar,
  elementwise,
  equalLengths,
  leadingSwapped,
  matrixProduct,
  ofRows,
  rowGram,
  rowPairs,
  rowRatio,
  rowsOf,
  type ShapeRule,
  scalar,
  single,
  squareMatrices,
} from './shapes.ts';

interface Row {
  readonly name: string;
  readonly arity: 1 | 2;
  /** Whether exchanging the operands changes nothing. */
  readonly commutative?: boolean;
  /** Not among the 34 of EZNAS: left out of the paper's search. */
  readonly added?: boolean;
  /** The result's shape from the operands' shapes. */
  readonly shape: ShapeRule;
  /** The exact meaning in words. */
  readonly documentation: string;
  /** The exact meaning as a plain-text formula over x, or a and b. */
  readonly formula: string;
  /** LaTeX with #1 and #2 in the operands' places. */
  readonly latex: string;
}

/**
 * In opcode order, the order of kernels/operators.h. Source: EZNAS, section 3.2 and appendix, and the authors' released evaluator; those marked
 * `added` are ours.
 */
const TABLE = [
  {
    name: 'add',
    arity: 2,
    commutative: true,
    shape: broadcasting,
    documentation: 'Sum, element by element, with broadcasting.',
    formula: 'a + b',
    latex: String.raw`\left(#1 + #2\right)`,
  },
  {
    name: 'sub',
    arity: 2,
    shape: broadcasting,
    documentation: 'Difference, element by element, with broadcasting.',
    formula: 'a - b',
    latex: String.raw`\left(#1 - #2\right)`,
  },
  {
    name: 'mul',
    arity: 2,
    commutative: true,
    shape: broadcasting,
    documentation: 'Product, element by element, with broadcasting.',
    formula: 'a * b',
    latex: String.raw`\left(#1 \odot #2\right)`,
  },
  {
    name: 'matmul',
    arity: 2,
    shape: matrixProduct,
    documentation:
      'Matrix product over the last two dimensions, batched over the rest; a scalar counts as a vector of one element.',
    formula: 'sum over k of a[..., i, k] * b[..., k, j]',
    latex: String.raw`\left(#1 \, #2\right)`,
  },
  {
    name: 'lt',
    arity: 2,
    shape: broadcasting,
    documentation: 'Whether a is less than b, element by element, with broadcasting; 0 where either is NaN.',
    formula: '1 if a < b else 0',
    latex: String.raw`\left[#1 < #2\right]`,
  },
  {
    name: 'gt',
    arity: 2,
    shape: broadcasting,
    documentation: 'Whether a is greater than b, element by element, with broadcasting; 0 where either is NaN.',
    formula: '1 if a > b else 0',
    latex: String.raw`\left[#1 > #2\right]`,
  },
  {
    name: 'eq',
    arity: 2,
    commutative: true,
    shape: broadcasting,
    documentation: 'Whether a equals b, element by element, with broadcasting; 0 where either is NaN.',
    formula: '1 if a == b else 0',
    latex: String.raw`\left[#1 = #2\right]`,
  },
  {
    name: 'log',
    arity: 1,
    shape: elementwise,
    documentation: 'Natural logarithm of the positive elements, 0 for the others; NaN stays NaN.',
    formula: 'ln(x) if x > 0, NaN if x is NaN, else 0',
    latex: String.raw`\ln^{+}\left(#1\right)`,
  },
  {
    name: 'abslog',
    arity: 1,
    shape: elementwise,
    documentation: 'Absolute natural logarithm, 0 for a zero; NaN for negative elements.',
    formula: '|ln(x)|, with x == 0 read as 1',
    latex: String.raw`\left|\ln\left(#1\right)\right|`,
  },
  {
    name: 'abs',
    arity: 1,
    shape: elementwise,
    documentation: 'Absolute value.',
    formula: '|x|',
    latex: String.raw`\left|#1\right|`,
  },
  {
    name: 'square',
    arity: 1,
    shape: elementwise,
    documentation: "Square (the paper's Power).",
    formula: 'x * x',
    latex: String.raw`\left(#1\right)^{2}`,
  },
  {
    name: 'exp',
    arity: 1,
    shape: elementwise,
    documentation: 'Exponential.',
    formula: 'e^x',
    latex: String.raw`\exp\left(#1\right)`,
  },
  {
    name: 'relu',
    arity: 1,
    shape: elementwise,
    documentation: 'Positive part; NaN stays NaN.',
    formula: 'max(x, 0)',
    latex: String.raw`\operatorname{relu}\left(#1\right)`,
  },
  {
    name: 'sign',
    arity: 1,
    shape: elementwise,
    documentation: 'Sign: -1, 0 or 1; the sign of 0 is 0.',
    formula: '(x > 0) - (x < 0)',
    latex: String.raw`\operatorname{sign}\left(#1\right)`,
  },
  {
    name: 'sigmoid',
    arity: 1,
    shape: elementwise,
    documentation: 'Logistic function.',
    formula: '1 / (1 + e^-x)',
    latex: String.raw`\sigma\left(#1\right)`,
  },
  {
    name: 'normalize',
    arity: 1,
    shape: elementwise,
    documentation: 'Zero mean and unit unbiased standard deviation over the whole tensor; every NaN becomes 0.',
    formula: '(x - mean(x)) / std(x), NaN -> 0',
    latex: String.raw`\operatorname{normalize}\left(#1\right)`,
  },
  {
    name: 'heaviside',
    arity: 1,
    shape: elementwise,
    documentation: 'Step function, 0 at 0; the same as gt0.',
    formula: '1 if x > 0 else 0',
    latex: String.raw`\Theta\left(#1\right)`,
  },
  {
    name: 'gt0',
    arity: 1,
    shape: elementwise,
    documentation: 'Whether an element is positive; 0 for NaN.',
    formula: '1 if x > 0 else 0',
    latex: String.raw`\left[#1 > 0\right]`,
  },
  {
    name: 'lt0',
    arity: 1,
    shape: elementwise,
    documentation: 'Whether an element is negative; 0 for NaN.',
    formula: '1 if x < 0 else 0',
    latex: String.raw`\left[#1 < 0\right]`,
  },
  {
    name: 'reciprocal',
    arity: 1,
    shape: elementwise,
    documentation: 'Reciprocal; an infinity of the same sign at a zero.',
    formula: '1 / x',
    latex: String.raw`\frac{1}{#1}`,
  },
  {
    name: 'softmax',
    arity: 1,
    shape: elementwise,
    documentation: 'Softmax over dimension 0 of tensors with 0, 1 or 3 dimensions, over dimension 1 of the others.',
    formula: 'e^x / sum over the dimension of e^x',
    latex: String.raw`\operatorname{softmax}\left(#1\right)`,
  },
  {
    name: 'ones_like',
    arity: 1,
    shape: elementwise,
    documentation: "Ones in the operand's shape.",
    formula: '1',
    latex: String.raw`\mathbf{1}\left(#1\right)`,
  },
  {
    name: 'zeros_like',
    arity: 1,
    shape: elementwise,
    documentation: "Zeros in the operand's shape.",
    formula: '0',
    latex: String.raw`\mathbf{0}\left(#1\right)`,
  },
  {
    name: 'frobenius_norm',
    arity: 1,
    shape: scalar,
    documentation: 'Root of the sum of squares of the whole tensor: a scalar.',
    formula: 'sqrt(sum of x^2)',
    latex: String.raw`\left\lVert #1 \right\rVert_{F}`,
  },
  {
    name: 'l1_norm',
    arity: 1,
    shape: scalar,
    documentation: 'Mean absolute value of the whole tensor: a scalar.',
    formula: 'sum of |x| / numel(x)',
    latex: String.raw`\frac{\left\lVert #1 \right\rVert_{1}}{\operatorname{numel}}`,
  },
  {
    name: 'mean',
    arity: 1,
    shape: scalar,
    documentation: "Mean of the whole tensor: a scalar (the paper's normalized sum).",
    formula: 'sum of x / numel(x)',
    latex: String.raw`\operatorname{mean}\left(#1\right)`,
  },
  {
    name: 'numel',
    arity: 1,
    shape: single,
    documentation: 'Number of elements, as a vector of one element.',
    formula: 'numel(x)',
    latex: String.raw`\operatorname{numel}\left(#1\right)`,
  },
  {
    name: 'det',
    arity: 1,
    shape: squareMatrices,
    documentation:
      'Determinant of each matrix of the last two dimensions, which must be square; these dimensions are dropped. ' +
      'NaN for a matrix of more than one element of which one is not finite.',
    formula: 'det(x)',
    latex: String.raw`\det\left(#1\right)`,
  },
  {
    name: 'logdet',
    arity: 1,
    shape: squareMatrices,
    documentation:
      'Logarithm of the determinant of each matrix of the last two dimensions; 0 where the determinant is negative or NaN, -Inf where it is 0.',
    formula: 'ln(det(x)), NaN -> 0',
    latex: String.raw`\ln\det\left(#1\right)`,
  },
  {
    name: 'symeig_ratio',
    arity: 1,
    shape: rowRatio,
    documentation:
      'Largest over smallest eigenvalue of the Gram matrix of the rows (dimension 0 against all others flattened): a scalar; 0 for a scalar.',
    formula: 'lambda_max / lambda_min of A A^T, A = x reshaped to (dim 0, -1)',
    latex: String.raw`\frac{\lambda_{\max}}{\lambda_{\min}}\left(#1\right)`,
  },
  {
    name: 'eig_ratio',
    arity: 1,
    shape: rowRatio,
    documentation:
      'Largest over smallest absolute eigenvalue of the Gram matrix of the rows: a scalar; 0 for a scalar. The release took the last and the first eigenvalue of a routine that leaves their order open.',
    formula: '|lambda|_max / |lambda|_min of A A^T, A = x reshaped to (dim 0, -1)',
    latex: String.raw`\frac{\left|\lambda\right|_{\max}}{\left|\lambda\right|_{\min}}\left(#1\right)`,
  },
  {
    name: 'hamming',
    arity: 2,
    commutative: true,
    shape: equalLengths,
    documentation:
      'Number of places where one operand is positive and the other is not, both flattened: a scalar. An operand of one element stands for any length.',
    formula: 'count of (a > 0) != (b > 0)',
    latex: String.raw`d_{H}\left(#1, #2\right)`,
  },
  {
    name: 'kl_div',
    arity: 2,
    shape: broadcastToScalar,
    documentation:
      "Kullback-Leibler divergence as PyTorch's KLDivLoss with batchmean, with broadcasting: a scalar. b ln(b) is 0 where b = 0 and NaN where b < 0; b a is NaN where b = 0 and a is not finite. With a scalar a, nothing is divided by.",
    formula: 'sum of (b * ln(b) - b * a) / a.shape[0]',
    latex: String.raw`D_{KL}\left(#2 \,\middle\Vert\, e^{#1}\right)`,
  },
  {
    name: 'cosine',
    arity: 2,
    commutative: true,
    shape: rowPairs,
    documentation:
      'Sum over rows (dimension 0 against all others flattened) of the cosine similarity, eps 1e-8: a scalar. With a scalar operand, 0.',
    formula: 'sum over i of a[i] . b[i] / max(|a[i]| |b[i]|, 1e-8)',
    latex: String.raw`\sum_{i} \cos\left(#1, #2\right)_{i}`,
  },
  {
    name: 'channels_first',
    arity: 1,
    added: true,
    shape: leadingSwapped,
    documentation:
      'The two leading dimensions exchanged: samples and channels of an activation, output and input channels of a weight.',
    formula: 'y[j, i, ...] = x[i, j, ...]',
    latex: String.raw`\left(#1\right)^{\mathsf{T}_{12}}`,
  },
  {
    name: 'flatten',
    arity: 1,
    added: true,
    shape: rowsOf,
    documentation: 'All dimensions but the first made one: a matrix of rows.',
    formula: 'x reshaped to (dim 0, -1)',
    latex: String.raw`\operatorname{flatten}\left(#1\right)`,
  },
  {
    name: 'gram',
    arity: 1,
    added: true,
    shape: rowGram,
    documentation: 'Gram matrix of the rows (dimension 0 against all others flattened).',
    formula: 'A A^T, A = x reshaped to (dim 0, -1)',
    latex: String.raw`\operatorname{Gram}\left(#1\right)`,
  },
  {
    name: 'covariance',
    arity: 1,
    added: true,
    shape: rowGram,
    documentation:
      'Covariance matrix of the rows (dimension 0 against all others flattened), each less its mean; biased.',
    formula: 'C C^T / columns, C = A less the mean of each row, A = x reshaped to (dim 0, -1)',
    latex: String.raw`\operatorname{Cov}\left(#1\right)`,
  },
  {
    name: 'logabsdet',
    arity: 1,
    added: true,
    shape: squareMatrices,
    documentation:
      'Logarithm of the magnitude of the determinant of each matrix of the last two dimensions, which must be square, with 1e-6 added to its diagonal, divided by its size; these dimensions are dropped. NaN for a matrix with an element that is not finite.',
    formula: 'ln(|det(x + 1e-6 I)|) / n',
    latex: String.raw`\frac{1}{n}\ln\left|\det\left(#1 + 10^{-6} I\right)\right|`,
  },
  {
    name: 'spectral_entropy',
    arity: 1,
    added: true,
    shape: ofRows,
    documentation:
      'Entropy of the eigenvalues of the Gram matrix of the rows as shares of their sum: a scalar; 0 where all elements are 0.',
    formula: '-sum of p ln(p), p = lambda / sum of lambda, lambda of A A^T, A = x reshaped to (dim 0, -1)',
    latex: String.raw`H_{\lambda}\left(#1\right)`,
  },
  {
    name: 'participation_ratio',
    arity: 1,
    added: true,
    shape: ofRows,
    documentation:
      'Effective number of the eigenvalues of the Gram matrix of the rows: a scalar; 0 where all elements are 0.',
    formula: '(sum of lambda)^2 / sum of lambda^2, lambda of A A^T, A = x reshaped to (dim 0, -1)',
    latex: String.raw`N_{\lambda}\left(#1\right)`,
  },
  {
    name: 'std',
    arity: 1,
    added: true,
    shape: scalar,
    documentation: 'Unbiased standard deviation over the whole tensor: a scalar; NaN for a single element.',
    formula: 'sqrt(sum of (x - mean(x))^2 / (numel(x) - 1))',
    latex: String.raw`\operatorname{std}\left(#1\right)`,
  },
  {
    name: 'min',
    arity: 1,
    added: true,
    shape: scalar,
    documentation: 'Least element: a scalar; NaN where an element is NaN.',
    formula: 'min(x)',
    latex: String.raw`\min\left(#1\right)`,
  },
  {
    name: 'max',
    arity: 1,
    added: true,
    shape: scalar,
    documentation: 'Greatest element: a scalar; NaN where an element is NaN.',
    formula: 'max(x)',
    latex: String.raw`\max\left(#1\right)`,
  },
  {
    name: 'count_nonzero',
    arity: 1,
    added: true,
    shape: scalar,
    documentation: 'Number of elements that are not 0, NaN among them: a scalar.',
    formula: 'count of x != 0',
    latex: String.raw`\left\lVert #1 \right\rVert_{0}`,
  },
] as const satisfies readonly Row[];

/** The name of an operator. */
export type OperatorName = (typeof TABLE)[number]['name'];

/** One row of the operator table. */
export interface Operator extends Required<Row> {
  readonly name: OperatorName;
  /** Position in the table; 64 + opcode is the operator's word in a program's code. */
  readonly opcode: number;
}

/** The operator table, in opcode order. */
export const OPERATORS: readonly Operator[] = TABLE.map((row: Row & { name: OperatorName }, opcode) => ({
  ...row,
  opcode,
  commutative: row.commutative ?? false,
  added: row.added ?? false,
}));

/** The 34 operators of EZNAS. */
export const PAPER_OPERATORS: readonly OperatorName[] = OPERATORS.filter((row) => !row.added).map((row) => row.name);

const byName: ReadonlyMap<string, Operator> = new Map(OPERATORS.map((row) => [row.name, row]));

/** The operator of that name, if there is one. */
export function findOperator(name: string): Operator | undefined {
  return byName.get(name);
}

/** The row of a known operator. */
export function operatorOf(name: OperatorName): Operator {
  return byName.get(name)!;
}
