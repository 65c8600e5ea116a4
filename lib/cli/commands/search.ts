import type { Command } from 'commander';
import { describeCells, drawCells } from '../../drawing/cells.ts';
import { exportArchitecture } from '../../onnx/export.ts';
import { renderReport } from '../../report/render.ts';
import { searchReport } from '../../report/search-report.ts';
import { curvesCsv, type SearchSummary, type Spread } from '../../search/comparison.ts';
import type { ArchitectureSearchResult, FoundNetwork } from '../../search/result.ts';
import {
  type ArchitectureSearchProgress,
  resumeSearch,
  type SearchArchitecturesOptions,
  searchArchitectures,
} from '../../search/search-architectures.ts';
import type { CellDiagram } from '../../spaces/diagram.ts';
import { findSpace } from '../../spaces/registry.ts';
import { describeProtocol, noteToUser } from '../notes.ts';
import { addOptions, checkOptions, type OptionValues, SHARED } from '../options.ts';
import { reserveOutput } from '../output-file.ts';
import { startProgress } from '../progress.ts';
import { giveResult } from '../result.ts';
import { newRunFolder, requireResumable, withResumption } from '../run-options.ts';
import { drawRunReport } from '../run-report.ts';
import { type Column, formatTable } from '../table.ts';

/** Options that are called the same in the API. */
const SAME = [
  'algorithm',
  'budget',
  'population',
  'sample',
  'chunk',
  'searchSeed',
  'minimize',
  'maxParams',
  'maxFlops',
  'maxLatency',
  'latency',
  'move',
  'best',
  'repeats',
  'sameScores',
  'beside',
  'cache',
  'separableUnit',
] as const;

const OPTIONS = [
  'proxy',
  'program',
  'oracle',
  'weight',
  ...SAME,
  'warmup',
  'warmupProxy',
  'warmupKeep',
  'train',
  'trainEpochs',
  'curves',
  'report',
  'details',
  'svg',
  'onnx',
  'run',
  'resume',
  'benchmark',
  ...SHARED,
] as const;

type Options = OptionValues<(typeof OPTIONS)[number]>;

const SUMMARY_COLUMNS: readonly Column<SearchSummary>[] = [
  { title: 'search', text: ({ name }) => name, fields: { name: ({ name }) => name } },
  spreadColumn('accuracy, %', 'accuracy', 2),
  spreadColumn('regret', 'regret', 2),
  spreadColumn('best met', 'highest', 2),
  spreadColumn('seconds', 'seconds', 1),
];

/** `eznas search`: good networks without training. */
export function addSearch(cli: Command, signal: AbortSignal): void {
  const command = cli
    .command('search')
    .summary('search architectures with a proxy')
    .description(
      'Searches a space for the networks that proxies and programs score best, without training any: by aging evolution (Real et al. 2019), at ' +
        'random, by local search, or by NSGA-II over several objectives. Several proxies and programs are combined by the weighted sum of their ' +
        'ranks. Where a benchmark knows the accuracies, it tells how good the networks are. The run is kept in a folder and can be resumed.',
    );
  addOptions(command, OPTIONS, {
    population: '100; 50 for nsga2',
    proxy: 'eznas-a',
    cache: 'a file in the run folder',
  }).addHelpText(
    'after',
    `
Examples:
  $ eznas search --space nasbench201 --dataset cifar10 --proxy eznas-a --algorithm aging --budget 500 --seed 0
  $ eznas search --proxy eznas-a --max-params 1e6 --max-flops 150e6 --train 5 --svg best.svg --onnx best.onnx
  $ eznas search --algorithm nsga2 --proxy eznas-a --minimize params --minimize flops --json
  $ eznas search --oracle --budget 100 --warmup 1000 --warmup-proxy eznas-a --move eznas-a
  $ eznas search --repeats 10 --beside random --beside oracle --beside params --curves curves.csv --report search.html
  $ eznas search --resume runs/seven`,
  );
  command.action(async (given: Record<string, unknown>) => {
    const options = checkOptions(given, OPTIONS);
    const folder = options.resume ?? options.run ?? newRunFolder();
    const files = FILES.flatMap(({ option, content }) => {
      const path = options[option];
      return path === undefined ? [] : [{ file: reserveOutput(path, `--${option}`), content }];
    });
    try {
      const work = async () => {
        const result = await searchOrResume(options, folder, signal);
        for (const { file, content } of files) file.commit(content(result));
        drawRunReport(folder, 'report.json');
        const { networks, ...short } = result;
        return options.details ? result : short;
      };
      const result = await giveResult(options, work, forPeople);
      if (options.json) return;
      describeProtocol(result.protocol);
      if (result.ended === 'exhausted') noteToUser('nothing new was found any more, so the search ended early');
      const cells = describeCells(bestCells(result));
      if (cells) noteToUser(`best network:\n${cells}`);
      if (result.runFolder) noteToUser(`run folder: ${result.runFolder}; open its report.html in a browser`);
    } finally {
      for (const { file } of files) file.discard();
    }
  });
}

/** Files that are written besides the result. */
const FILES: readonly {
  readonly option: 'curves' | 'report' | 'svg' | 'onnx';
  readonly content: (result: ArchitectureSearchResult) => string | Uint8Array;
}[] = [
  { option: 'curves', content: (result) => curvesCsv(curvesOf(result)) },
  { option: 'report', content: (result) => renderReport(searchReport(result)) },
  { option: 'svg', content: (result) => drawCells(bestCells(result)) },
  {
    option: 'onnx',
    content: ({ best, protocol: { space, dataset, seed } }) =>
      exportArchitecture(best[0]!.architecture, { space, dataset, seed }),
  },
];

/** The cells of the best network; none in a space without cells. */
function bestCells({ best, protocol }: ArchitectureSearchResult): readonly CellDiagram[] {
  const space = findSpace(protocol.space);
  return space.cells?.(space.parse(best[0]!.architecture)) ?? [];
}

async function searchOrResume(options: Options, folder: string, signal: AbortSignal) {
  const progress = startProgress('searching', 'networks', options.json ?? false);
  const onProgress = ({ done, total, search, best }: ArchitectureSearchProgress) =>
    progress.update(done, total, options.repeats || options.beside ? search : `best ${best}`);
  const { threads, device } = options;
  const running = { ...(threads && { threads }), ...(device && { device }), signal, onProgress, details: true };
  try {
    if (options.resume !== undefined) {
      requireResumable(options, ['details', ...FILES.map(({ option }) => option)]);
      return await resumeSearch(folder, running);
    }
    return await searchArchitectures({ ...searchOptions(options), ...running, runFolder: folder });
  } catch (error) {
    progress.stop();
    throw withResumption(error, 'search', folder);
  } finally {
    progress.stop();
  }
}

function searchOptions(options: Options): SearchArchitecturesOptions {
  const { proxy = [], program, oracle, weight, warmup, warmupProxy, warmupKeep, train, trainEpochs } = options;
  const proxies = [...proxy, ...(oracle ? ['oracle'] : [])];
  const same = Object.fromEntries(
    [...SAME, 'space', 'benchmark', 'dataset', 'images', 'batch', 'precision', 'seed'].flatMap((name) => {
      const value = options[name as keyof Options];
      return value === undefined ? [] : [[name, value]];
    }),
  ) as SearchArchitecturesOptions;
  return {
    ...same,
    ...(proxies.length > 0 && { proxies }),
    ...(program && { programs: program }),
    ...(weight && { weights: weight }),
    ...(warmup && {
      warmup: {
        proxy: warmupProxy ?? proxies[0] ?? program?.[0] ?? 'eznas-a',
        count: warmup,
        ...(warmupKeep && { keep: warmupKeep }),
      },
    }),
    ...(train && { train: { networks: train, ...(trainEpochs && { epochs: trainEpochs }) } }),
  };
}

function curvesOf({ comparison, search, curve }: ArchitectureSearchResult): Pick<SearchSummary, 'name' | 'curves'>[] {
  if (comparison.length > 0) return [...comparison];
  return [{ name: `${search.algorithm}:${search.objectives[0]!.name}`, curves: [curve] }];
}

function forPeople({ best, search, optimum, regret, trained, comparison }: ArchitectureSearchResult): string {
  const metrics = new Set(search.objectives.flatMap(({ terms }) => terms.map(({ metric }) => metric)));
  const tables = [formatTable(networkColumns([...metrics]), best)];
  const facts: Fact[] = [
    ...(optimum && regret !== null
      ? [
          { name: 'best there is, %', value: optimum.accuracy, note: optimum.architecture },
          { name: 'regret, %', value: regret, note: 'what the best network found falls short of it' },
        ]
      : []),
    ...(trained
      ? [
          {
            name: 'best trained, %',
            value: trained.best.accuracy,
            note: `${trained.best.architecture}, of ${trained.networks.length} trained in ${trained.totalEpochs} epochs`,
          },
        ]
      : []),
  ];
  if (facts.length > 0) tables.push(formatTable(FACT_COLUMNS, facts));
  if (comparison.length > 0) tables.push(formatTable(SUMMARY_COLUMNS, comparison));
  return tables.join('\n');
}

interface Fact {
  readonly name: string;
  readonly value: number;
  readonly note: string;
}

const FACT_COLUMNS: readonly Column<Fact>[] = [
  { title: 'result', text: ({ name }) => name },
  { title: 'value', align: 'right', text: ({ value }) => value.toFixed(2), fields: { value: ({ value }) => value } },
  { title: 'note', text: ({ note }) => note },
];

function networkColumns(metrics: readonly string[]): Column<FoundNetwork>[] {
  return [
    { title: 'architecture', text: ({ architecture }) => architecture },
    ...metrics
      .filter((name) => name !== 'params' && name !== 'flops')
      .map(
        (name): Column<FoundNetwork> => ({
          title: name,
          align: 'right',
          text: ({ values }) => values[name]!.toPrecision(6),
          fields: { [name]: ({ values }) => values[name]! },
        }),
      ),
    { title: 'params', align: 'right', text: ({ params }) => String(params) },
    { title: 'flops', align: 'right', text: ({ flops }) => String(flops) },
    {
      title: 'accuracy, %',
      align: 'right',
      text: ({ accuracy }) => (accuracy === null ? '–' : accuracy.toFixed(2)),
      fields: { accuracy: ({ accuracy }) => accuracy ?? '' },
    },
  ];
}

function spreadColumn(
  title: string,
  name: 'accuracy' | 'regret' | 'highest' | 'seconds',
  digits: number,
): Column<SearchSummary> {
  const text = ({ mean, deviation }: Spread) => `${mean.toFixed(digits)} ± ${deviation.toFixed(digits)}`;
  return {
    title: `${title} (mean ± sd)`,
    align: 'right',
    text: (summary) => text(summary[name]),
    fields: {
      [name]: (summary) => summary[name].mean,
      [`${name}Deviation`]: (summary) => summary[name].deviation,
    },
  };
}
