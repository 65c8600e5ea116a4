import { isLeaf, type Program } from './tree.ts';

/** A program's text, `operator(operand, …)`; parsing it gives an equal program. */
export function printProgram(program: Program): string {
  if (isLeaf(program)) return program.tensor;
  return `${program.operator}(${program.operands.map(printProgram).join(', ')})`;
}
