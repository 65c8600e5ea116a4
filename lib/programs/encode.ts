import { operatorOf } from './operators.ts';
import { TENSORS } from './tensors.ts';
import { isLeaf, type Program } from './tree.ts';

/** Words below this are tensors, from here on operators (kernels/operators.h). */
export const OPERATOR_WORD = 64;

/** A population as the native side reads it: program i is `code[offsets[i]]` up to `code[offsets[i + 1]]`. */
export interface EncodedPrograms {
  readonly code: Uint32Array;
  /** One more than there are programs, starting with 0. */
  readonly offsets: Uint32Array;
}

/** Programs as postfix words: a tensor's index, or 64 + an operator's opcode after its operands. */
export function encodePrograms(programs: readonly Program[]): EncodedPrograms {
  const offsets = new Uint32Array(programs.length + 1);
  programs.forEach((program, i) => {
    offsets[i + 1] = offsets[i]! + program.size;
  });
  const code = new Uint32Array(offsets[programs.length]!);
  let next = 0;
  const write = (program: Program): void => {
    if (isLeaf(program)) {
      code[next++] = TENSORS.indexOf(program.tensor);
    } else {
      program.operands.forEach(write);
      code[next++] = OPERATOR_WORD + operatorOf(program.operator).opcode;
    }
  };
  programs.forEach(write);
  return { code, offsets };
}
