import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toPyTorchSource } from '../../lib/explain/explain.ts';
import { flops, params } from '../../lib/graph/counts.ts';
import { PROXIES } from '../../lib/proxies/catalogue.ts';
import { nasbench201 } from '../../lib/spaces/nasbench201.ts';
import { goldenFolders } from '../golden/fixture.ts';

const PYTHON = process.env['EZNAS_PYTHON'] ?? '/usr/bin/python3';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Scores by another hand, to which test/proxies/measures.test.ts holds ours too. */
const { scores: expected } = JSON.parse(readFileSync(path('../fixtures/measures.json'), 'utf8')) as {
  scores: Record<string, Record<string, number | null>>;
};

describe('exported native proxies', function () {
  this.timeout(120_000);
  // 0 and 9930 among them have edges that lead nowhere; no gradient flows through 1462.
  const networks = goldenFolders()
    .find(({ name }) => name === 'small')!
    .networks.filter(({ name }) => ['0', '13714', '1462', '6111', '9930'].includes(name));
  const proxies = PROXIES.filter(({ kind }) => kind === 'native' || kind === 'structural').map(({ name }) => name);
  let exported: { readonly scores: Record<string, readonly (number | null)[]>; readonly kept: boolean };

  before(function () {
    if (spawnSync(PYTHON, ['-c', 'import torch, numpy']).status !== 0) {
      console.log(`      ${PYTHON} has no torch (EZNAS_PYTHON names another): exported modules are not run`);
      this.skip();
    }
    const folder = mkdtempSync(join(tmpdir(), 'eznas-pytorch-'));
    try {
      const modules = proxies.map((name) => {
        const file = join(folder, `${name.replaceAll('-', '_')}.py`);
        writeFileSync(file, toPyTorchSource(name));
        return `${name}=${file}`;
      });
      const names = networks.map(({ name }) => name).join(',');
      const given = [path('../fixtures/golden/small'), path('../fixtures/measures.json'), names, ...modules];
      const run = spawnSync(PYTHON, [path('../oracle/exported_measures.py'), ...given], { encoding: 'utf8' });
      assert.equal(run.status, 0, run.stderr);
      exported = JSON.parse(run.stdout) as typeof exported;
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  for (const name of proxies) {
    it(`score networks as ours: ${name}`, () => {
      for (const [at, network] of networks.entries()) {
        const score = exported.scores[name]![at]!;
        const { channels: initialChannels, cellsPerStage, classes, index } = network;
        const options = { initialChannels, cellsPerStage, classes, resolution: 8 };
        const graph = () => nasbench201.build(nasbench201.architecture(index), options);
        const count = { params, flops }[name];
        const wanted = count ? count(graph()) : expected[network.name]![name]!;
        if (wanted === null) assert.equal(score, null, network.name);
        else {
          const scale = name === 'plain' ? expected[network.name]!['snip']! : Math.abs(wanted);
          assert.ok(Math.abs(score! - wanted) <= 1e-9 * scale + 1e-12, `${network.name}: ${score} for ${wanted}`);
        }
      }
    });
  }

  it('leave networks as they were', () => assert.ok(exported.kept));
});
