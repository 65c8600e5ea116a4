import { operatorOf } from './operators.ts';
import { TENSORS } from './tensors.ts';
import { isLeaf, type Program } from './tree.ts';

/** Words below this are tensors, from here on operators (kernels/operators.h). */
export const OPERATOR_WORD = 64;

/** From this word on: an element of the matrix below it, row by row (native/core/population.h). */
const ELEMENT_WORD = 2 ** 31;

/** One element of a program's value, which must be a matrix, counted row by row. */
export interface ProgramElement {
  readonly program: Program;
  readonly element: number;
}

/** What is evaluated on units: the mean of a program's value, or one element of it. */
export type Evaluated = Program | ProgramElement;

/** A population as the native side reads it: program i is `code[offsets[i]]` up to `code[offsets[i + 1]]`. */
export interface EncodedPrograms {
  readonly code: Uint32Array;
  /** One more than there are programs, starting with 0. */
  readonly offsets: Uint32Array;
}

/** Programs as postfix words: a tensor's index, or 64 + an operator's opcode after its operands; an element after its matrix. */
export function encodePrograms(evaluated: readonly Evaluated[]): EncodedPrograms {
  const offsets = new Uint32Array(evaluated.length + 1);
  evaluated.forEach((one, i) => {
    offsets[i + 1] = offsets[i]! + ('element' in one ? one.program.size + 1 : one.size);
  });
  const code = new Uint32Array(offsets[evaluated.length]!);
  let next = 0;
  const write = (program: Program): void => {
    if (isLeaf(program)) {
      code[next++] = TENSORS.indexOf(program.tensor);
    } else {
      program.operands.forEach(write);
      code[next++] = OPERATOR_WORD + operatorOf(program.operator).opcode;
    }
  };
  for (const one of evaluated) {
    if ('element' in one) {
      write(one.program);
      code[next++] = ELEMENT_WORD + one.element;
    } else write(one);
  }
  return { code, offsets };
}
