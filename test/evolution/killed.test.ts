import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { dump } from './fixtures/dump.ts';

const SCRIPT = fileURLToPath(new URL('./fixtures/killable-run.ts', import.meta.url));

/**
 * Starts or resumes a run and kills it a moment after it has told of so many generations; undefined lets it end.
 *
 * @returns whether it ended by itself
 */
async function runAndKill(folder: string, after: number | undefined): Promise<boolean> {
  const child = spawn(process.execPath, ['--import', 'tsx', SCRIPT, folder], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  let errors = '';
  child.stderr.on('data', (text) => {
    errors += text;
  });
  let told = -1;
  for await (const _ of createInterface(child.stdout)) {
    told++;
    if (told === after)
      void setTimeout(50 * Math.random(), undefined, { ref: false }).then(() => child.kill('SIGKILL'));
  }
  const [code, signal] = await exit;
  assert.ok(code === 0 || signal === 'SIGKILL', `exit ${code}, ${signal}: ${errors}`);
  return code === 0;
}

const outcome = (folder: string) => ({
  checkpoint: readFileSync(join(folder, 'checkpoint.json'), 'utf8'),
  report: readFileSync(join(folder, 'report.json'), 'utf8'),
  config: readFileSync(join(folder, 'config.json'), 'utf8'),
  archive: dump(join(folder, 'archive.sqlite')),
});

describe('a run killed with SIGKILL', () => {
  let root: string;

  before(() => {
    root = mkdtempSync(join(tmpdir(), 'eznas-killed-'));
  });

  after(() => rmSync(root, { recursive: true }));

  it('resumes to the same population, archive and report as an undisturbed one, whenever it is killed', async () => {
    const undisturbed = join(root, 'undisturbed');
    assert.ok(await runAndKill(undisturbed, undefined));
    const expected = outcome(undisturbed);

    const folder = join(root, 'killed');
    let kills = 0;
    for (const after of [0, 0, 1, 3, 2, undefined]) {
      if (!(await runAndKill(folder, after))) kills++;
    }
    assert.ok(kills >= 3, `only ${kills} runs were killed before their end`);
    assert.deepEqual(outcome(folder), expected);
  }).timeout(180_000);
});
