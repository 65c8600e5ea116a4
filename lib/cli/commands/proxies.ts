import type { Command } from 'commander';
import { type NamedProxy, PROXIES } from '../../proxies/catalogue.ts';
import { addOptions, checkOptions } from '../options.ts';
import { giveResult } from '../result.ts';
import { type Column, formatTable } from '../table.ts';

const OPTIONS = ['out', 'json'] as const;

const COLUMNS: readonly Column<NamedProxy>[] = [
  { title: 'proxy', text: ({ name }) => name, fields: { name: ({ name }) => name } },
  { title: 'cost', text: ({ cost }) => cost },
  { title: 'definition', text: ({ definition }) => definition },
];

/** `eznas proxies`: the catalogue. */
export function addProxies(cli: Command): void {
  const command = cli
    .command('proxies')
    .summary('list the named proxies')
    .description('Lists the named proxies: what they compute, where they come from and what a network costs.');
  addOptions(command, OPTIONS).addHelpText(
    'after',
    `
Examples:
  $ eznas proxies
  $ eznas proxies --json`,
  );
  command.action(async (given: Record<string, unknown>) => {
    const work = async () => ({
      proxies: PROXIES.map(({ name, definition, latex, paper, kind, cost, reads, direction, note }) => {
        return { name, kind, definition, latex: latex ?? null, reads, cost, direction, paper, note };
      }),
    });
    await giveResult(checkOptions(given, OPTIONS), work, () => formatTable(COLUMNS, PROXIES));
  });
}
