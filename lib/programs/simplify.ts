import { OPERATORS, type OperatorName } from './operators.ts';
import { elementwise } from './shapes.ts';
import { apply, equalPrograms, isLeaf, type OperatorNode, type Program } from './tree.ts';

/**
 * An equivalence that makes a program smaller, or brings it to a common form at the same size. Both sides have the same shape, are valid on
 * the same units and hold the same values, NaN and infinities included, whatever the tensors hold.
 */
export interface SimplificationRule {
  readonly name: string;
  /** Why the two sides are equal. */
  readonly reason: string;
  /** The other side, or undefined where the rule does not apply. Operands are already simple. */
  readonly rewrite: (node: OperatorNode) => Program | undefined;
}

/** Operators whose results are 0 or 1 alone, even of NaN. */
const BINARY: ReadonlySet<OperatorName> = new Set([
  'lt',
  'gt',
  'eq',
  'heaviside',
  'gt0',
  'lt0',
  'ones_like',
  'zeros_like',
]);

/** Operators whose results are never negative and never -0; NaN is possible. */
const NONNEGATIVE: ReadonlySet<OperatorName> = new Set([
  ...BINARY,
  'abs',
  'square',
  'exp',
  'sigmoid',
  'abslog',
  'softmax',
  'frobenius_norm',
  'l1_norm',
  'numel',
  'hamming',
  'std',
  'count_nonzero',
  'spectral_entropy',
  'participation_ratio',
]);

/** Operators of one operand that accept any shape and keep it. */
const KEEPS_SHAPE: ReadonlySet<OperatorName> = new Set(
  OPERATORS.filter((row) => row.arity === 1 && row.shape === elementwise).map((row) => row.name),
);

/** Operators that leave unchanged which elements are positive. */
const KEEPS_POSITIVITY: ReadonlySet<OperatorName> = new Set(['relu', 'sign', 'gt0', 'heaviside']);

/** Operators whose result is a scalar, whatever the operands' shapes. */
const SCALAR: ReadonlySet<OperatorName> = new Set([
  'frobenius_norm',
  'l1_norm',
  'mean',
  'hamming',
  'kl_div',
  'std',
  'min',
  'max',
  'count_nonzero',
  'spectral_entropy',
  'participation_ratio',
]);

/** The rules, tried in this order at every node, operands first. */
export const SIMPLIFICATIONS: readonly SimplificationRule[] = [
  {
    name: 'heaviside(x) = gt0(x)',
    reason: 'two names of one function',
    rewrite: (node) => (node.operator === 'heaviside' ? apply('gt0', node.operands[0]!) : undefined),
  },
  {
    name: 'gt(a, b) = lt(b, a)',
    reason: 'one comparison read from either side',
    rewrite: (node) => (node.operator === 'gt' ? apply('lt', node.operands[1]!, node.operands[0]!) : undefined),
  },
  {
    name: 'lt(x, x) = zeros_like(x)',
    reason: 'nothing is less than itself, NaN neither',
    rewrite: ({ operator, operands: [a, b] }) =>
      operator === 'lt' && equalPrograms(a!, b!) ? apply('zeros_like', a!) : undefined,
  },
  {
    name: 'abs(p) = p, relu(p) = p for p never negative',
    reason: 'both keep what is at least 0, and NaN',
    rewrite: (node) => unwrap(node, ['abs', 'relu'], NONNEGATIVE),
  },
  {
    name: 'sign(c) = gt0(c) = square(c) = c for c of 0 and 1',
    reason: '0 and 1 are their own sign, positivity and square',
    rewrite: (node) => unwrap(node, ['sign', 'gt0', 'square'], BINARY),
  },
  {
    name: 'relu(relu(x)) = relu(x), sign(sign(x)) = sign(x)',
    reason: 'both are projections',
    rewrite: (node) =>
      unwrap(node, ['relu'], new Set<OperatorName>(['relu'])) ??
      unwrap(node, ['sign'], new Set<OperatorName>(['sign'])),
  },
  {
    name: 'gt0(f(x)) = gt0(x) for f that keeps positivity',
    reason: 'relu, sign and gt0 are positive exactly where x is; NaN is not positive',
    rewrite: (node) => stripOperands(node, ['gt0', 'hamming'], KEEPS_POSITIVITY),
  },
  {
    name: 'lt0(sign(x)) = lt0(x)',
    reason: 'the sign is negative exactly where x is',
    rewrite: (node) => stripOperands(node, ['lt0'], new Set<OperatorName>(['sign'])),
  },
  {
    name: 'lt0(p) = zeros_like(p) for p never negative',
    reason: 'no element is negative, NaN neither',
    rewrite: (node) =>
      node.operator === 'lt0' && madeBy(node.operands[0]!, NONNEGATIVE)
        ? apply('zeros_like', node.operands[0]!)
        : undefined,
  },
  {
    name: 'log(c) = abslog(c) = zeros_like(c) for c of 0 and 1',
    reason: 'ln 1 = 0, and both give 0 for 0',
    rewrite: (node) =>
      (node.operator === 'log' || node.operator === 'abslog') && madeBy(node.operands[0]!, BINARY)
        ? apply('zeros_like', node.operands[0]!)
        : undefined,
  },
  {
    name: 'log(relu(x)) = log(x)',
    reason: 'log gives 0 for 0 and for what is negative; NaN stays NaN in both',
    rewrite: (node) => stripOperands(node, ['log'], new Set<OperatorName>(['relu'])),
  },
  {
    name: 'exp(zeros_like(x)) = reciprocal(ones_like(x)) = ones_like(x)',
    reason: 'e^0 = 1/1 = 1',
    rewrite: ({ operator, operands: [x] }) => {
      const one =
        (operator === 'exp' && madeBy(x!, new Set<OperatorName>(['zeros_like']))) ||
        (operator === 'reciprocal' && madeBy(x!, new Set<OperatorName>(['ones_like'])));
      return one ? apply('ones_like', x!) : undefined;
    },
  },
  {
    name: 'normalize(c) = zeros_like(c) for a constant c',
    reason: 'the deviation is 0, and 0/0 becomes 0',
    rewrite: (node) =>
      node.operator === 'normalize' && madeBy(node.operands[0]!, new Set<OperatorName>(['ones_like', 'zeros_like']))
        ? apply('zeros_like', node.operands[0]!)
        : undefined,
  },
  {
    name: 'ones_like(f(x)) = ones_like(x) for f that keeps the shape; so zeros_like and numel',
    reason: 'only the shape is read',
    rewrite: (node) => stripOperands(node, ['ones_like', 'zeros_like', 'numel'], KEEPS_SHAPE),
  },
  {
    name: 'frobenius_norm(abs(x)) = frobenius_norm(x), l1_norm(abs(x)) = l1_norm(x), square(abs(x)) = square(x)',
    reason: 'they take the absolute value themselves',
    rewrite: (node) => stripOperands(node, ['frobenius_norm', 'l1_norm', 'square'], new Set<OperatorName>(['abs'])),
  },
  {
    name: 'mean(abs(x)) = l1_norm(x)',
    reason: 'the definition of l1_norm',
    rewrite: ({ operator, operands: [x] }) =>
      operator === 'mean' && madeBy(x!, new Set<OperatorName>(['abs']))
        ? apply('l1_norm', (x as OperatorNode).operands[0]!)
        : undefined,
  },
  {
    name: 'l1_norm(p) = mean(p) for p never negative',
    reason: 'the absolute value changes nothing',
    rewrite: (node) =>
      node.operator === 'l1_norm' && madeBy(node.operands[0]!, NONNEGATIVE)
        ? apply('mean', node.operands[0]!)
        : undefined,
  },
  {
    name: 'mean(s) = s for a scalar s; frobenius_norm(s) = s for one never negative',
    reason: 'a sum of one element, and the root of its exact square',
    rewrite: (node) =>
      unwrap(node, ['mean'], SCALAR) ??
      unwrap(node, ['frobenius_norm'], new Set<OperatorName>(['frobenius_norm', 'l1_norm', 'hamming'])),
  },
];

/**
 * A program with the same value on every unit, no larger than the given one: every rule applied until none applies. Simplifying twice
 * changes nothing more.
 */
export function simplify(program: Program): Program {
  if (isLeaf(program)) return program;
  const node = apply(program.operator, ...program.operands.map(simplify));
  for (const { rewrite } of SIMPLIFICATIONS) {
    const simpler = rewrite(node);
    if (simpler) return simplify(simpler);
  }
  return node;
}

function madeBy(program: Program, operators: ReadonlySet<OperatorName>): program is OperatorNode {
  return !isLeaf(program) && operators.has(program.operator);
}

/** The operand of one of the outer operators, where an inner one made it. */
function unwrap(
  node: OperatorNode,
  outer: readonly OperatorName[],
  inner: ReadonlySet<OperatorName>,
): Program | undefined {
  const operand = node.operands[0]!;
  return outer.includes(node.operator) && madeBy(operand, inner) ? operand : undefined;
}

/** One of the outer operators over its operands without the inner operator, of one operand, around them. */
function stripOperands(
  node: OperatorNode,
  outer: readonly OperatorName[],
  inner: ReadonlySet<OperatorName>,
): Program | undefined {
  if (!outer.includes(node.operator) || !node.operands.some((operand) => madeBy(operand, inner))) return undefined;
  const operands = node.operands.map((operand) => (madeBy(operand, inner) ? operand.operands[0]! : operand));
  return apply(node.operator, ...operands);
}
