import assert from 'node:assert/strict';
import manifest from '../../package.json' with { type: 'json' };
import { assertFails, eznas } from './support.ts';

const COMMANDS = ['evolve', 'grow', 'score', 'evaluate', 'search', 'report', 'explain', 'proxies', 'bench', 'doctor'];

const RUNS_NETWORKS = ['evolve', 'grow', 'score', 'evaluate'];
/** Options of the commands that run networks. */
const SHARED = ['--space', '--dataset', '--networks', '--batch', '--seed', '--threads', '--device', '--images'];

describe('help', () => {
  it('lists the commands and the exit codes', async () => {
    const { code, stdout, stderr } = await eznas('--help');
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    for (const command of COMMANDS) assert.match(stdout, new RegExp(`^  ${command} `, 'm'));
    assert.match(stdout, /Exit codes: 0 success/);
  });

  for (const command of COMMANDS) {
    it(`of ${command} has examples and the options that commands share`, async () => {
      const { code, stdout, stderr } = await eznas(command, '--help');
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      assert.match(stdout, new RegExp(`Examples:\n  \\$ .*eznas ${command}`));
      assert.match(stdout, /--out <file>/);
      assert.match(stdout, /--json/);
      if (!RUNS_NETWORKS.includes(command)) return;
      for (const option of SHARED) assert.match(stdout, new RegExp(`^  ${option} <`, 'm'), option);
    });
  }

  it('--version prints the version of the package', async () => {
    assert.deepEqual(await eznas('--version'), { code: 0, stdout: `${manifest.version}\n`, stderr: '' });
  });

  it('an unknown command is wrong usage, and the one meant is named', async () => {
    await assertFails(['evlove'], 2, /unknown command 'evlove'\n\(Did you mean evolve\?\)/);
  });

  it('an unknown option is wrong usage, and the one meant is named', async () => {
    await assertFails(['evaluate', '--bach', '1'], 2, /unknown option '--bach'\n\(Did you mean --batch\?\)/);
  });

  it('an option without its value is wrong usage', async () => {
    await assertFails(['evaluate', '--proxy'], 2, /option '--proxy <name>' argument missing/);
  });

  it('an unknown suite is wrong usage, and the one meant is named', async () => {
    await assertFails(['bench', 'convs'], 2, /unknown suite 'convs'; did you mean 'conv'\?/);
  });
});
