import { printProgram } from '../programs/print.ts';
import { checkProgram, formatShape, inferShapes, type Signature } from '../programs/typing.ts';
import { type Formula, type MatrixNumber, matrixNumbers, unitPrograms } from './tree.ts';

/** Why a formula is not valid on units of a signature, in a sentence; undefined where it is. */
export function formulaProblem(formula: Formula, signature: Signature): string | undefined {
  for (const program of unitPrograms(formula)) {
    const problem = checkProgram(program, [signature]);
    if (problem) return problem.message;
  }
  for (const number of matrixNumbers(formula)) {
    const problem = matrixProblem(number, signature);
    if (problem) return problem;
  }
  return undefined;
}

/** Why a valid program's value is no matrix over the samples, so that those of units of all shapes could be aggregated. */
export function matrixProblem({ operator, program }: MatrixNumber, signature: Signature): string | undefined {
  const shapes = inferShapes(program, signature);
  const shape = Array.isArray(shapes) ? shapes[0]! : [];
  const samples = signature.before[0]!;
  if (shape.length === 2 && shape.every((size) => size === samples)) return undefined;
  return (
    `${operator} over a network takes matrices over the samples, ${formatShape([samples, samples], signature.symbols)}; ` +
    `${printProgram(program)} is ${formatShape(shape, signature.symbols)} on ${signature.label}`
  );
}
