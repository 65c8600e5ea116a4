export { type BootstrapOptions, type Estimate, type RankCorrelation, rankCorrelation } from './bootstrap.ts';
export { kendallTauB } from './kendall.ts';
export { pearsonR, ranks, spearmanRho } from './moments.ts';
