import type { Command } from 'commander';
import {
  COURSE,
  type EvolveForestOptions,
  type EvolveForestResult,
  evolveForest,
  type GrowthProgress,
  resumeForest,
} from '../../discovery/grow-forest.ts';
import { EznasError } from '../../errors.ts';
import { FOREST_DEFAULTS } from '../../forests/config.ts';
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
  'terms',
  'generations',
  'population',
  'tasks',
  'judge',
  'networks',
  'unlabelled',
  'heldOut',
  'separableUnit',
  'run',
  'resume',
  ...SHARED,
] as const;

interface Step {
  readonly term: string;
  readonly fitness: number;
}

const STEP_COLUMNS: readonly Column<Step>[] = [
  { title: 'term, as it came in', text: ({ term }) => term, fields: { term: ({ term }) => term } },
  {
    title: 'fitness with it',
    align: 'right',
    text: ({ fitness }) => decimals(fitness),
    fields: { fitness: ({ fitness }) => fitness },
  },
];

/** `eznas grow`: a search for a forest. */
export function addGrow(cli: Command, signal: AbortSignal): void {
  const command = cli
    .command('grow')
    .summary('grow a forest of formulas: slower than a single proxy to compute, ranks far better')
    .description(
      'Grows a forest: several formulas whose ranks are combined, each an aggregate over the units of a network. Sees the accuracies of 100 ' +
        'networks of a benchmark, predicts those of more networks from all that the programs tell, and chooses the terms that follow the ' +
        'predictions best. Then judges the forest on networks that it never saw, beside EZNAS-A, the number of parameters and ' +
        'FLOPs. The run is kept in a folder and can be resumed however it ends.',
    );
  addOptions(command, OPTIONS, {
    networks: '100 of each task; here a number only',
    terms: `${FOREST_DEFAULTS.terms}`,
    generations: `${FOREST_DEFAULTS.generations} for each term`,
    population: `${FOREST_DEFAULTS.population}`,
    batch: '1',
  }).addHelpText(
    'after',
    `
Examples:
  $ eznas grow
  $ eznas grow --terms 3 --dataset cifar100 --seed 7 --run runs/seven
  $ eznas grow --tasks nasbench201:cifar10,darts-nasbench301 --judge all
  $ eznas grow --resume runs/seven --json
  $ eznas evaluate --program 'rank_sum(unit_sum(participation_ratio(T3GN)), unit_max(spectral_entropy(T3GD)))'`,
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
          return await resumeForest(folder, running);
        }
        return await evolveForest({ ...growthOptions(options), ...running, runFolder: folder });
      } catch (error) {
        stop();
        throw withResumption(error, 'grow', folder);
      } finally {
        stop();
        drawRunReport(folder, COURSE);
      }
    };
    const { protocol, tasks } = await giveResult(options, work, forPeople);
    if (options.json) return;
    describeProtocol(protocol);
    describeShortened(tasks);
  });
}

function growthOptions(options: OptionValues<(typeof OPTIONS)[number]>): EvolveForestOptions {
  const {
    terms,
    generations,
    population,
    tasks,
    judge,
    networks,
    unlabelled,
    space,
    dataset,
    seed,
    images,
    batch,
    precision,
    heldOut,
    separableUnit,
  } = options;
  if (networks !== undefined && (typeof networks !== 'number' || networks < 2)) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `option --networks: '${networks}' is not right; a search draws a number of networks, at least 2`,
    );
  }
  return {
    ...(space && { space }),
    ...(dataset && { dataset }),
    ...(seed !== undefined && { seed }),
    ...(images && { images }),
    ...(batch && { batch }),
    ...(precision && { precision }),
    ...(heldOut && { heldOut }),
    ...(separableUnit && { separableUnit }),
    ...(tasks && { tasks }),
    ...(judge && { judgedTasks: judge }),
    ...(networks && { networks }),
    ...(unlabelled !== undefined && { unlabelled }),
    search: { ...(terms && { terms }), ...(generations && { generations }), ...(population && { population }) },
  };
}

function followProgress(silent: boolean): { onProgress: (event: GrowthProgress) => void; stop: () => void } {
  const progress = new StageProgress(
    {
      begin: { label: 'running first programs', unit: 'networks' },
      search: { label: 'growing', unit: 'generations' },
      judge: { label: 'judging', unit: 'networks' },
    },
    silent,
  );
  return {
    onProgress(event) {
      const note =
        event.stage === 'search' && event.forest
          ? `${event.forest.terms.length} terms, τ ${decimals(event.tau)}, ${event.programs} programs`
          : undefined;
      progress.update(event.stage, event.done, event.total, note);
    },
    stop: () => progress.stop(),
  };
}

function forPeople({ best, tasks, runFolder }: EvolveForestResult): string {
  return [
    formatTable(STEP_COLUMNS, best.growth),
    judgementTable('forest', tasks),
    `forest: ${best.formula}`,
    `run folder: ${runFolder ?? 'none'}; open its report.html in a browser`,
  ].join('\n');
}
