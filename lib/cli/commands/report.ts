import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { renderReport } from '../../report/render.ts';
import { RUN_REPORT, reportOf } from '../../report/write.ts';
import { addOptions, checkOptions } from '../options.ts';
import { reserveOutput } from '../output-file.ts';
import { writeStdout } from '../result.ts';

const OPTIONS = ['html', 'json'] as const;

/** `eznas report`: a page of a result or a run, made again. */
export function addReport(cli: Command): void {
  const command = cli
    .command('report')
    .summary('draw a result or a run folder as an HTML page')
    .argument('<source>', 'run folder, or JSON file of eznas evaluate --details or eznas search --details')
    .description(
      'Draws the report of a run folder, or of the JSON that "eznas evaluate" or "eznas search" wrote with --details --out: one HTML file that ' +
        'needs no network.',
    );
  addOptions(command, OPTIONS, { html: 'report.html in the run folder, or the JSON file with .html' }).addHelpText(
    'after',
    `
Examples:
  $ eznas report runs/seven
  $ eznas report result.json --out result.html`,
  );
  command.action(async (source: string, given: Record<string, unknown>) => {
    const { json = false } = checkOptions(given, ['json']);
    const { html } = checkOptions({ html: given['out'] }, ['html']);
    const path = html ?? defaultPath(source);
    const report = reportOf(source);
    const file = reserveOutput(path);
    try {
      file.commit(renderReport(report));
    } finally {
      file.discard();
    }
    await writeStdout(json ? `${JSON.stringify({ report: path })}\n` : `${path}\n`);
  });
}

function defaultPath(source: string): string {
  if (statSync(source, { throwIfNoEntry: false })?.isDirectory()) return join(source, RUN_REPORT);
  return `${source.replace(/\.json$/, '')}.html`;
}
