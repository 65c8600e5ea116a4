import { EznasError } from '../errors.ts';
import { flops, params } from '../graph/counts.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import { didYouMean } from '../nearest.ts';
import { parseProgram } from '../programs/parse.ts';
import { TENSORS, type TensorName } from '../programs/tensors.ts';
import { type Program, tensorsRead } from '../programs/tree.ts';

/** What a proxy costs per network. */
export type CostClass =
  /** Counts on the graph; no network is run. */
  | 'structure'
  /** Forward passes only. */
  | 'forward'
  /** Forward and backward passes. */
  | 'backward';

interface ProxyDescription {
  readonly name: string;
  /** The formula: program text, or what is counted. */
  readonly definition: string;
  /** Where it was published. */
  readonly paper: string;
  /** 1 where a higher score predicts a higher accuracy, -1 where a lower one does, 0 where only the size of the correlation was published. */
  readonly direction: 1 | 0 | -1;
  readonly cost: CostClass;
  /** What a user should know. */
  readonly note: string;
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

export type NamedProxy = ProgramProxy | StructuralProxy;

const EZNAS = 'EZNAS (Akhauri, Muñoz, Jain, Iyer; NeurIPS 2022; arXiv 2209.07413)';

const LABELS =
  'Leaves as the released code evaluates them, which is not always as its plots label them: an off-by-one shifts its argument table.';

function program(description: Omit<ProxyDescription, 'paper' | 'cost'>): ProgramProxy {
  const tree = parseProgram(description.definition);
  const mask = tensorsRead(tree);
  const reads = TENSORS.filter((_, index) => (mask >> index) & 1);
  const cost = reads.some((tensor) => tensor.includes('G')) ? 'backward' : 'forward';
  return { kind: 'program', ...description, paper: EZNAS, program: tree, reads, cost };
}

/** Every named proxy. */
export const PROXIES: readonly NamedProxy[] = [
  program({
    name: 'eznas-a',
    definition: 'frobenius_norm(sigmoid(logdet(sign(T1GD))))',
    direction: 1,
    note:
      "The paper's best proxy as its published numbers were produced. The text labels the leaf T3GN, but the released evaluator, through an " +
      'off-by-one in its argument table, feeds it T1GD. A slice with determinant d counts d/(1+d) if d > 0, 0 if d = 0, and 1/2 if d < 0.',
  }),
  program({
    name: 'eznas-a-t3gn',
    definition: 'frobenius_norm(sigmoid(logdet(sign(T3GN))))',
    direction: 1,
    note: "The paper's best proxy with the leaf that its text names. It ranks far worse than eznas-a, whose leaf is T1GD.",
  }),
  program({
    name: 'eznas-topprog',
    definition: 'square(abs(frobenius_norm(T2N)))',
    direction: 0,
    note: `Released under the name topprog. ${LABELS}`,
  }),
  program({
    name: 'eznas-enas',
    definition: 'reciprocal(add(frobenius_norm(T4P), exp(frobenius_norm(log(sigmoid(log(sigmoid(T4P))))))))',
    direction: 0,
    note: `The program released for NDS-ENAS. Its exponential overflows on a unit of more than a few thousand activations, which then scores 0. ${LABELS}`,
  }),
  program({
    name: 'eznas-pnas',
    definition: 'kl_div(normalize(normalize(normalize(T4GP))), gt0(T4GD))',
    direction: 0,
    note: `The program released for NDS-PNAS. ${LABELS}`,
  }),
  program({
    name: 'eznas-nasnet',
    definition: 'frobenius_norm(lt0(log(add(log(T4P), T1N))))',
    direction: 0,
    note: `The program released for NDS-NASNet. It adds T4P to T1N, so it is invalid on every network that has a unit which changes channels or resolution, as all of NAS-Bench-201 do. ${LABELS}`,
  }),
  {
    kind: 'structural',
    name: 'params',
    definition: 'number of trainable parameters',
    paper: 'baseline',
    reads: [],
    direction: 1,
    cost: 'structure',
    note: 'The baseline that any proxy must beat.',
    count: params,
  },
  {
    kind: 'structural',
    name: 'flops',
    definition: 'multiply-adds of one forward pass on one image',
    paper: 'baseline',
    reads: [],
    direction: 1,
    cost: 'structure',
    note: 'The baseline that any proxy must beat; multiply-adds, as NAS-Bench-201 publishes them.',
    count: flops,
  },
];

/**
 * The proxy of that name.
 *
 * @throws EznasError INVALID_ARGUMENT, suggesting the nearest name and listing all
 */
export function resolveProxy(name: string): NamedProxy {
  const proxy = PROXIES.find((candidate) => candidate.name === name);
  if (proxy) return proxy;
  const names = PROXIES.map((candidate) => candidate.name);
  throw new EznasError(
    'INVALID_ARGUMENT',
    `unknown proxy '${name}'${didYouMean(name, names)} (known: ${names.join(', ')})`,
  );
}
