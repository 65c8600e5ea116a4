import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { toPyTorchSource } from '../../lib/explain/explain.ts';
import { flops, params } from '../../lib/graph/counts.ts';
import { PROXIES } from '../../lib/proxies/catalogue.ts';
import { nasbench201 } from '../../lib/spaces/nasbench201.ts';
import { NETWORKS, runExported } from './exported.ts';

/** Scores by another hand, to which test/proxies/measures.test.ts holds ours too. */
const { scores: expected } = JSON.parse(
  readFileSync(new URL('../fixtures/measures.json', import.meta.url), 'utf8'),
) as {
  scores: Record<string, Record<string, number | null>>;
};

describe('exported native proxies', function () {
  this.timeout(120_000);
  const proxies = PROXIES.filter(({ kind }) => kind === 'native' || kind === 'structural').map(({ name }) => name);
  let exported: { readonly scores: Record<string, readonly (number | null)[]>; readonly kept: boolean };

  before(function () {
    const modules = proxies.map((name) => [name, toPyTorchSource(name)] as const);
    exported = runExported(this, 'exported_measures.py', modules, ['measures.json']) as typeof exported;
  });

  for (const name of proxies) {
    it(`score networks as ours: ${name}`, () => {
      for (const [at, network] of NETWORKS.entries()) {
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
