import { flops, params } from '../graph/counts.ts';
import type { StructuralProxy } from './description.ts';

const NONE = { forward: 0, backward: 0 };

/** Proxies that are counted on a network's graph. */
export const STRUCTURAL_PROXIES: readonly StructuralProxy[] = [
  {
    kind: 'structural',
    name: 'params',
    latex: String.raw`\sum_{\ell} \left\lvert w_{\ell} \right\rvert`,
    definition: 'number of trainable parameters',
    paper: 'baseline',
    reads: [],
    direction: 1,
    cost: 'structure',
    note: 'The baseline that any proxy must beat.',
    passes: () => NONE,
    count: params,
  },
  {
    kind: 'structural',
    name: 'flops',
    latex: String.raw`\sum_{\ell} \left\lvert w_{\ell} \right\rvert H_{\ell} W_{\ell}`,
    definition: 'multiply-adds of one forward pass on one image',
    paper: 'baseline',
    reads: [],
    direction: 1,
    cost: 'structure',
    note: 'The baseline that any proxy must beat; multiply-adds, as NAS-Bench-201 publishes them.',
    passes: () => NONE,
    count: flops,
  },
];
