import { combineTerms } from '../formulas/combine.ts';
import type { CombinedProxy } from './description.ts';
import { AZ_NAS, MEASURE_PROXIES } from './measure-proxies.ts';

const swap = MEASURE_PROXIES.find(({ name }) => name === 'swap')!;

/** Proxies of other proxies' scores. */
export const COMBINED_PROXIES: readonly CombinedProxy[] = [
  {
    kind: 'combined',
    name: 'swap-reg',
    latex: String.raw`\mathrm{swap} \cdot \exp\left(-\frac{(P - \mu)^{2}}{\sigma}\right)`,
    definition: 'swap · exp(−(params − μ)² / σ), μ = the most parameters among the networks scored, σ = μ²',
    paper: swap.paper,
    reads: ['swap', 'params'],
    direction: 1,
    cost: 'forward',
    note:
      'The paper sets μ and σ by hand for a search space and a wished size. Here they follow from the networks that are scored together, ' +
      'so that nothing need be set; scores of different runs are not comparable.',
    passes: swap.passes,
    combine: ([patterns, params]) => {
      const most = params!.reduce((max, count) => Math.max(max, count), 0);
      return patterns!.map((score, at) => score * Math.exp(-((params![at]! / most - 1) ** 2)));
    },
  },
  {
    kind: 'combined',
    name: 'az-nas',
    latex: String.raw`\sum_{q} \ln\left(\frac{r_{q}}{N}\right)`,
    definition:
      'Σ over its four parts (expressivity, progressivity, trainability, FLOPs) of ln(rank / networks), the best rank being the number of networks',
    paper: AZ_NAS,
    reads: ['az-expressivity', 'az-progressivity', 'az-trainability', 'flops'],
    direction: 1,
    cost: 'backward',
    note: 'Ranks hold among the networks that are scored together; a network on which a part is not defined has the lowest rank there.',
    passes: (batch) => ({ forward: batch, backward: batch }),
    combine: (parts) =>
      combineTerms(
        'rank_sum',
        parts.map((row) => row.map((value) => (Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value))),
      ),
  },
];
