import type { NetworkGraph } from '../graph/graph.ts';
import type { Program } from '../programs/tree.ts';
import { aggregate } from './aggregators.ts';
import { ofMatrix } from './matrix-operators.ts';
import { findNetworkNumber } from './numbers.ts';
import { findScalarOperator } from './scalar-operators.ts';
import type { Term } from './tree.ts';

/** Values of unit programs on the units of one network. */
export interface UnitValues {
  /** The mean of a program's value on each unit. */
  means(program: Program): Float64Array;
  /** Of a program whose value is a matrix over the samples: each element, row by row, on every unit. */
  elements(program: Program): readonly Float64Array[];
}

/**
 * A term's value on one network, in float64. NaN where a value that it reads is NaN, or for a network without units where it reads any.
 * Infinities of units count as numbers: a maximum ignores −∞; in a matrix they make NaN.
 */
export function termValue(term: Term, graph: NetworkGraph, values: UnitValues): number {
  switch (term.kind) {
    case 'aggregate':
      return aggregate(term.aggregator, values.means(term.program));
    case 'matrix': {
      const matrix = Float64Array.from(values.elements(term.program), (units) => aggregate(term.aggregator, units));
      return ofMatrix(term.operator, matrix);
    }
    case 'number':
      return findNetworkNumber(term.name)!.of(graph);
    case 'constant':
      return term.value;
    case 'operation': {
      const [a, b = Number.NaN] = term.operands.map((operand) => termValue(operand, graph, values));
      return findScalarOperator(term.operator)!.of(a!, b);
    }
  }
}
