/** A searched cell as a graph: nodes in topological order, edges with what they do. */
export interface Cell {
  readonly nodes: readonly string[];
  readonly edges: readonly { readonly from: number; readonly to: number; readonly operation: CellOperation }[];
}

export interface CellOperation {
  /** A few characters. */
  readonly label: string;
  /** Decides the colour. */
  readonly kind: 'convolution' | 'pool' | 'skip' | 'other';
}
