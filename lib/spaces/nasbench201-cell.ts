/** The operations of an edge, in the order of the paper. */
export const OPERATIONS = ['none', 'skip_connect', 'nor_conv_1x1', 'nor_conv_3x3', 'avg_pool_3x3'] as const;

/** What an edge of the cell does to its source node. */
export type Operation = (typeof OPERATIONS)[number];

/** The cell's edges as [target, source], nodes 0 (the cell's input) to 3 (its output), in the order in which an architecture lists them. */
export const EDGES = [
  [1, 0],
  [2, 0],
  [2, 1],
  [3, 0],
  [3, 1],
  [3, 2],
] as const satisfies readonly (readonly [target: number, source: number])[];

/** A NAS-Bench-201 architecture: the operation of each of {@link EDGES}. */
export type Nasbench201Architecture = readonly [Operation, Operation, Operation, Operation, Operation, Operation];

/**
 * The cell's output as a formula of its input `0`, after NAS-Bench-201's rule for isomorphic cells (Dong & Yang, ICLR 2020, section 2.2):
 * a node is the sum of its edges in sorted order, `skip_connect` hands on its source's formula, and `none` or anything applied to a lone
 * zero is `#`. Equal formulas mean equal functions. The converse fails for some cells, since sums are neither flattened nor rid of their
 * zeros; that is the published rule, which tells 6,466 cells apart.
 */
export function cellFormula(operations: Nasbench201Architecture): string {
  const formulas = ['0'];
  for (let target = 1; target <= 3; target++) {
    const terms: string[] = [];
    for (const [edge, [to, from]] of EDGES.entries()) {
      if (to !== target) continue;
      const operation = operations[edge]!;
      const source = formulas[from]!;
      if (operation === 'none' || source === '#') terms.push('#');
      else if (operation === 'skip_connect') terms.push(source);
      else terms.push(`(${source})@${operation}`);
    }
    formulas.push(terms.sort().join('+'));
  }
  return formulas[3]!;
}
