import type { Command } from 'commander';
import { EznasError } from '../../errors.ts';
import { type EvaluationResult, evaluateProxies, type ProxyEvaluation } from '../../evaluation/evaluate.ts';
import { differences } from '../../evaluation/replay.ts';
import { openOnnxBenchmark } from '../../onnx/benchmark.ts';
import { readEvaluation } from '../../onnx/replay.ts';
import { evaluationReport } from '../../report/evaluation-report.ts';
import { renderReport } from '../../report/render.ts';
import { describeProtocol, noteToUser, warnUndefined } from '../notes.ts';
import { addOptions, checkOptions, SHARED } from '../options.ts';
import { reserveOutput } from '../output-file.ts';
import { startProgress, withProgress } from '../progress.ts';
import { EVALUATION_COLUMNS } from '../ranking-columns.ts';
import { giveResult } from '../result.ts';
import { withCache } from '../run-options.ts';
import { type Column, formatTable } from '../table.ts';

const OPTIONS = [
  'proxy',
  'program',
  'benchmark',
  'onnxTable',
  'weights',
  'separableUnit',
  'networks',
  ...SHARED,
  'seeds',
  'cache',
  'replay',
  'report',
  'details',
] as const;

/** What may be told beside --replay: the rest is the recorded evaluation's own. */
const BESIDE_REPLAY: readonly string[] = ['replay', 'cache', 'threads', 'device', 'out', 'json', 'report', 'details'];

const COLUMNS: readonly Column<ProxyEvaluation>[] = [
  { title: 'proxy', text: ({ name }) => name, fields: { name: ({ name }) => name } },
  ...EVALUATION_COLUMNS,
  {
    title: 's/network',
    align: 'right',
    text: ({ secondsPerNetwork }) => (Number.isNaN(secondsPerNetwork) ? '–' : secondsPerNetwork.toPrecision(3)),
    fields: { secondsPerNetwork: ({ secondsPerNetwork }) => secondsPerNetwork },
  },
  {
    title: 'G multiply-adds',
    align: 'right',
    text: ({ cost }) => (cost.multiplyAdds / 1e9).toPrecision(3),
    fields: { multiplyAdds: ({ cost }) => cost.multiplyAdds },
  },
];

/** What the command prints: an evaluation, and how it stands to the recorded one that it repeats. */
interface Evaluated extends EvaluationResult {
  readonly replay?: { readonly file: string; readonly same: boolean; readonly differences: readonly string[] };
}

/** `eznas evaluate`: how well proxies and programs rank a benchmark's networks. */
export function addEvaluate(cli: Command, signal: AbortSignal): void {
  const command = cli
    .command('evaluate')
    .summary('how well proxies rank networks by trained accuracy')
    .description(
      'Scores networks of a benchmark with proxies and programs, and tells how well the scores rank the networks by their accuracy after full ' +
        'training: Kendall τ-b, Spearman ρ, Pearson r, the τ that weighs the best networks most, how many of the best 10 % and 1 % are found, and ' +
        'the accuracy of the network ranked first; with 95 % bootstrap intervals, and the spread between seeds.',
    );
  addOptions(command, OPTIONS, { networks: '1000, or all where there are fewer' }).addHelpText(
    'after',
    `
Examples:
  $ eznas evaluate --proxy eznas-a --proxy params --networks 1000 --batch 16 --seed 0 --json
  $ eznas evaluate --proxy naswot --proxy synflow --proxy zico --networks 200 --seeds 0,1,2 --out result.json
  $ eznas evaluate --proxy naswot --networks all --cache scores.db   # stopped or killed, the same command goes on
  $ eznas evaluate --replay result.json
  $ eznas evaluate --onnx networks.csv --proxy eznas-a --proxy params
  $ eznas evaluate --program 'frobenius_norm(sigmoid(logdet(sign(T1GD))))' --networks 200
  $ eznas evaluate --proxy params --proxy flops --networks all --dataset imagenet16-120
  $ eznas evaluate --proxy eznas-a --proxy params --report proxies.html
  $ eznas evaluate --benchmark nds_data/DARTS.json --proxy eznas-a --networks 200`,
  );
  command.action(async (given: Record<string, unknown>) => {
    const {
      proxy,
      program,
      replay,
      report,
      onnxTable,
      weights,
      details = false,
      ...options
    } = checkOptions({ ...given, onnxTable: given['onnx'] }, OPTIONS);
    if (onnxTable && (options.space || options.benchmark)) {
      throw new EznasError(
        'INVALID_ARGUMENT',
        '--onnx names networks and accuracies: leave out --space and --benchmark',
      );
    }
    if (weights && !onnxTable) {
      throw new EznasError(
        'INVALID_ARGUMENT',
        '--weights tells what to do with the weights of --onnx files; give some',
      );
    }
    const recorded = replay === undefined ? undefined : readEvaluation(replay);
    const besides = recorded && Object.keys(given).find((name) => !BESIDE_REPLAY.includes(name));
    if (besides) {
      throw new EznasError(
        'INVALID_ARGUMENT',
        `--${besides} is decided by the result that --replay names; leave it out`,
      );
    }
    const { separableUnit } = options;
    const reading = { ...(weights && { weights }), ...(separableUnit && { separableUnit }) };
    const page = report === undefined ? undefined : reserveOutput(report, '--report');
    const progress = startProgress('evaluating', 'networks', options.json ?? false);
    const work = async (): Promise<Evaluated> => {
      const result = await withProgress(progress, (onProgress) =>
        evaluateProxies({
          ...options,
          ...(onnxTable && { benchmark: openOnnxBenchmark(onnxTable, reading) }),
          ...(proxy && { proxies: proxy }),
          ...(program && { programs: program }),
          ...recorded?.options,
          details: details || page !== undefined,
          signal,
          onProgress,
        }),
      );
      page?.commit(renderReport(evaluationReport(result)));
      const { networks, stages, ...short } = result;
      const given = details ? result : short;
      if (!recorded) return given;
      const found = differences(recorded, result);
      return { ...given, replay: { file: replay!, same: found.length === 0, differences: found } };
    };
    try {
      const result = await giveResult(options, work, ({ results }) => formatTable(COLUMNS, results));
      if (!options.json) {
        describeProtocol(result.protocol);
        if (options.cache !== undefined) describeCached(result, options.cache);
      }
      for (const { name, networks } of result.results) warnUndefined(name, result.protocol.networks.count - networks);
      if (!result.replay || options.json) return;
      const { same, file, differences: lines } = result.replay;
      noteToUser(
        same ? `the same numbers as ${file}` : `not the numbers of ${file}:\n  ${lines.slice(0, 10).join('\n  ')}`,
      );
    } catch (error) {
      throw withCache(error, options.cache);
    } finally {
      page?.discard();
    }
  });
}

/** Tells a person how many of the scores were in the cache. */
function describeCached({ protocol, results }: EvaluationResult, cache: string): void {
  const scores = results.length * protocol.networks.count * protocol.seeds.length;
  const cached = results.reduce((sum, row) => sum + row.cached, 0);
  noteToUser(`${cached} of ${scores} scores were in ${cache}; times are those of the others`);
}
