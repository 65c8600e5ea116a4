import type { Estimate } from '../correlation/index.ts';
import type { Ranking } from '../evaluation/ranking.ts';
import type { Column } from './table.ts';

/** The columns of a ranking: each correlation with its interval, and the networks ranked. */
export const RANKING_COLUMNS: readonly Column<Ranking>[] = [
  correlation('Kendall τ', 'kendallTau'),
  correlation('Spearman ρ', 'spearmanRho'),
  correlation('Pearson r', 'pearsonR'),
  { title: 'networks', align: 'right', text: ({ networks }) => String(networks) },
];

function correlation(title: string, name: 'kendallTau' | 'spearmanRho' | 'pearsonR'): Column<Ranking> {
  return {
    title: `${title} (95 %)`,
    text: (row) => formatEstimate(row[name]),
    fields: {
      [name]: (row) => row[name].value,
      [`${name}Low`]: (row) => row[name].low,
      [`${name}High`]: (row) => row[name].high,
    },
  };
}

/** Such as `.581 (.552 … .608)`; `–` where it is not defined. */
export function formatEstimate({ value, low, high }: Estimate): string {
  return Number.isNaN(value) ? '–' : `${decimals(value)} (${decimals(low)} … ${decimals(high)})`;
}

/** Three decimals without the leading zero, as correlations are written. */
export function decimals(value: number): string {
  return Number.isNaN(value)
    ? '–'
    : value
        .toFixed(3)
        .replace(/^(-?)0\./, '$1.')
        .replace('-', '−');
}
