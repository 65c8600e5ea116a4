import { Command } from 'commander';
import { VERSION } from '../version.ts';
import { addBench } from './commands/bench.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEvaluate } from './commands/evaluate.ts';
import { addEvolve } from './commands/evolve.ts';
import { addExplain } from './commands/explain.ts';
import { addGrow } from './commands/grow.ts';
import { addProxies } from './commands/proxies.ts';
import { addReport } from './commands/report.ts';
import { addScore } from './commands/score.ts';
import { addSearch } from './commands/search.ts';

/**
 * The command `eznas` with its subcommands. Parsing throws CommanderError for help and wrong usage, and what commands throw.
 *
 * @param signal stops what a command is doing
 */
export function createCli(signal: AbortSignal): Command {
  const cli = new Command('eznas')
    .description(
      'Evolves zero-cost proxies for neural architecture search: readable formulas that rank untrained networks.',
    )
    .version(VERSION)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'eznas: ')) })
    .addHelpText(
      'after',
      `
Examples:
  $ eznas evolve
  $ eznas evaluate --proxy eznas-a --proxy params --networks 1000 --json
  $ eznas score --proxy eznas-a 6111
  $ eznas search --proxy eznas-a --budget 500

Exit codes: 0 success, 1 defect of eznas, 2 wrong option or input, 3 file or run folder, 4 not enough memory, 5 addon or device, 130 interrupted.`,
    );
  addEvolve(cli, signal);
  addGrow(cli, signal);
  addScore(cli, signal);
  addEvaluate(cli, signal);
  addSearch(cli, signal);
  addReport(cli);
  addExplain(cli);
  addProxies(cli);
  addBench(cli, signal);
  addDoctor(cli);
  return cli;
}
