import fc from 'fast-check';
import { OPERATORS } from '../../lib/programs/operators.ts';
import { TENSORS } from '../../lib/programs/tensors.ts';
import { apply, leaf, type Program } from '../../lib/programs/tree.ts';

/** Any small tree, whether its shapes fit or not. */
export const anyProgram: fc.Arbitrary<Program> = fc.letrec<{ program: Program }>((tie) => {
  const unary = OPERATORS.filter((row) => row.arity === 1).map((row) => row.name);
  const binary = OPERATORS.filter((row) => row.arity === 2).map((row) => row.name);
  return {
    program: fc.oneof(
      { maxDepth: 5, depthIdentifier: 'program' },
      fc.constantFrom(...TENSORS).map(leaf),
      fc.tuple(fc.constantFrom(...unary), tie('program')).map(([name, x]) => apply(name, x)),
      fc.tuple(fc.constantFrom(...binary), tie('program'), tie('program')).map(([name, a, b]) => apply(name, a, b)),
    ),
  };
}).program;
