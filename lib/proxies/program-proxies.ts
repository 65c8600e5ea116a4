import { parseProgram } from '../programs/parse.ts';
import { TENSORS, type TensorName } from '../programs/tensors.ts';
import { tensorsRead } from '../programs/tree.ts';
import type { Passes, ProgramProxy } from './description.ts';

const EZNAS = 'EZNAS (Akhauri, Muñoz, Jain, Iyer; NeurIPS 2022; arXiv 2209.07413)';

const LABELS =
  'Leaves as the released code evaluates them, which is not always as its plots label them: an off-by-one shifts its argument table.';

/** The tensors of a mask (see tensorsRead), in the order of TENSORS. */
function tensorsOf(mask: number): TensorName[] {
  return TENSORS.filter((_, index) => (mask >> index) & 1);
}

/**
 * Image passes that record tensors, given as a mask, at a batch size: one over the batch for each of D, N and P among them; a P tensor is a difference
 * to its D tensor.
 */
export function tensorPasses(mask: number, batch: number): Passes {
  const kinds = new Set<string>();
  const differentiated = new Set<string>();
  for (const tensor of tensorsOf(mask)) {
    const kind = tensor.slice(-1);
    if (tensor === 'T3') continue;
    for (const pass of kind === 'P' ? ['D', 'P'] : [kind]) {
      kinds.add(pass);
      if (tensor.includes('G')) differentiated.add(pass);
    }
  }
  return { forward: kinds.size * batch, backward: differentiated.size * batch };
}

function program(description: Pick<ProgramProxy, 'name' | 'definition' | 'direction' | 'note'>): ProgramProxy {
  const tree = parseProgram(description.definition);
  const mask = tensorsRead(tree);
  const reads = tensorsOf(mask);
  const cost = reads.some((tensor) => tensor.includes('G')) ? 'backward' : 'forward';
  const passes = (batch: number) => tensorPasses(mask, batch);
  return { kind: 'program', ...description, paper: EZNAS, program: tree, reads, cost, passes };
}

/** The programs that were published with EZNAS. */
export const PROGRAM_PROXIES: readonly ProgramProxy[] = [
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
];
