import type { NetworkGraph } from '../graph/graph.ts';
import type { TensorName } from '../programs/tensors.ts';
import type { Program } from '../programs/tree.ts';
import type { MeasureName } from './measures.ts';

/** What a proxy costs per network. */
export type CostClass =
  /** Counts on the graph; no network is run. */
  | 'structure'
  /** Forward passes only. */
  | 'forward'
  /** Forward and backward passes. */
  | 'backward'
  /** As many passes as there are images, or several of the whole batch. */
  | 'many-passes';

/** How much of a network is run: image passes, each way. An evaluation of one proxy alone makes no others. */
export interface Passes {
  readonly forward: number;
  readonly backward: number;
}

interface ProxyDescription {
  readonly name: string;
  /** The formula: program text, or what is computed. */
  readonly definition: string;
  /** The formula in LaTeX; symbols are those of the definition. A program's follows from its text. */
  readonly latex?: string;
  /** Where it was published. */
  readonly paper: string;
  /** 1 where a higher score predicts a higher accuracy, -1 where a lower one does, 0 where only the size of the correlation was published. */
  readonly direction: 1 | 0 | -1;
  readonly cost: CostClass;
  /** What a user should know: where sources disagree, what was chosen. */
  readonly note: string;
  /** Image passes through a network at a batch size. */
  passes(batch: number): Passes;
}

/** A proxy that is a program over a unit's tensors. */
export interface ProgramProxy extends ProxyDescription {
  readonly kind: 'program';
  readonly program: Program;
  /** The tensors it reads, in the order of TENSORS. */
  readonly reads: readonly TensorName[];
}

/** A proxy that is counted on the network's graph. */
export interface StructuralProxy extends ProxyDescription {
  readonly kind: 'structural';
  readonly reads: readonly [];
  readonly count: (graph: NetworkGraph) => number;
}

/** A proxy that needs more than a unit's tensors and is computed natively, on the CPU. */
export interface MeasureProxy extends ProxyDescription {
  readonly kind: 'native';
  readonly measure: MeasureName;
  /** What it reads, such as `images`, `labels` or `activations`. */
  readonly reads: readonly string[];
}

/** A proxy of other proxies' scores. */
export interface CombinedProxy extends ProxyDescription {
  readonly kind: 'combined';
  /** Names of the proxies whose scores it reads. */
  readonly reads: readonly string[];
  /** The scores of networks from those of its parts, in the order of `reads`. May compare networks: scores hold among those given. */
  readonly combine: (parts: readonly Float64Array[]) => Float64Array;
}

export type NamedProxy = ProgramProxy | StructuralProxy | MeasureProxy | CombinedProxy;
