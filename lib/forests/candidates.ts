import { AGGREGATORS, aggregate } from '../formulas/aggregators.ts';
import { combineTerms } from '../formulas/combine.ts';
import { NETWORK_NUMBERS } from '../formulas/numbers.ts';
import { aggregateOf, numberOf, operation, type Term } from '../formulas/tree.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import type { Program } from '../programs/tree.ts';

/** A term that a forest may take. */
export interface Candidate {
  readonly term: Term;
  /** The unit program in it; undefined for a number of the network. */
  readonly program: Program | undefined;
  /** Nodes of that program, or 1. */
  readonly size: number;
  /** Its ranks as shares on the networks of each task: what it adds to the scores of a forest. */
  readonly parts: readonly Float64Array[];
}

/** Values of one program on the units of the networks of a task: by network. */
export type ProgramValues = readonly Float64Array[];

/**
 * Every term that a program gives: each aggregator, and the negative of each. Terms that rank the networks of all tasks as an earlier one does are
 * left out, so are those without a value on some network, and those that rank nothing.
 *
 * @param values by task and network
 * @param seen what earlier terms rank like; those found are added
 */
export function candidatesOf(
  program: Program,
  values: readonly ProgramValues[],
  seen: Set<string> = new Set(),
): Candidate[] {
  return AGGREGATORS.flatMap(({ name }) => {
    const rows = values.map((networks) => Float64Array.from(networks, (units) => aggregate(name, units)));
    return bothWays(aggregateOf(name, program), program, rows, seen);
  });
}

/** Terms of the networks' own numbers, and their negatives. */
export function numberCandidates(tasks: readonly (readonly NetworkGraph[])[]): Candidate[] {
  const seen = new Set<string>();
  return NETWORK_NUMBERS.flatMap(({ name, of }) => {
    const rows = tasks.map((graphs) => Float64Array.from(graphs, of));
    return bothWays(numberOf(name), undefined, rows, seen);
  });
}

function bothWays(
  term: Term,
  program: Program | undefined,
  rows: readonly Float64Array[],
  seen: Set<string>,
): Candidate[] {
  if (rows.some((row) => row.some(Number.isNaN))) return [];
  if (rows.some((row) => row.every((value) => value === row[0]))) return [];
  return [1, -1].flatMap((sign): Candidate[] => {
    const parts = rows.map((row) => combineTerms('share_sum', [sign === 1 ? row : row.map((value) => -value)]));
    const behaviour = parts.map((part) => part.join()).join(';');
    if (seen.has(behaviour)) return [];
    seen.add(behaviour);
    return [{ term: sign === 1 ? term : operation('neg', term), program, size: program?.size ?? 1, parts }];
  });
}
