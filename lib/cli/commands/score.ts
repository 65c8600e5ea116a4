import type { Command } from 'commander';
import { type ScoreResult, scoreArchitectures } from '../../evaluation/score.ts';
import { describeProtocol, warnUndefined } from '../notes.ts';
import { addOptions, checkOptions, SHARED } from '../options.ts';
import { startProgress, withProgress } from '../progress.ts';
import { giveResult } from '../result.ts';
import { type Column, formatTable } from '../table.ts';

const OPTIONS = ['proxy', 'program', 'benchmark', 'networks', ...SHARED] as const;

/** `eznas score`: scores of architectures. */
export function addScore(cli: Command, signal: AbortSignal): void {
  const command = cli
    .command('score')
    .summary('score architectures with proxies')
    .description('Scores architectures with named proxies and programs.')
    .argument('[architectures...]', 'architectures as text or index; or else choose by --networks');
  addOptions(command, OPTIONS).addHelpText(
    'after',
    `
Examples:
  $ eznas score --proxy eznas-a 6111 9930
  $ eznas score --proxy eznas-a --proxy params --networks 10 --seed 1 --json
  $ eznas score --program 'frobenius_norm(T3)' '|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|skip_connect~2|'`,
  );
  command.action(async (architectures: string[], given: Record<string, unknown>) => {
    const { proxy, program, ...options } = checkOptions(given, OPTIONS);
    const progress = startProgress('scoring', 'networks', options.json ?? false);
    const work = () =>
      withProgress(progress, (onProgress) =>
        scoreArchitectures({
          ...options,
          ...(proxy && { proxies: proxy }),
          ...(program && { programs: program }),
          ...(architectures.length > 0 && { architectures: architectures.map(readArchitecture) }),
          signal,
          onProgress,
        }),
      );
    const { protocol, scores } = await giveResult(options, work, scoreTable);
    if (!options.json) describeProtocol(protocol);
    for (const [name, values] of Object.entries(scores)) {
      warnUndefined(name, values.filter((score) => !Number.isFinite(score)).length);
    }
  });
}

/** A number is an index, anything else an architecture's text. */
function readArchitecture(text: string): string | number {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

function scoreTable({ networks, architectures, scores }: ScoreResult): string {
  const columns: Column<number>[] = [
    { title: 'network', align: 'right', text: (row) => String(networks[row]) },
    { title: 'architecture', text: (row) => architectures[row]! },
    ...Object.entries(scores).map(
      ([name, values]): Column<number> => ({
        title: name,
        align: 'right',
        text: (row) => values[row]!.toPrecision(6),
        fields: { [name]: (row) => values[row]! },
      }),
    ),
  ];
  return formatTable(columns, [...networks.keys()]);
}
