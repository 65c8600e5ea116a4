import { EznasError } from '../errors.ts';
import { operatorOf } from './operators.ts';
import { printProgram } from './print.ts';
import { isShape, requireShape, type Shape } from './shapes.ts';
import { TENSORS, type TensorName } from './tensors.ts';
import { isLeaf, type Program } from './tree.ts';

/** Shapes of one unit's tensors: a program's validity depends on nothing else. */
export interface UnitShapes {
  /** T1 and its gradients, where their shape is not that of T2. */
  readonly activation?: Shape;
  /** T2 and its gradients, mostly T1 and its too: B × Cin × H × W. */
  readonly before: Shape;
  /** T3 and its gradients: Cout × Cin / groups × kernel height × kernel width. */
  readonly weight: Shape;
  /** T4 and its gradients: B × Cout × H' × W'. */
  readonly after: Shape;
}

/** A kind of unit that programs are checked against. */
export interface Signature extends UnitShapes {
  /** What error messages call it. */
  readonly label: string;
  /** Names of the sizes that stand for symbols (see symbolicSignature); none where the shapes are those of a real unit. */
  readonly symbols?: ReadonlyMap<number, string>;
}

/** Where and why a program's shapes do not fit. */
export interface ShapeProblem {
  /** The operator that rejects its operands. */
  readonly node: Program;
  /** Its preorder index in the program. */
  readonly index: number;
  readonly operands: readonly Shape[];
  readonly reason: string;
  readonly signature: Signature;
  /** All of this in a sentence. */
  readonly message: string;
}

/**
 * A signature from the shapes of a real unit.
 *
 * @throws EznasError INVALID_ARGUMENT for shapes that are no shapes
 */
export function unitSignature(shapes: UnitShapes, label = 'unit'): Signature {
  const { activation, before, weight, after } = shapes;
  const given = { ...(activation && { activation }), before, weight, after };
  for (const [name, shape] of Object.entries(given)) requireShape(shape, `${label}: shape '${name}'`);
  return { label, ...given };
}

/** The shape of one of the 22 tensors. */
export function tensorShape(tensor: TensorName, shapes: UnitShapes): Shape {
  const index = TENSORS.indexOf(tensor);
  if (index < TENSORS.indexOf('T2D')) return shapes.activation ?? shapes.before;
  if (index < TENSORS.indexOf('T3')) return shapes.before;
  return index < TENSORS.indexOf('T4D') ? shapes.weight : shapes.after;
}

/** The shape of every node of a program in preorder, or the first problem met. */
export function inferShapes(program: Program, signature: Signature): Shape[] | ShapeProblem {
  const shapes: Shape[] = [];
  const problem = visit(program);
  return problem ?? shapes;

  function visit(node: Program): ShapeProblem | undefined {
    const index = shapes.length;
    if (isLeaf(node)) {
      shapes.push(tensorShape(node.tensor, signature));
      return undefined;
    }
    shapes.push([]);
    const operands: Shape[] = [];
    for (const operand of node.operands) {
      const at = shapes.length;
      const problem = visit(operand);
      if (problem) return problem;
      operands.push(shapes[at]!);
    }
    const result = operatorOf(node.operator).shape(...operands);
    if (!isShape(result)) return describe(node, index, operands, result.reason, signature);
    shapes[index] = result;
    return undefined;
  }
}

/** The first problem of a program under any of the signatures; undefined when it is valid under all. */
export function checkProgram(program: Program, signatures: readonly Signature[]): ShapeProblem | undefined {
  for (const signature of signatures) {
    const result = inferShapes(program, signature);
    if (!Array.isArray(result)) return result;
  }
  return undefined;
}

/**
 * Requires a program to be valid under all signatures.
 *
 * @throws EznasError INVALID_PROGRAM, naming the node, its operands' shapes and the signature
 */
export function requireValid(program: Program, signatures: readonly Signature[]): void {
  const problem = checkProgram(program, signatures);
  if (problem) throw new EznasError('INVALID_PROGRAM', problem.message);
}

/** A shape for people: `16×64×8×8`, `B×Cin×H×H`, `scalar`. */
export function formatShape(shape: Shape, symbols?: ReadonlyMap<number, string>): string {
  return shape.length === 0 ? 'scalar' : shape.map((size) => symbols?.get(size) ?? String(size)).join('×');
}

function describe(
  node: Program,
  index: number,
  operands: readonly Shape[],
  reason: string,
  signature: Signature,
): ShapeProblem {
  const text = printProgram(node);
  const shapes = operands.map((shape) => formatShape(shape, signature.symbols)).join(' and ');
  const place = index === 0 ? 'the root' : `node ${index}`;
  const message = `${text} (${place}) does not fit ${signature.label}: ${reason}; ${operands.length === 1 ? 'the operand is' : 'the operands are'} ${shapes}`;
  return { node, index, operands, reason, signature, message };
}
