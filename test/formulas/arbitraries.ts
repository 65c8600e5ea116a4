import fc from 'fast-check';
import { AGGREGATORS } from '../../lib/formulas/aggregators.ts';
import { MATRIX_OPERATORS } from '../../lib/formulas/matrix-operators.ts';
import { NETWORK_NUMBERS } from '../../lib/formulas/numbers.ts';
import { SCALAR_OPERATORS } from '../../lib/formulas/scalar-operators.ts';
import {
  aggregateOf,
  COMBINERS,
  constant,
  type Formula,
  forest,
  matrixNumberOf,
  numberOf,
  operation,
  type Term,
} from '../../lib/formulas/tree.ts';
import { anyProgram } from '../programs/arbitraries.ts';

const anyAggregate = fc
  .tuple(fc.constantFrom(...AGGREGATORS), anyProgram)
  .map(([aggregator, program]): Term => aggregateOf(aggregator.name, program));

const anyLeaf: fc.Arbitrary<Term> = fc.oneof(
  anyAggregate,
  fc
    .tuple(fc.constantFrom(...MATRIX_OPERATORS), fc.constantFrom(...AGGREGATORS), anyProgram)
    .map(([operator, aggregator, program]): Term => matrixNumberOf(operator.name, aggregator.name, program)),
  fc.constantFrom(...NETWORK_NUMBERS).map(({ name }) => numberOf(name)),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => constant(value === 0 ? 0 : value)),
);

/** Any term of a few nodes. */
export const anyTerm: fc.Arbitrary<Term> = fc.letrec<{ term: Term }>((tie) => ({
  term: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'term' },
    anyLeaf,
    fc
      .tuple(fc.constantFrom(...SCALAR_OPERATORS), tie('term'), tie('term'))
      .map(([{ name, arity }, a, b]) => operation(name, ...(arity === 1 ? [a] : [a, b]))),
  ),
})).term;

/** Any formula: a term or a forest. */
export const anyFormula: fc.Arbitrary<Formula> = fc.oneof(
  anyTerm,
  fc
    .tuple(fc.constantFrom(...COMBINERS), fc.array(anyTerm, { minLength: 1, maxLength: 4 }))
    .map(([combiner, terms]) => forest(combiner, terms)),
);
