import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Context } from 'mocha';
import { goldenFolders } from '../golden/fixture.ts';

const PYTHON = process.env['EZNAS_PYTHON'] ?? '/usr/bin/python3';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Golden networks that exported modules run on: 0 and 9930 among them have edges that lead nowhere; no gradient flows through 1462. */
export const NETWORKS = goldenFolders()
  .find(({ name }) => name === 'small')!
  .networks.filter(({ name }) => ['0', '13714', '1462', '6111', '9930'].includes(name));

/**
 * What a script of test/oracle tells of exported modules on {@link NETWORKS}: given the folder of their fixtures, further fixtures, their names, and the
 * modules' files, it prints JSON. Where Python has no torch, the tests of the context are skipped.
 *
 * @param modules name and source of each; the script is given `name=file` where the name is not empty
 */
export function runExported(
  context: Context,
  script: string,
  modules: readonly (readonly [name: string, source: string])[],
  fixtures: readonly string[] = [],
): unknown {
  if (spawnSync(PYTHON, ['-c', 'import torch, numpy']).status !== 0) {
    console.log(`      ${PYTHON} has no torch (EZNAS_PYTHON names another): exported modules are not run`);
    context.skip();
  }
  const folder = mkdtempSync(join(tmpdir(), 'eznas-pytorch-'));
  try {
    const given = modules.map(([name, source], at) => {
      const file = join(folder, `exported${at}.py`);
      writeFileSync(file, source);
      return name === '' ? file : `${name}=${file}`;
    });
    const names = NETWORKS.map(({ name }) => name).join(',');
    const paths = ['golden/small', ...fixtures].map((name) => path(`../fixtures/${name}`));
    const run = spawnSync(PYTHON, [path(`../oracle/${script}`), ...paths, names, ...given], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    return JSON.parse(run.stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
