import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { spearmanRho } from '../../lib/correlation/index.ts';
import { scoreArchitectures } from '../../lib/evaluation/score.ts';

/** Scores that others published of a sample of networks: test/oracle/published_scores.py. */
const published = JSON.parse(readFileSync(new URL('../fixtures/published-scores.json', import.meta.url), 'utf8')) as {
  readonly networks: readonly number[];
} & Readonly<Record<'params_M' | 'naswot' | 'synflow' | 'logsynflow', readonly number[]>>;

/**
 * With other images and initial weights than the published ones, so no score is the same, but ranks are. To repeat it on all networks, evaluate
 * `--networks all` and compare with the whole table.
 */
describe('scores published of NAS-Bench-201', () => {
  let scores: Readonly<Record<string, readonly number[]>>;

  before(async () => {
    const proxies = ['params', 'naswot', 'synflow', 'logsynflow'];
    ({ scores } = await scoreArchitectures({ architectures: published.networks, proxies, batch: 16 }));
  });

  it('params are the same', () => {
    assert.deepEqual(
      scores['params']!.map((count) => count / 1e6),
      published.params_M,
    );
  });

  for (const [name, least] of [
    ['naswot', 0.97],
    ['synflow', 0.99],
    ['logsynflow', 0.97],
  ] as const) {
    it(`${name} ranks alike: Spearman ρ of at least ${least}`, () => {
      const rho = spearmanRho(scores[name]!, published[name]);
      assert.ok(rho >= least, `ρ is ${rho}`);
    });
  }
});
