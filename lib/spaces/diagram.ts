/** An edge of a {@link CellDiagram}: its nodes by place, the first smaller, and what it does; empty where the nodes say that. */
export interface DiagramEdge {
  readonly from: number;
  readonly to: number;
  readonly label: string;
}

/** A cell to be drawn. */
export interface CellDiagram {
  /** Such as `normal`; empty where an architecture has one cell. */
  readonly name: string;
  /** What stands in the nodes, in topological order. */
  readonly nodes: readonly string[];
  readonly edges: readonly DiagramEdge[];
}
