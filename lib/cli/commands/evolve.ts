import type { Command } from 'commander';
import {
  type DiscoveryProgress,
  type EvolveProxyOptions,
  type EvolveResult,
  evolveProxy,
  resumeEvolution,
} from '../../discovery/evolve-proxy.ts';
import { EznasError } from '../../errors.ts';
import type { SearchConfig } from '../../evolution/config.ts';
import { PRESETS } from '../../evolution/presets.ts';
import { ARCHIVE } from '../../evolution/run-folder.ts';
import { describeShortened, judgementTable } from '../judgement-table.ts';
import { describeProtocol } from '../notes.ts';
import { addOptions, checkOptions, type OptionValues, SHARED } from '../options.ts';
import { decimals } from '../ranking-columns.ts';
import { giveResult } from '../result.ts';
import { newRunFolder, requireResumable, withResumption } from '../run-options.ts';
import { drawRunReport } from '../run-report.ts';
import { StageProgress } from '../stages.ts';
import { type Column, formatTable } from '../table.ts';

const OPTIONS = [
  'preset',
  'generations',
  'population',
  'tasks',
  'judge',
  'groups',
  'set',
  'networks',
  'heldOut',
  'separableUnit',
  'judgeBatch',
  'run',
  'resume',
  ...SHARED,
] as const;

type Options = OptionValues<(typeof OPTIONS)[number]>;

interface Fact {
  readonly name: string;
  readonly value: string | number;
  readonly note: string;
}

const FACT_COLUMNS: readonly Column<Fact>[] = [
  { title: 'result', text: ({ name }) => name },
  {
    title: 'value',
    text: ({ value }) => (typeof value === 'number' ? decimals(value) : value),
    fields: { value: ({ value }) => value },
  },
  { title: 'note', text: ({ note }) => note },
];

/** `eznas evolve`: a search. */
export function addEvolve(cli: Command, signal: AbortSignal): void {
  const command = cli
    .command('evolve')
    .summary('evolve a proxy')
    .description(
      'Evolves a proxy on trained accuracies of a benchmark, then judges it on networks that the search never saw, beside EZNAS-A, ' +
        'the number of parameters and FLOPs. The run is kept in a folder and can be resumed however it ends.',
    );
  addOptions(command, OPTIONS, {
    networks:
      '200 of each task, split over its groups, half for the final choice; 80 with --preset paper; here a number only',
    generations: `${PRESETS.default.generations}`,
    population: `${PRESETS.default.population}`,
    groups: `${PRESETS.default.tasksPerGeneration}`,
    batch: '1, for the search',
  }).addHelpText(
    'after',
    `
Examples:
  $ eznas evolve
  $ eznas evolve --dataset cifar100 --seed 7 --run runs/seven
  $ eznas evolve --preset paper
  $ eznas evolve --set replacement=aging --set selection=lexicase --set islands=4 --set migrationInterval=3
  $ eznas evolve --tasks nasbench201:cifar10,nasbench201:imagenet16-120,darts-nasbench301 --judge all
  $ eznas evolve --resume runs/seven --json`,
  );
  command.action(async (given: Record<string, unknown>) => {
    const options = checkOptions(given, OPTIONS);
    const folder = options.resume ?? options.run ?? newRunFolder();
    const { onProgress, stop } = followProgress(options.json ?? false);
    const work = async () => {
      const { threads, device } = options;
      const running = { ...(threads && { threads }), ...(device && { device }), signal, onProgress };
      try {
        if (options.resume !== undefined) {
          requireResumable(options);
          return await resumeEvolution(folder, running);
        }
        return await evolveProxy({ ...searchOptions(options), ...running, runFolder: folder });
      } catch (error) {
        stop();
        throw withResumption(error, 'evolve', folder);
      } finally {
        stop();
        drawRunReport(folder, ARCHIVE);
      }
    };
    const { protocol, tasks } = await giveResult(options, work, forPeople);
    if (options.json) return;
    describeProtocol(protocol);
    describeShortened(tasks);
  });
}

function searchOptions(options: Options): EvolveProxyOptions {
  const { preset, generations, population, tasks, judge, groups, networks, set = [] } = options;
  const { space, dataset, seed, images, batch, precision, heldOut, separableUnit, judgeBatch } = options;
  const from: SearchConfig = PRESETS[preset ?? 'default'];
  const seen = groups ?? from.tasksPerGeneration;
  // Where some groups are kept for the final choice, as many as are seen.
  const kept = from.choiceTasks === undefined ? 0 : seen;
  const groupCount = seen + kept;
  if (
    networks !== undefined &&
    (typeof networks !== 'number' || networks % groupCount !== 0 || networks < 2 * groupCount)
  ) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `option --networks: '${networks}' is not right; a search draws a number of networks, a multiple of its ${groupCount} groups and at least 2 for each`,
    );
  }
  return {
    ...(tasks && { tasks }),
    ...(judge && { judgedTasks: judge }),
    ...(preset && { preset }),
    ...(space && { space }),
    ...(dataset && { dataset }),
    ...(seed !== undefined && { seed }),
    ...(images && { images }),
    ...(batch && { batch }),
    ...(precision && { precision }),
    ...(heldOut && { heldOut }),
    ...(separableUnit && { separableUnit }),
    ...(judgeBatch && { judgeBatch }),
    search: {
      ...(generations && { generations }),
      ...(population && { population }),
      ...(groups && { tasksPerPool: seen, tasksPerGeneration: seen, ...(kept && { choiceTasks: kept }) }),
      ...(networks && { networksPerTask: networks / groupCount }),
      ...Object.fromEntries(set),
    },
  };
}

function followProgress(silent: boolean): { onProgress: (event: DiscoveryProgress) => void; stop: () => void } {
  const progress = new StageProgress(
    {
      record: { label: 'recording statistics', unit: 'networks' },
      search: { label: 'evolving', unit: 'generations' },
      judge: { label: 'judging', unit: 'networks' },
    },
    silent,
  );
  let best = Number.NEGATIVE_INFINITY;
  return {
    onProgress(event) {
      // NaN, the best of the initial programs, which are not assessed, is never greater.
      if (event.stage === 'search' && event.generation.best > best) best = event.generation.best;
      const note = event.stage === 'search' && Number.isFinite(best) ? `best fitness ${decimals(best)}` : undefined;
      progress.update(event.stage, event.done, event.total, note);
    },
    stop: () => progress.stop(),
  };
}

function forPeople({ best, tasks, runFolder }: EvolveResult): string {
  const facts: Fact[] = [
    { name: 'best formula', value: best.program, note: best.sign === 1 ? '' : 'lower scores mean higher accuracy' },
    {
      name: 'fitness',
      value: best.fitness,
      note: 'Kendall τ on the networks of the search, the least over its groups or as its fields say',
    },
    { name: 'run folder', value: runFolder ?? 'none', note: 'open its report.html in a browser' },
  ];
  return `${formatTable(FACT_COLUMNS, facts)}\n${judgementTable('best formula', tasks)}`;
}
