import { meanCurve, type SearchSummary, type Spread } from '../search/comparison.ts';
import type { ArchitectureSearchResult, FoundNetwork, SearchedNetworks } from '../search/result.ts';
import type { CurvePoint } from '../search/truth.ts';
import type { CellDiagram } from '../spaces/diagram.ts';
import { findSpace, SPACE_NAMES } from '../spaces/registry.ts';
import { protocolFacts } from './evaluation-report.ts';
import type {
  CoursePoint,
  CoursesPanel,
  FoundPanel,
  MeanValue,
  NetworkTable,
  ObjectivesPanel,
  Report,
  SearchesPanel,
  Section,
} from './report.ts';

/** Networks drawn at most. */
const DRAWN = 12;

/** Metric that is the accuracy itself. */
const ORACLE = 'oracle';

/** The report on a search for architectures. Networks are listed and plotted where the result keeps them. */
export function searchReport(result: ArchitectureSearchResult): Report {
  const { search, best, trained, comparison, networks, optimum } = result;
  const sections: Section[] = [
    {
      title: search.objectives.length > 1 ? 'Networks that none dominates' : 'The best networks',
      note:
        search.objectives.length > 1
          ? `${best.length} networks, each better by some objective than every other${best.length > DRAWN ? `; the first ${DRAWN} by ${search.objectives[0]!.name} are drawn` : ''}.`
          : `By ${search.objectives[0]!.name}, the best first.`,
      panel: foundPanel(result),
    },
  ];
  const courses = coursesPanel(result);
  if (courses.searches.length > 0) {
    sections.push({
      title: 'True accuracy in the course of the search',
      note: `What each search would give if it ended there${courses.searches[0]!.repeats > 1 ? ': the mean over repeats, and one standard deviation around it' : ''}. The dashed line is the most accurate network there is.`,
      panel: courses,
    });
  }
  if (comparison.length > 0) {
    sections.push({
      title: 'Searches at their end',
      note: 'Regret is what the network found falls short of the most accurate one. A dot for each repeat.',
      panel: searchesPanel(comparison, optimum?.accuracy ?? null),
    });
  }
  if (trained) {
    sections.push({
      title: 'Training the best',
      note: `The ${trained.networks.length} best by score, trained for ${trained.epochs} epochs each as the benchmark's table tells, ${trained.totalEpochs} in all. The most accurate of them has ${trained.best.accuracy.toFixed(2)} % after full training.`,
      panel: {
        kind: 'table',
        caption: `Accuracy after ${trained.epochs} epochs`,
        columns: ['place by score', 'architecture', `accuracy after ${trained.epochs} epochs, %`],
        rows: trained.networks.map(({ architecture, accuracy }, place) => [place + 1, architecture, accuracy]),
      },
    });
  }
  const table = networks && networkTable(result, networks);
  if (networks && search.objectives.length > 1) {
    sections.push({
      title: 'Objectives',
      note: 'One dot for each network scored; those that none dominates stand out. Point at one to see its architecture.',
      panel: objectivesPanel(result, networks),
    });
  }
  if (table?.accuracies.some((accuracy) => accuracy !== null) && Object.keys(table.scores).length > 0) {
    sections.push({
      title: 'Score against accuracy',
      note: 'One dot for each network scored. Point at one to see its architecture; it is ringed in every plot.',
      panel: { kind: 'scatter', accuracy: 'True accuracy, %' },
    });
  }
  if (table) sections.push({ title: 'Networks scored', panel: { kind: 'networks' } });
  return {
    title: `Architecture search on ${result.protocol.space}, ${result.protocol.dataset}`,
    lead: leadOf(result),
    facts: [...protocolFacts(result.protocol), ...searchFacts(result)],
    ...(table && { networks: table }),
    sections,
  };
}

function foundPanel({ best, search, protocol }: ArchitectureSearchResult): FoundPanel {
  const [first] = search.objectives;
  const [only] = first!.terms;
  // Of a front, the best by the first objective come first, as those of one objective do.
  const shown =
    search.objectives.length > 1 && first!.terms.length === 1
      ? best.toSorted((a, b) => Math.sign(only!.weight) * (value(b, only!.metric) - value(a, only!.metric)))
      : best;
  return {
    kind: 'found',
    networks: shown.slice(0, DRAWN).map(({ architecture, values, params, flops, accuracy, found, index }) => ({
      architecture,
      cells: cellsOf(protocol.space, architecture),
      figures: {
        ...(accuracy !== null && { 'accuracy, %': accuracy }),
        ...Object.fromEntries(
          Object.entries(values)
            .filter(([metric]) => ![ORACLE, 'params', 'flops'].includes(metric))
            .map(([metric, score]) => [metric, finite(score)]),
        ),
        parameters: params,
        'multiply-adds': flops,
        'found as number': found,
        ...(index !== null && { network: index }),
      },
    })),
  };
}

const value = ({ values }: FoundNetwork, metric: string): number => finite(values[metric]) ?? Number.NEGATIVE_INFINITY;

/** None for a space of the user's own. */
function cellsOf(name: string, architecture: string): readonly CellDiagram[] {
  if (!SPACE_NAMES.includes(name)) return [];
  const space = findSpace(name);
  return space.cells?.(space.parse(architecture)) ?? [];
}

function coursesPanel({ comparison, curve, search, optimum }: ArchitectureSearchResult): CoursesPanel {
  const searches =
    comparison.length > 0
      ? comparison
      : curve.length > 0
        ? [{ name: `${search.algorithm}:${search.objectives[0]!.name}`, curves: [curve] }]
        : [];
  return {
    kind: 'courses',
    optimum: optimum?.accuracy ?? null,
    searches: searches.flatMap(({ name, curves }) => {
      // JSON has null for an accuracy that is not known.
      const known = curves.map((points) =>
        points.map((point): CurvePoint => ({ ...point, accuracy: finite(point.accuracy) ?? Number.NaN })),
      );
      const both = (of: 'accuracy' | 'highest') => ({
        scored: course(known, 'scored', of),
        seconds: course(known, 'seconds', of),
      });
      const accuracy = both('accuracy');
      // A benchmark may know none of the networks.
      return accuracy.scored.length === 0 ? [] : [{ name, repeats: curves.length, accuracy, highest: both('highest') }];
    }),
  };
}

function course(curves: readonly CurvePoint[][], by: 'scored' | 'seconds', of: 'accuracy' | 'highest'): CoursePoint[] {
  return meanCurve(curves, by, of).map(({ at, mean, deviation }) => ({
    at: round(at),
    mean: round(mean),
    low: round(mean - deviation),
    high: round(mean + deviation),
  }));
}

function searchesPanel(comparison: readonly SearchSummary[], optimum: number | null): SearchesPanel {
  const toMean = ({ mean, deviation }: Spread): MeanValue => ({ mean: finite(mean), deviation: finite(deviation) });
  return {
    kind: 'searches',
    optimum,
    rows: comparison.map(({ name, algorithm, objective, accuracies, accuracy, regret, highest, seconds }) => ({
      name,
      algorithm,
      objective,
      accuracies: accuracies.map(finite),
      accuracy: toMean(accuracy),
      regret: toMean(regret),
      highest: toMean(highest),
      seconds: toMean(seconds),
    })),
  };
}

function objectivesPanel({ search, best }: ArchitectureSearchResult, networks: SearchedNetworks): ObjectivesPanel {
  return {
    kind: 'objectives',
    objectives: search.objectives.map(({ name, terms }, place) => {
      const [only] = terms;
      // Of several metrics, the weighted sum of ranks.
      if (terms.length > 1) return { name, better: 'more', values: networks.merits[place]!.map(finite) };
      return {
        name,
        better: only!.weight > 0 ? 'more' : 'less',
        values: networks.values[only!.metric]!.map(finite),
      };
    }),
    front: best.map(({ found }) => found - 1),
  };
}

function networkTable({ protocol }: ArchitectureSearchResult, networks: SearchedNetworks): NetworkTable {
  const { architectures, indices, accuracies, values } = networks;
  const numbered = indices.every((index) => index !== null);
  return {
    space: protocol.space,
    // Where the benchmark has no number for some, that of scoring.
    indices: numbered ? indices : architectures.map((_, place) => place + 1),
    architectures,
    accuracies: accuracies.map(finite),
    scores: Object.fromEntries(
      Object.entries(values)
        .filter(([metric]) => metric !== ORACLE)
        .map(([metric, row]) => [metric, row.map(finite)]),
    ),
    ...(numbered && { figures: { scored: architectures.map((_, place) => place + 1) } }),
  };
}

function leadOf({ search, best, scored, seconds, regret, optimum }: ArchitectureSearchResult): string {
  const by = search.objectives.map(({ name }) => name).join(' against ');
  const effort = `after scoring ${scored.toLocaleString('en')} networks in ${seconds.toFixed(1)} s`;
  if (search.objectives.length > 1) {
    return `${search.algorithm} by ${by} found ${best.length} networks that none dominates, ${effort}.`;
  }
  const accuracy = finite(best[0]?.accuracy);
  if (accuracy === null) {
    return `${search.algorithm} by ${by} found a network of ${best[0]!.params.toLocaleString('en')} parameters, ${effort}.`;
  }
  const short = regret === null || !optimum ? '' : `, ${regret.toFixed(2)} below the best there is`;
  return `${search.algorithm} by ${by} found a network of ${accuracy.toFixed(2)} % true accuracy${short}, ${effort}.`;
}

function searchFacts(result: ArchitectureSearchResult): Report['facts'] {
  const { search, scored, proposals, ended, seconds, comparison } = result;
  const { algorithm, budget, seed, chunk, population, sample, warmup, move, constraints } = search;
  const repeats = comparison[0]?.curves.length ?? 1;
  const facts: [string, string | undefined][] = [
    ['Algorithm', algorithm],
    ['Budget', `${budget.toLocaleString('en')} networks, ${chunk} at a time`],
    ['Search seed', repeats > 1 ? `${seed} to ${seed + repeats - 1}` : String(seed)],
    ['Population', algorithm === 'aging' ? `${population}, parents out of ${sample}` : undefined],
    ['Population', algorithm === 'nsga2' ? String(population) : undefined],
    ['Warm-up', warmup ? `best ${warmup.keep} of ${warmup.count} by ${warmup.metric}` : undefined],
    ['Moves', move ? `proposed by ${move}` : undefined],
    [
      'Within',
      constraints.map(({ metric, most }) => `${metric} ≤ ${most.toLocaleString('en')}`).join(', ') || undefined,
    ],
    ['Proposed', `${proposals.toLocaleString('en')}, ${scored.toLocaleString('en')} of them new`],
    ['Ended', ended === 'budget' ? 'budget spent' : 'nothing new was found'],
    ['Measuring', `${seconds.toFixed(1)} s`],
  ];
  return facts.flatMap(([label, text]) => (text === undefined ? [] : [{ label, value: text }]));
}

/** Seven significant digits: as many as are seen. */
const round = (number: number): number => Number(number.toPrecision(7));

function finite(number: unknown): number | null {
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}
