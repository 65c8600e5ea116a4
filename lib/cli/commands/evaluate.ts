import type { Command } from 'commander';
import { evaluateProxies, type ProxyEvaluation } from '../../evaluation/evaluate.ts';
import { describeProtocol, warnUndefined } from '../notes.ts';
import { addOptions, checkOptions, SHARED } from '../options.ts';
import { startProgress, withProgress } from '../progress.ts';
import { RANKING_COLUMNS } from '../ranking-columns.ts';
import { giveResult } from '../result.ts';
import { type Column, formatTable } from '../table.ts';

const OPTIONS = ['proxy', 'program', 'benchmark', 'networks', ...SHARED] as const;

const COLUMNS: readonly Column<ProxyEvaluation>[] = [
  { title: 'proxy', text: ({ name }) => name, fields: { name: ({ name }) => name } },
  ...RANKING_COLUMNS,
  {
    title: 's/network',
    align: 'right',
    text: ({ secondsPerNetwork }) => secondsPerNetwork.toPrecision(3),
    fields: { secondsPerNetwork: ({ secondsPerNetwork }) => secondsPerNetwork },
  },
];

/** `eznas evaluate`: how well proxies and programs rank a benchmark's networks. */
export function addEvaluate(cli: Command, signal: AbortSignal): void {
  const command = cli
    .command('evaluate')
    .summary('rank correlation of proxies with trained accuracy')
    .description(
      'Scores networks of a benchmark with proxies and programs, and tells how well the scores rank the networks by their test accuracy ' +
        'after full training: Kendall τ-b, Spearman ρ and Pearson r, with 95 % bootstrap intervals.',
    );
  addOptions(command, OPTIONS, { networks: '1000' }).addHelpText(
    'after',
    `
Examples:
  $ eznas evaluate --proxy eznas-a --proxy params --networks 1000 --batch 16 --seed 0 --json
  $ eznas evaluate --program 'frobenius_norm(sigmoid(logdet(sign(T1GD))))' --networks 200
  $ eznas evaluate --proxy params --proxy flops --networks all --dataset imagenet16-120`,
  );
  command.action(async (given: Record<string, unknown>) => {
    const { proxy, program, ...options } = checkOptions(given, OPTIONS);
    const progress = startProgress('evaluating', 'networks', options.json ?? false);
    const work = () =>
      withProgress(progress, (onProgress) =>
        evaluateProxies({
          ...options,
          ...(proxy && { proxies: proxy }),
          ...(program && { programs: program }),
          signal,
          onProgress,
        }),
      );
    const { protocol, results } = await giveResult(options, work, ({ results }) => formatTable(COLUMNS, results));
    if (!options.json) describeProtocol(protocol);
    for (const { name, networks } of results) warnUndefined(name, protocol.networks.count - networks);
  });
}
