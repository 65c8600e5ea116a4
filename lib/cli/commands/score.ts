import type { Command } from 'commander';
import { EznasError } from '../../errors.ts';
import { type ScoreResult, scoreArchitectures } from '../../evaluation/score.ts';
import { type ScoreOnnxResult, scoreOnnx } from '../../onnx/score.ts';
import { describeProtocol, noteToUser, warnUndefined } from '../notes.ts';
import { addOptions, checkOptions, SHARED } from '../options.ts';
import { startProgress, withProgress } from '../progress.ts';
import { giveResult } from '../result.ts';
import { type Column, formatTable } from '../table.ts';

const OPTIONS = ['proxy', 'program', 'benchmark', 'networks', 'models', 'weights', 'separableUnit', ...SHARED] as const;

/** What says which architectures of a space are meant, and not files. */
const OF_SPACES = ['space', 'benchmark', 'networks'] as const;

/** `eznas score`: scores of architectures and of ONNX files. */
export function addScore(cli: Command, signal: AbortSignal): void {
  const command = cli
    .command('score')
    .summary('score architectures with proxies')
    .description('Scores architectures, or networks in ONNX files, with named proxies and programs.')
    .argument('[architectures...]', 'architectures as text or index; or else choose by --networks');
  addOptions(command, OPTIONS).addHelpText(
    'after',
    `
Examples:
  $ eznas score --proxy eznas-a 6111 9930
  $ eznas score --proxy eznas-a --proxy params --networks 10 --seed 1 --json
  $ eznas score --onnx small.onnx --onnx large.onnx --proxy eznas-a --proxy synflow --json
  $ eznas score --program 'frobenius_norm(T3)' '|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|skip_connect~2|'`,
  );
  command.action(async (architectures: string[], given: Record<string, unknown>) => {
    const { proxy, program, models, weights, ...options } = checkOptions({ ...given, models: given['onnx'] }, OPTIONS);
    if (weights && !models) {
      throw new EznasError(
        'INVALID_ARGUMENT',
        '--weights tells what to do with the weights of --onnx files; give some',
      );
    }
    const besides = models && (OF_SPACES.find((name) => options[name] !== undefined) ?? architectures[0]);
    if (besides !== undefined) {
      throw new EznasError('INVALID_ARGUMENT', `--onnx files are scored by themselves: leave out ${besides}`);
    }
    const progress = startProgress('scoring', 'networks', options.json ?? false);
    const work = () =>
      withProgress(progress, (onProgress): Promise<ScoreResult & Partial<ScoreOnnxResult>> => {
        const contenders = { ...(proxy && { proxies: proxy }), ...(program && { programs: program }) };
        const shared = { ...options, ...contenders, signal, onProgress };
        if (models) return scoreOnnx({ ...shared, models, ...(weights && { weights }) });
        return scoreArchitectures({
          ...shared,
          ...(architectures.length > 0 && { architectures: architectures.map(readArchitecture) }),
        });
      });
    const { protocol, scores, models: read = [] } = await giveResult(options, work, scoreTable);
    if (!options.json) {
      describeProtocol(protocol);
      for (const { file, notes } of read) for (const note of notes) noteToUser(`${file}: ${note}`);
    }
    for (const [name, values] of Object.entries(scores)) {
      warnUndefined(name, values.filter((score) => !Number.isFinite(score)).length);
    }
  });
}

/** A number is an index, anything else an architecture's text. */
function readArchitecture(text: string): string | number {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

function scoreTable({ networks, architectures, scores, models }: ScoreResult & Partial<ScoreOnnxResult>): string {
  const named: Column<number>[] = models
    ? [
        { title: 'file', text: (row) => architectures[row]! },
        { title: 'units', align: 'right', text: (row) => String(models[row]!.units) },
      ]
    : [
        { title: 'network', align: 'right', text: (row) => String(networks[row]) },
        { title: 'architecture', text: (row) => architectures[row]! },
      ];
  const columns: Column<number>[] = [
    ...named,
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
