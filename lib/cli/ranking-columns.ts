import type { Estimate } from '../correlation/index.ts';
import type { ProxyEvaluation } from '../evaluation/evaluate.ts';
import type { Ranking } from '../evaluation/ranking.ts';
import type { Column } from './table.ts';

/** The columns of a ranking: each correlation with its interval, and the networks ranked. */
export const RANKING_COLUMNS: readonly Column<Ranking>[] = [
  correlation('Kendall τ', 'kendallTau'),
  correlation('Spearman ρ', 'spearmanRho'),
  correlation('Pearson r', 'pearsonR'),
  { title: 'networks', align: 'right', text: ({ networks }) => String(networks) },
];

/** The columns of an evaluation: those of a ranking, and how well the best networks are found. */
export const EVALUATION_COLUMNS: readonly Column<ProxyEvaluation>[] = [
  correlation('Kendall τ', 'kendallTau'),
  {
    title: 'seeds ±',
    text: ({ kendallTau: { spread } }) => decimals(spread),
    fields: { kendallTauSpread: ({ kendallTau: { spread } }) => spread },
  },
  correlation('Spearman ρ', 'spearmanRho'),
  correlation('Pearson r', 'pearsonR'),
  correlation('weighted τ', 'weightedTau'),
  correlation('top 10 %', 'top10'),
  correlation('top 1 %', 'top1'),
  correlation('best network', 'bestAccuracy', (value) => value.toFixed(2)),
  { title: 'networks', align: 'right', text: ({ networks }) => String(networks) },
];

function correlation<Name extends string>(
  title: string,
  name: Name,
  format = decimals,
): Column<Readonly<Record<Name, Estimate>>> {
  return {
    title: `${title} (95 %)`,
    text: (row) => formatEstimate(row[name], format),
    fields: {
      [name]: (row) => row[name].value,
      [`${name}Low`]: (row) => row[name].low,
      [`${name}High`]: (row) => row[name].high,
    },
  };
}

/** Such as `.581 (.552 … .608)`; `–` where it is not defined. */
export function formatEstimate({ value, low, high }: Estimate, format = decimals): string {
  return Number.isNaN(value) ? '–' : `${format(value)} (${format(low)} … ${format(high)})`;
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
