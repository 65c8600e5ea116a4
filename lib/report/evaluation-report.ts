import type { EvaluationResult, ProxyEvaluation } from '../evaluation/evaluate.ts';
import type { Protocol } from '../evaluation/protocol.ts';
import { parseFormula } from '../formulas/parse.ts';
import { aggregateOf } from '../formulas/tree.ts';
import { PROXIES } from '../proxies/catalogue.ts';
import { formulaOf } from './programs.ts';
import type { CorrelationRow, Measure, Report, Section } from './report.ts';

/** Titles of the figures of merit; others appear under their own names. */
const MEASURES: Readonly<Record<string, string>> = {
  kendallTau: 'Kendall τ-b',
  spearmanRho: 'Spearman ρ',
  pearsonR: 'Pearson r',
  weightedTau: 'Weighted τ',
  top10: 'Overlap of best 10 %',
  top1: 'Overlap of best 1 %',
  bestAccuracy: 'Accuracy at highest score, %',
};

/** The report on an evaluation. Networks are drawn where the result keeps its scores, stages where it keeps theirs. */
export function evaluationReport({ protocol, results, networks, stages }: EvaluationResult): Report {
  const accuracy = accuracyTitle(protocol);
  const ofFirst = (protocol.seeds ?? []).length > 1 ? `, with seed ${protocol.seeds[0]}` : '';
  const sections: Section[] = [
    {
      title: 'Correlation with accuracy',
      note: 'How well each proxy ranks the networks: bars with 95 % bootstrap intervals.',
      panel: correlations(results),
    },
  ];
  if (networks !== undefined) {
    sections.push({
      title: 'Score against accuracy',
      note: `One dot for each network${ofFirst}. Point at one to see its architecture; it is ringed in every plot.`,
      panel: { kind: 'scatter', accuracy },
    });
  }
  if (stages !== undefined && stages.length > 0) {
    sections.push({
      title: 'Stage by stage',
      note: `Rank correlation of the mean over the units of one stage alone${ofFirst}, beside that over all units. Only programs have values for each unit.`,
      panel: {
        kind: 'stages',
        stages: stages[0]!.stages.map(({ name }) => name),
        rows: stages.map(({ name, stages }) => ({
          name,
          all: toMeasure(results.find((row) => row.name === name)?.kendallTau),
          stages: stages.map(({ kendallTau, networks }) => ({ measure: toMeasure(kendallTau), networks })),
        })),
      },
    });
  }
  if (networks !== undefined) sections.push({ title: 'Networks', panel: { kind: 'networks' } });
  return {
    title: `Proxies on ${protocol.benchmark ?? protocol.space}, ${protocol.dataset}`,
    lead: leadOf(results, protocol),
    facts: protocolFacts(protocol),
    ...(networks && {
      networks: {
        space: protocol.space,
        indices: networks.indices,
        architectures: networks.architectures,
        accuracies: networks.accuracies,
        scores: networks.scores,
      },
    }),
    sections,
  };
}

/** Rows of correlations, whatever measures they carry: every field that is an estimate is one. */
export function correlations(
  rows: readonly (Pick<ProxyEvaluation, 'name' | 'networks'> & object)[],
): Extract<Section['panel'], { kind: 'correlations' }> {
  const measures: Record<string, string> = {};
  const table = rows.map((row): CorrelationRow => {
    const own: Record<string, Measure> = {};
    const figures: Record<string, number | null> = { networks: row.networks };
    for (const [key, value] of Object.entries(row)) {
      if (isEstimate(value)) {
        own[key] = toMeasure(value);
        measures[key] ??= MEASURES[key] ?? key;
      }
    }
    if (isSpread(row)) figures['τ between seeds ±'] = finite(row.kendallTau.spread);
    if ('secondsPerNetwork' in row) figures['s/network'] = finite(row.secondsPerNetwork);
    if ('cost' in row) {
      const { forwardImages, backwardImages } = row.cost as ProxyEvaluation['cost'];
      figures['images forward'] = forwardImages;
      figures['backward'] = backwardImages;
    }
    const latex = latexOf(row.name);
    return { name: row.name, ...(latex && { latex }), measures: own, figures };
  });
  return { kind: 'correlations', measures, rows: table };
}

/** How a result was made, for the head of a page. */
export function protocolFacts(protocol: Protocol): Report['facts'] {
  const { networks, batch, seed, seeds = [seed], images, labels } = protocol;
  const facts = [
    { label: 'Benchmark', value: `${protocol.benchmark ?? protocol.space}, ${protocol.dataset}` },
    { label: 'Networks', value: `${networks.count.toLocaleString('en')} (${networks.chosen})` },
    { label: 'Accuracy', value: accuracyTitle(protocol) },
    { label: 'Minibatch', value: `${batch} of ${images}` },
    { label: seeds.length > 1 ? 'Seeds' : 'Seed', value: seeds.length > 1 ? seeds.join(', ') : String(seed) },
    { label: 'Initialization', value: protocol.initialization },
    ...(labels ? [{ label: 'Labels', value: labels === 'images' ? "the images' own" : 'random' }] : []),
    { label: 'Device', value: machineOf(protocol) },
    { label: 'eznas', value: protocol.version },
  ];
  return facts;
}

function machineOf({ device, gpus, precision, measures, simd, threads }: Protocol): string {
  if (simd === null) return 'no network was run';
  const names = gpus.length > 0 ? `: ${gpus.join(' and ')}, ${precision}` : '';
  const beside = device !== 'cpu' && measures ? `, native measures on the ${measures.toUpperCase()}` : '';
  return `${device}${names}, ${simd}, ${threads} threads${beside}`;
}

function accuracyTitle({ accuracy }: Protocol): string {
  return accuracy ? `${accuracy.split} accuracy after ${accuracy.epochs} epochs, %` : 'none';
}

function leadOf(results: readonly ProxyEvaluation[], { networks }: Protocol): string {
  const ranked = results.filter(({ kendallTau }) => Number.isFinite(kendallTau.value));
  const best = ranked.toSorted((a, b) => b.kendallTau.value - a.kendallTau.value)[0];
  if (best === undefined) return 'No proxy has a correlation that is defined on these networks.';
  const { value, low, high } = best.kendallTau;
  return `${best.name} ranks these ${networks.count.toLocaleString('en')} networks best: Kendall τ-b ${value.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)}).`;
}

function latexOf(name: string): string | undefined {
  const proxy = PROXIES.find((proxy) => proxy.name === name);
  if (proxy) return proxy.kind === 'program' ? formulaOf(aggregateOf('unit_mean', proxy.program)) : proxy.latex;
  try {
    return formulaOf(parseFormula(name));
  } catch {
    // A name that is neither a proxy of this version nor a formula.
    return undefined;
  }
}

/** Whether a row tells how much its τ changes between seeds. */
function isSpread(row: object): row is Pick<ProxyEvaluation, 'kendallTau'> {
  const { kendallTau } = row as Partial<ProxyEvaluation>;
  return finite(kendallTau?.spread) !== null;
}

interface EstimateLike {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

function isEstimate(value: unknown): value is EstimateLike {
  return typeof value === 'object' && value !== null && 'value' in value && 'low' in value && 'high' in value;
}

function toMeasure(estimate: EstimateLike | undefined): Measure {
  return { value: finite(estimate?.value), low: finite(estimate?.low), high: finite(estimate?.high) };
}

function finite(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
