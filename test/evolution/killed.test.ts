import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { dump } from './fixtures/dump.ts';

const SCRIPT = fileURLToPath(new URL('./fixtures/killable-run.ts', import.meta.url));

/** Starts a run, kills it after so many milliseconds, and tells how many generations it had written and whether it was done. */
async function runAndKill(folder: string, afterMs: number): Promise<{ generations: number; done: boolean }> {
  const child = spawn(process.execPath, ['--import', 'tsx', SCRIPT, folder], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  let errors = '';
  child.stderr.on('data', (text) => {
    errors += text;
  });
  let generations = 0;
  for await (const line of createInterface(child.stdout)) {
    if (line === 'ready') void setTimeout(afterMs, undefined, { ref: false }).then(() => child.kill('SIGKILL'));
    else generations++;
  }
  const [code, signal] = await exit;
  assert.ok(code === 0 || signal === 'SIGKILL', `exit ${code}, ${signal}: ${errors}`);
  return { generations, done: code === 0 };
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
    assert.deepEqual(await runAndKill(undisturbed, 60_000), { generations: 13, done: true });
    const expected = outcome(undisturbed);

    let kills = 0;
    for (let round = 0; round < 2; round++) {
      const folder = join(root, `killed-${round}`);
      for (let attempt = 0; ; attempt++) {
        // Later attempts get longer, so that the last one ends.
        const { done } = await runAndKill(folder, 5 + Math.random() * 100 * (attempt + 1));
        if (done) break;
        kills++;
      }
      assert.ok(existsSync(join(folder, 'report.json')));
      assert.deepEqual(outcome(folder), expected);
    }
    assert.ok(kills >= 2, `only ${kills} runs were killed before their end`);
  });
});
