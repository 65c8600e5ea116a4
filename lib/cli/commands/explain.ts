import type { Command } from 'commander';
import { type ExplainedNode, type Explanation, explain, toPyTorchSource } from '../../explain/explain.ts';
import { addOptions, checkOptions } from '../options.ts';
import { reserveOutput } from '../output-file.ts';
import { giveResult, writeStdout } from '../result.ts';
import { type Column, formatTable } from '../table.ts';

const OPTIONS = ['batch', 'export', 'out', 'json'] as const;

const FACTS: readonly Column<readonly [string, string]>[] = [
  { title: 'what', text: ([name]) => name },
  { title: 'is', text: ([, value]) => value },
];

const NODES: readonly Column<ExplainedNode>[] = [
  {
    title: 'node',
    text: ({ name, depth }) => `${'  '.repeat(depth)}${name}`,
    fields: { node: ({ name }) => name, depth: ({ depth }) => depth },
  },
  { title: 'shape', text: ({ shape }) => shape ?? '–' },
  { title: 'meaning', text: ({ meaning }) => meaning },
];

/** `eznas explain`: what a program or proxy is. */
export function addExplain(cli: Command): void {
  const command = cli
    .command('explain')
    .summary('explain a program or proxy, or export it to PyTorch')
    .argument('<program>', 'text of a program or formula, or name of a proxy')
    .description(
      'Tells what a program, a formula over whole networks or a named proxy computes: the formula as text, in Unicode and LaTeX, the tree with the ' +
        'shape and meaning of every node, and what it costs. With --export pytorch, writes a standalone Python module that scores any nn.Module with it.',
    );
  addOptions(command, OPTIONS, { batch: '1' }).addHelpText(
    'after',
    `
Examples:
  $ eznas explain eznas-a
  $ eznas explain 'frobenius_norm(sigmoid(T3GD))' --json
  $ eznas explain 'rank_sum(unit_sum(participation_ratio(T3GN)), neg(unit_max(mean(T4D))), params)'
  $ eznas explain eznas-a --export pytorch --out eznas_a.py`,
  );
  command.action(async (given: string, raw: Record<string, unknown>) => {
    const options = checkOptions(raw, OPTIONS);
    if (options.export === undefined) {
      await giveResult(options, async () => explain(given, options.batch), forPeople);
      return;
    }
    const source = toPyTorchSource(given);
    if (options.out === undefined)
      return writeStdout(options.json ? `${JSON.stringify({ pytorch: source })}\n` : source);
    const file = reserveOutput(options.out);
    try {
      file.commit(source);
    } finally {
      file.discard();
    }
    return undefined;
  });
}

function forPeople({ proxy, program, formula, cost }: Explanation): string {
  const { forward, backward, operations, multiplyAdds } = cost;
  const directions = {
    1: 'higher scores mean higher accuracy',
    0: 'not published',
    [-1]: 'lower scores mean higher accuracy',
  };
  const facts: (readonly [string, string])[] = [];
  if (proxy) facts.push(['proxy', proxy.name], ['from', proxy.paper], ['direction', directions[proxy.direction]]);
  const written = program ?? formula;
  if (written) {
    facts.push([program ? 'program' : 'text', written.text], ['formula', written.unicode], ['LaTeX', written.latex]);
  } else {
    facts.push(['computes', proxy!.definition]);
    if (proxy!.latex !== null) facts.push(['LaTeX', proxy!.latex]);
    if (proxy!.reads.length > 0) facts.push(['reads', proxy!.reads.join(', ')]);
  }
  if (formula) {
    const { combiner, aggregators, numbers } = formula;
    for (const { name, meaning } of [...(combiner ? [combiner] : []), ...aggregators, ...numbers]) {
      facts.push([name, meaning]);
    }
  }
  facts.push([
    'cost',
    `images forward ${forward}, backward ${backward}${operations === null ? '' : `; ${operations} operations for each unit`}; ` +
      `${(multiplyAdds / 1e9).toPrecision(3)} G multiply-adds on the largest network of NAS-Bench-201`,
  ]);
  if (proxy?.note) facts.push(['note', proxy.note]);
  if (written?.problem) facts.push(['problem', written.problem]);
  const parts = [formatTable(FACTS, facts)];
  if (written) parts.push(formatTable(NODES, written.nodes));
  return parts.join('\n');
}
