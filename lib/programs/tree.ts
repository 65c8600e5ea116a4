import { EznasError } from '../errors.ts';
import { findOperator, type OperatorName, operatorOf } from './operators.ts';
import { TENSORS, type TensorName } from './tensors.ts';

/** The highest program: edges on the longest way from the root to a leaf. Bounds recursion everywhere. */
export const MAX_HEIGHT = 200;

/** The largest program, in nodes. */
export const MAX_SIZE = 4096;

/** A leaf: one of a unit's 22 tensors. */
export interface TensorNode {
  readonly tensor: TensorName;
  readonly size: 1;
  readonly height: 0;
}

/** An operator applied to its operands. */
export interface OperatorNode {
  readonly operator: OperatorName;
  readonly operands: readonly Program[];
  /** Nodes of the tree, this one included. */
  readonly size: number;
  /** Edges on the longest way down to a leaf, as DEAP counts. */
  readonly height: number;
}

/** An expression tree, immutable; subtrees may be shared between trees. Made by {@link leaf} and {@link apply} alone. */
export type Program = TensorNode | OperatorNode;

const LEAVES: ReadonlyMap<string, TensorNode> = new Map(
  TENSORS.map((tensor) => [tensor, Object.freeze({ tensor, size: 1, height: 0 } as const)]),
);

/**
 * The leaf that reads a tensor.
 *
 * @throws EznasError INVALID_PROGRAM for an unknown name
 */
export function leaf(tensor: TensorName): TensorNode {
  const node = LEAVES.get(tensor);
  if (!node)
    throw new EznasError(
      'INVALID_PROGRAM',
      `unknown tensor ${JSON.stringify(tensor)}; known are ${TENSORS.join(', ')}`,
    );
  return node;
}

/**
 * An operator over its operands.
 *
 * @throws EznasError INVALID_PROGRAM for an unknown operator, the wrong number of operands, or a tree beyond {@link MAX_HEIGHT} or
 * {@link MAX_SIZE}
 */
export function apply(operator: OperatorName, ...operands: readonly Program[]): OperatorNode {
  const row = findOperator(operator);
  if (!row) throw new EznasError('INVALID_PROGRAM', `unknown operator ${JSON.stringify(operator)}`);
  if (operands.length !== row.arity) {
    throw new EznasError(
      'INVALID_PROGRAM',
      `${operator} takes ${row.arity} operand${row.arity === 1 ? '' : 's'}, got ${operands.length}`,
    );
  }
  const size = operands.reduce((sum, operand) => sum + operand.size, 1);
  const height = 1 + Math.max(...operands.map((operand) => operand.height));
  if (size > MAX_SIZE || height > MAX_HEIGHT) {
    throw new EznasError(
      'INVALID_PROGRAM',
      `a program of ${size} nodes and height ${height} is too large; the limits are ${MAX_SIZE} nodes and height ${MAX_HEIGHT}`,
    );
  }
  return Object.freeze({ operator, operands: Object.freeze([...operands]), size, height });
}

/** Whether a node is a leaf. */
export function isLeaf(program: Program): program is TensorNode {
  return 'tensor' in program;
}

/** A node's operands; none for a leaf. */
export function operandsOf(program: Program): readonly Program[] {
  return isLeaf(program) ? [] : program.operands;
}

/** Every subtree in preorder: the root first, then the operands' subtrees from left to right. */
export function* subtrees(program: Program): Generator<Program, void> {
  yield program;
  for (const operand of operandsOf(program)) yield* subtrees(operand);
}

/**
 * The subtree at a preorder index, 0 being the root.
 *
 * @throws EznasError INVALID_ARGUMENT for an index outside [0, size)
 */
export function subtreeAt(program: Program, index: number): Program {
  requireIndex(program, index);
  let node = program;
  let rest = index;
  while (rest > 0) {
    rest -= 1;
    for (const operand of operandsOf(node)) {
      if (rest < operand.size) {
        node = operand;
        break;
      }
      rest -= operand.size;
    }
  }
  return node;
}

/**
 * The program with the subtree at a preorder index exchanged; what is not on the way to it is shared with the original.
 *
 * @throws EznasError INVALID_ARGUMENT for an index outside [0, size); INVALID_PROGRAM when the result is too large
 */
export function replaceSubtree(program: Program, index: number, replacement: Program): Program {
  requireIndex(program, index);
  if (index === 0 || isLeaf(program)) return replacement;
  let rest = index - 1;
  const operands = program.operands.map((operand) => {
    const inside = rest >= 0 && rest < operand.size;
    const result = inside ? replaceSubtree(operand, rest, replacement) : operand;
    rest -= operand.size;
    return result;
  });
  return apply(program.operator, ...operands);
}

/** Whether two programs are the same tree, operands in the same order. */
export function equalPrograms(a: Program, b: Program): boolean {
  if (a === b) return true;
  if (isLeaf(a) || isLeaf(b)) return false;
  if (a.operator !== b.operator || a.size !== b.size || a.height !== b.height) return false;
  return a.operands.every((operand, i) => equalPrograms(operand, b.operands[i]!));
}

/** Text with the operands of commutative operators in order: equal for programs that differ in that order alone. */
export function canonicalText(program: Program): string {
  if (isLeaf(program)) return program.tensor;
  const operands = program.operands.map(canonicalText);
  if (operatorOf(program.operator).commutative) operands.sort();
  return `${program.operator}(${operands.join(', ')})`;
}

/** The tensors that a program reads, as a bit mask: bit i stands for tensor i of TENSORS. */
export function tensorsRead(program: Program): number {
  if (isLeaf(program)) return 1 << TENSORS.indexOf(program.tensor);
  return program.operands.reduce((mask, operand) => mask | tensorsRead(operand), 0);
}

function requireIndex(program: Program, index: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= program.size) {
    throw new EznasError('INVALID_ARGUMENT', `subtree index ${index} is outside 0 to ${program.size - 1}`);
  }
}
