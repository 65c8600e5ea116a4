export { AGREEMENTS, type Agreement, type AgreementName, agreement, type SeriesEstimate } from './agreement.ts';
export { type BootstrapOptions, type Estimate, type RankCorrelation, rankCorrelation } from './bootstrap.ts';
export { kendallTauB } from './kendall.ts';
export { pearsonR, ranks, spearmanRho } from './moments.ts';
export { weightedTau } from './weighted-tau.ts';
