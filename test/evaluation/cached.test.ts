import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EvaluateProxiesOptions, type EvaluationResult, evaluateProxies } from '../../lib/evaluation/evaluate.ts';
import { ScoreCache } from '../../lib/evaluation/score-cache.ts';
import { type Nasbench201Architecture, nasbench201 } from '../../lib/spaces/nasbench201.ts';
import type { SearchSpace } from '../../lib/spaces/space.ts';

/** A program, a forest, counts, native proxies that share passes, and one combined of others; a program under two names. */
const CONTENDERS = {
  proxies: ['eznas-a', 'params', 'naswot', 'snip', 'grad_norm', 'az-nas'],
  programs: [
    'frobenius_norm(sigmoid(logdet(sign(T1GD))))',
    'rank_sum(unit_sum(mean(abs(T2D))), unit_max(mean(T3)))',
    'log(mean(T3))',
    'div(params, units)',
  ],
};

const SMALL = { ...CONTENDERS, networks: 5, batch: 2, details: true };

/** A result without what differs between two that say the same: times, and where scores were had. */
function untimed({ results, ...rest }: EvaluationResult): unknown {
  const { protocol } = rest;
  return {
    ...rest,
    protocol: { ...protocol, threads: 0 },
    results: results.map((row) => ({ ...row, secondsPerNetwork: 0, cached: 0 })),
  };
}

const cachedOf = ({ results }: EvaluationResult) => results.map(({ cached }) => cached);

describe('an evaluation with a cache', () => {
  let folder: string;
  let cache: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'eznas-cached-'));
    cache = join(folder, 'scores.db');
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it('gives what one without gives, stages and scores of networks too, and times of nothing that was not scored', async () => {
    const options = { ...SMALL, seeds: [3, 8] };
    const plain = await evaluateProxies(options);
    const first = await evaluateProxies({ ...options, cache });
    const second = await evaluateProxies({ ...options, cache, threads: 1 });
    for (const result of [first, second]) assert.deepEqual(untimed(result), untimed(plain));
    assert.deepEqual(cachedOf(plain), Array(10).fill(0));
    // Counts do not depend on the seed.
    assert.deepEqual(cachedOf(first), [0, 5, ...Array(8).fill(0)]);
    assert.ok(first.results.every(({ secondsPerNetwork }) => secondsPerNetwork >= 0));
    assert.deepEqual(cachedOf(second), Array(10).fill(10));
    assert.ok(second.results.every(({ secondsPerNetwork }) => Number.isNaN(secondsPerNetwork)));
  });

  it('scores new contenders, networks and seeds alone', async () => {
    const evaluate = (changes: EvaluateProxiesOptions) =>
      evaluateProxies({ proxies: ['naswot'], networks: 6, batch: 2, cache, ...changes });
    assert.deepEqual(cachedOf(await evaluate({})), [0]);
    const cases: [EvaluateProxiesOptions, number[]][] = [
      [{ proxies: ['naswot', 'snip', 'eznas-a'] }, [6, 0, 0]],
      [{ networks: 9 }, [6]],
      [{ proxies: ['snip', 'naswot'], networks: 10 }, [6, 9]],
      [{ seeds: [0, 1], networks: 6 }, [6]],
    ];
    for (const [changes, expected] of cases) {
      const result = await evaluate(changes);
      assert.deepEqual(cachedOf(result), expected);
      const plain = await evaluateProxies({ proxies: ['naswot'], networks: 6, batch: 2, ...changes });
      assert.deepEqual(untimed(result), untimed(plain));
    }
  });

  it('keeps apart what differs in anything that decides scores', async () => {
    const base: EvaluateProxiesOptions = {
      proxies: ['grad_norm'],
      programs: ['mean(T1D)'],
      networks: [7, 900],
      batch: 2,
      details: true,
    };
    await evaluateProxies({ ...base, cache });
    const image = {
      batch: 2,
      channels: 3 as const,
      resolution: 32,
      data: Float32Array.from({ length: 6144 }, (_, at) => at % 7),
    };
    const labelled = (label: number) => ({
      name: 'own',
      size: 2,
      minibatch: () => ({ ...image, labels: Int32Array.of(0, label) }),
    });
    const changes: EvaluateProxiesOptions[] = [
      { batch: 3 },
      { seed: 1 },
      { images: 'noise' },
      { dataset: 'cifar100' },
      { dataset: 'imagenet16-120' },
      { images: labelled(1) },
      { images: labelled(2) },
    ];
    for (const change of changes) {
      const result = await evaluateProxies({ ...base, ...change, cache });
      assert.deepEqual(cachedOf(result), [0, 0], JSON.stringify(change));
      assert.deepEqual(untimed(result), untimed(await evaluateProxies({ ...base, ...change })));
    }
  });

  it('tells networks that start from other parameters apart', async () => {
    const result = async (key: number) => {
      const space: SearchSpace<Nasbench201Architecture> = Object.assign(Object.create(nasbench201), {
        start: () => ({ key }),
      });
      const benchmark = {
        name: 'own',
        space,
        size: 2,
        split: 'test' as const,
        datasets: [{ name: 'cifar10', classes: 10, resolution: 32, channels: 3, normalization: 'cifar10' as const }],
        epochs: [1],
        architecture: (index: number) => nasbench201.architecture(index + 6000),
        index: () => undefined,
        accuracy: (index: number) => index,
        dataset: () => benchmark.datasets[0]!,
      };
      const { networks, results } = await evaluateProxies({
        proxies: ['naswot'],
        benchmark,
        batch: 2,
        details: true,
        cache,
      });
      return { scores: networks!.scores['naswot'], cached: results[0]!.cached };
    };
    const [one, other, again] = [await result(1), await result(2), await result(1)];
    assert.notDeepEqual(one.scores, other.scores);
    assert.deepEqual([one.cached, other.cached, again.cached], [0, 0, 2]);
    assert.deepEqual(again.scores, one.scores);
  });

  it('keeps what was scored when it is stopped, and goes on from there', async () => {
    const options = { proxies: ['naswot'], networks: 40, batch: 2, details: true };
    const controller = new AbortController();
    const onProgress = (done: number) => {
      if (done >= 33) controller.abort();
    };
    const stopped = evaluateProxies({ ...options, cache, onProgress, signal: controller.signal });
    await assert.rejects(stopped, { code: 'ABORTED' });
    const resumed = await evaluateProxies({ ...options, cache });
    assert.deepEqual(cachedOf(resumed), [32]);
    assert.deepEqual(untimed(resumed), untimed(await evaluateProxies(options)));
  });

  it('refuses a file that is no cache before it scores anything, and leaves it as it is', async () => {
    const refuses = (pattern: RegExp) =>
      assert.rejects(
        evaluateProxies({ proxies: ['params'], networks: 2, cache, onProgress: () => assert.fail('scored') }),
        { code: 'INVALID_FILE', message: pattern },
      );
    const text = 'architecture,accuracy\n'.repeat(100);
    writeFileSync(cache, text);
    await refuses(/scores\.db.*damaged or no SQLite file/);
    assert.equal(readFileSync(cache, 'utf8'), text);

    rmSync(cache);
    new ScoreCache(cache).close();
    const bytes = readFileSync(cache);
    // The version of the tables stands at 60.
    bytes.writeUInt32BE(99, 60);
    writeFileSync(cache, bytes);
    await refuses(/version 99/);
    assert.deepEqual(readFileSync(cache), bytes);
  });

  it('tells of damage that it meets on the way', async () => {
    const options = { proxies: ['params'], networks: 200, cache };
    await evaluateProxies(options);
    const bytes = readFileSync(cache);
    bytes.fill(0xff, 4096);
    writeFileSync(cache, bytes);
    await assert.rejects(evaluateProxies(options), { code: 'INVALID_FILE', message: /scores\.db.*delete it/ });
    assert.deepEqual(readFileSync(cache).subarray(4096), bytes.subarray(4096));
  });
});
