import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadNasbench201 } from '../../lib/benchmarks/nasbench201.ts';
import { type ErrorCode, EznasError } from '../../lib/errors.ts';
import { scoreArchitectures } from '../../lib/evaluation/score.ts';
import { params } from '../../lib/graph/counts.ts';
import { openDatabase } from '../../lib/runs/database.ts';
import type { ArchitectureSearchResult } from '../../lib/search/result.ts';
import {
  resumeSearch,
  type SearchArchitecturesOptions,
  searchArchitectures,
} from '../../lib/search/search-architectures.ts';
import { nasbench201 } from '../../lib/spaces/nasbench201.ts';
import { toySpace } from './fixtures/toy.ts';

const benchmark = loadNasbench201();
const SMALL = { budget: 24, population: 10, sample: 4, chunk: 8, batch: 1, images: 'noise' } as const;

/** Without what the clock decides. */
function timeless({ seconds: _, curve, comparison, runFolder: __, ...rest }: ArchitectureSearchResult) {
  const untimed = (points: ArchitectureSearchResult['curve']) => points.map(({ seconds: ___, ...point }) => point);
  return {
    ...rest,
    curve: untimed(curve),
    comparison: comparison.map(({ seconds: ____, curves, ...summary }) => ({
      ...summary,
      curves: curves.map(untimed),
    })),
  };
}

async function refuses(options: SearchArchitecturesOptions, code: ErrorCode, pattern: RegExp) {
  await assert.rejects(searchArchitectures(options), (error) => {
    assert.ok(error instanceof EznasError && error.code === code, String(error));
    assert.match(error.message, pattern);
    return true;
  });
}

describe('searchArchitectures', () => {
  let root: string;
  let count = 0;
  const place = (name = 'run') => join(root, `${name}-${count++}`);

  before(() => {
    root = mkdtempSync(join(tmpdir(), 'eznas-search-'));
  });

  after(() => rmSync(root, { recursive: true }));

  it('finds the best architecture of NAS-Bench-201 when it knows the accuracies', async () => {
    const result = await searchArchitectures({ proxies: ['oracle'], budget: 1500, population: 50, sample: 10 });
    // Dong & Yang, table 4: 94.37 is the optimum on CIFAR-10.
    assert.equal(result.optimum?.accuracy.toFixed(2), '94.37');
    assert.ok(result.regret! < 0.2, String(result.regret));
    assert.equal(result.best[0]!.accuracy, result.best[0]!.values['oracle']);
    assert.equal(result.curve.at(-1)!.accuracy, result.best[0]!.accuracy);
    assert.equal(result.curve.at(-1)!.scored, 1500);
  });

  it('tells of every network what scoring and counting it alone tells', async () => {
    const { best, scored } = await searchArchitectures({ ...SMALL, proxies: ['eznas-a'], best: 5 });
    assert.equal(scored, 24);
    assert.equal(best.length, 5);
    const architectures = best.map(({ architecture }) => architecture);
    const { scores } = await scoreArchitectures({ architectures, proxies: ['eznas-a'], batch: 1, images: 'noise' });
    for (const [at, { architecture, index, values, params: own, accuracy }] of best.entries()) {
      assert.equal(values['eznas-a'], scores['eznas-a']![at]);
      assert.equal(index, nasbench201.index(nasbench201.parse(architecture)));
      assert.equal(own, params(nasbench201.build(nasbench201.parse(architecture))));
      assert.equal(accuracy, benchmark.accuracy(index!, 'cifar10'));
    }
    const values = best.map((network) => network.values['eznas-a']!);
    assert.deepEqual(
      values,
      values.toSorted((a, b) => b - a),
    );
  });

  it('gives the same with a cache, filled or not, and on any number of threads', async () => {
    const options = { ...SMALL, proxies: ['eznas-a', 'params'], weights: [2, 1] };
    const expected = timeless(await searchArchitectures({ ...options, threads: 1 }));
    const cache = place('cache');
    const first = await searchArchitectures({ ...options, cache, threads: 2 });
    const second = await searchArchitectures({ ...options, cache, threads: 1 });
    for (const result of [first, second]) {
      const { protocol, ...rest } = timeless(result);
      assert.deepEqual({ ...rest, protocol: { ...protocol, threads: 1 } }, expected);
    }
  });

  it('searches by a forest and by a combined proxy, as by their terms', async () => {
    const forest = 'rank_sum(unit_sum(frobenius_norm(T3)), neg(flops))';
    const result = await searchArchitectures({
      ...SMALL,
      proxies: ['swap-reg'],
      programs: [forest],
      weights: [1, 1e-6],
      batch: 2,
      details: true,
    });
    const { architectures, values } = result.networks!;
    const { scores } = await scoreArchitectures({
      architectures: [...architectures],
      proxies: ['swap-reg'],
      programs: [forest],
      batch: 2,
      images: 'noise',
    });
    for (const name of ['swap-reg', forest]) assert.deepEqual(values[name], [...scores[name]!]);
    const best = architectures[values['swap-reg']!.indexOf(Math.max(...values['swap-reg']!))];
    assert.equal(result.best[0]!.architecture, best);
  });

  it('scores nothing that the cache has', async () => {
    const cache = place('cache');
    const options = { ...SMALL, budget: 5, proxies: ['eznas-a'], cache };
    await searchArchitectures(options);
    const database = openDatabase(cache);
    // 7 as little-endian float64.
    database.exec("UPDATE scores SET numbers = x'0000000000001c40'");
    database.close();
    const { best } = await searchArchitectures(options);
    assert.deepEqual(
      best.map(({ values }) => values['eznas-a']),
      [7, 7, 7, 7, 7],
    );
  });

  it('keeps scores of another minibatch, seed or dataset apart in one cache', async () => {
    const cache = place('cache');
    const value = async (options: SearchArchitecturesOptions) => {
      const { best } = await searchArchitectures({ ...SMALL, budget: 1, searchSeed: 3, ...options });
      return best[0]!.values['eznas-a'];
    };
    const changes = [{}, { batch: 2 }, { seed: 1 }, { images: 'photographs' }, { dataset: 'cifar100' }] as const;
    for (const change of changes) assert.equal(await value({ ...change, cache }), await value(change));
  });

  it('keeps to the most parameters and FLOPs, and measures regret against the best within them', async () => {
    for (const algorithm of ['aging', 'random', 'local', 'nsga2'] as const) {
      const result = await searchArchitectures({
        ...SMALL,
        algorithm,
        proxies: ['oracle'],
        maxParams: 8e5,
        maxFlops: 120e6,
        best: 1000,
      });
      assert.ok(result.best.length > 0);
      for (const { params: own, flops } of result.best) assert.ok(own <= 8e5 && flops <= 120e6);
      const { architecture, accuracy } = result.optimum!;
      assert.ok(params(nasbench201.build(nasbench201.parse(architecture))) <= 8e5);
      assert.ok(accuracy < 94.37 && result.regret! >= 0);
    }
  });

  it('trades objectives off against each other, latencies of a function or a table among them', async () => {
    const latency = (text: string) => text.split('nor_conv_3x3').length;
    const options = { ...SMALL, algorithm: 'nsga2', proxies: ['oracle'], minimize: ['latency', 'params'] } as const;
    const { best, search } = await searchArchitectures({ ...options, latency });
    assert.deepEqual(
      search.objectives.map(({ name }) => name),
      ['oracle', 'latency', 'params'],
    );
    for (const a of best) {
      assert.equal(a.values['latency'], latency(a.architecture));
      assert.equal(a.values['params'], a.params);
      const better = best.filter(
        (b) => b.accuracy! > a.accuracy! && b.params <= a.params && b.values['latency']! <= a.values['latency']!,
      );
      assert.deepEqual(better, []);
    }
    const table = place('table');
    const lines = [...nasbench201.enumerate()].map((one) => {
      const text = nasbench201.print(one);
      return `${text},${latency(text)}`;
    });
    writeFileSync(table, `architecture,milliseconds\n${lines.join('\n')}\n`);
    assert.deepEqual((await searchArchitectures({ ...options, latency: table })).best, best);
    const limited = await searchArchitectures({ ...SMALL, proxies: ['oracle'], latency: table, maxLatency: 2 });
    assert.ok(limited.best.every(({ architecture }) => latency(architecture) <= 2));
  });

  it('trains a few of the best by the table', async () => {
    const { trained, best } = await searchArchitectures({
      ...SMALL,
      proxies: ['params'],
      train: { networks: 4, epochs: 12 },
    });
    assert.equal(trained?.totalEpochs, 48);
    const expected = best.slice(0, 4).map(({ architecture, index }) => ({
      architecture,
      accuracy: benchmark.accuracy(index!, 'cifar10', 12),
    }));
    assert.deepEqual(trained?.networks, expected);
    const winner = expected.toSorted((a, b) => b.accuracy - a.accuracy)[0]!.architecture;
    assert.equal(trained?.best.architecture, winner);
    assert.equal(trained?.best.accuracy, best.find(({ architecture }) => architecture === winner)!.accuracy);
  });

  it('repeats with other draws, and compares with rivals', async () => {
    const { comparison, optimum, best } = await searchArchitectures({
      ...SMALL,
      proxies: ['params'],
      repeats: 3,
      beside: ['random', 'oracle', 'local:flops'],
    });
    assert.deepEqual(
      comparison.map(({ name, algorithm, objective }) => [name, algorithm, objective]),
      [
        ['aging:params', 'aging', 'params'],
        ['random', 'random', 'params'],
        ['oracle', 'aging', 'oracle'],
        ['local:flops', 'local', 'flops'],
      ],
    );
    for (const { accuracies, accuracy, regret, curves, highest } of comparison) {
      assert.equal(accuracies.length, 3);
      const mean = accuracies.reduce((sum, one) => sum + one, 0) / 3;
      assert.ok(Math.abs(accuracy.mean - mean) < 1e-9);
      assert.ok(Math.abs(regret.mean - (optimum!.accuracy - mean)) < 1e-9);
      assert.deepEqual(
        curves.map((curve) => curve.at(-1)!.accuracy),
        accuracies,
      );
      assert.ok(highest.mean >= accuracy.mean);
    }
    assert.equal(comparison[0]!.accuracies[0], best[0]!.accuracy);
    const [, , oracle] = comparison;
    assert.equal(oracle!.highest.mean, oracle!.accuracy.mean);
    const single = await searchArchitectures({ ...SMALL, proxies: ['params'], searchSeed: 2 });
    assert.equal(single.best[0]!.accuracy, comparison[0]!.accuracies[2]);
  });

  it('repeats with initial parameters and images of its own, or with the same where that is asked for', async () => {
    const options = { ...SMALL, budget: 12, population: 6, sample: 2, proxies: ['eznas-a'], batch: 1 };
    const { comparison, protocol } = await searchArchitectures({ ...options, repeats: 2 });
    assert.deepEqual(protocol.seeds, [0, 1]);
    const other = await searchArchitectures({ ...options, seed: 1 });
    assert.equal(comparison[0]!.accuracies[1], other.best[0]!.accuracy);
    const same = await searchArchitectures({ ...options, repeats: 2, sameScores: true });
    assert.deepEqual(same.protocol.seeds, [0]);
    const drawn = await searchArchitectures({ ...options, searchSeed: 1 });
    assert.equal(same.comparison[0]!.accuracies[1], drawn.best[0]!.accuracy);
    assert.notDeepEqual(drawn.best[0]!.values, other.best[0]!.values, 'the same draws, but other parameters');
  });

  it('searches a space of its own, without a benchmark', async () => {
    const space = toySpace(3);
    const { best, optimum, regret, curve, protocol, ended } = await searchArchitectures({
      space,
      proxies: ['eznas-a'],
      programs: ['frobenius_norm(T3)'],
      batch: 1,
      images: 'noise',
      budget: 40,
      population: 5,
      sample: 2,
    } as SearchArchitecturesOptions);
    assert.deepEqual([optimum, regret, curve, best[0]!.accuracy, best[0]!.index], [null, null, [], null, null]);
    assert.equal(protocol.networks.count, 27);
    assert.equal(ended, 'exhausted');
    assert.ok(Number.isFinite(best[0]!.values['frobenius_norm(T3)']));
  });

  describe('resumed', () => {
    const options = {
      ...SMALL,
      budget: 14,
      proxies: ['eznas-a', 'params'],
      repeats: 2,
      beside: ['random'],
      warmup: { proxy: 'eznas-a', count: 12 },
    };

    it('gives what it would have given, wherever it was stopped', async () => {
      const expected = await searchArchitectures({ ...options, runFolder: place() });
      for (const after of [1, 20]) {
        const runFolder = place();
        const stop = new AbortController();
        const onProgress = ({ done }: { done: number }) => done >= after && stop.abort();
        await assert.rejects(
          searchArchitectures({ ...options, runFolder, signal: stop.signal, onProgress }),
          (error) => error instanceof EznasError && error.code === 'ABORTED',
        );
        const copy = place('copy');
        cpSync(runFolder, copy, { recursive: true });
        const result = await resumeSearch(runFolder);
        assert.deepEqual(timeless(result), timeless(expected));
        assert.deepEqual(
          JSON.parse(readFileSync(join(runFolder, 'report.json'), 'utf8')),
          JSON.parse(JSON.stringify(result)),
        );

        // Without its scores too: only the time is lost.
        rmSync(join(copy, 'scores.sqlite'));
        assert.deepEqual(timeless(await resumeSearch(copy)), timeless(expected));
      }
    });

    it('gives the same again when it was complete', async () => {
      const runFolder = place();
      const result = await searchArchitectures({ ...options, runFolder });
      assert.deepEqual(timeless(await resumeSearch(runFolder)), timeless(result));
    });

    it('is refused where the folder is damaged, of another kind or none', async () => {
      const runFolder = place();
      await searchArchitectures({ ...SMALL, proxies: ['params'], runFolder });
      const resumeFails = (pattern: RegExp) =>
        assert.rejects(resumeSearch(runFolder), (error) => {
          assert.ok(error instanceof EznasError && ['INVALID_RUN', 'INVALID_FILE'].includes(error.code), String(error));
          assert.match(error.message, pattern);
          return true;
        });
      const config = join(runFolder, 'config.json');
      const whole = readFileSync(config, 'utf8');
      writeFileSync(join(runFolder, 'scores.sqlite'), 'x'.repeat(5000));
      await resumeFails(/scores\.sqlite.*delete it/);
      rmSync(join(runFolder, 'scores.sqlite'));
      writeFileSync(config, whole.slice(0, 100));
      await resumeFails(/config\.json is damaged/);
      writeFileSync(config, whole.replace('"budget": 24', '"budget": 0'));
      await resumeFails(/budget must be an integer/);
      writeFileSync(config, whole.replace('"kind": "search"', '"kind": "evolve"'));
      await resumeFails(/holds a run of eznas evolve/);
      rmSync(config);
      await resumeFails(/no config\.json/);
    });
  });

  it('refuses what it cannot do before it makes a folder', async () => {
    const runFolder = place();
    const fails = (options: SearchArchitecturesOptions, code: ErrorCode, pattern: RegExp) =>
      refuses({ ...SMALL, ...options, runFolder }, code, pattern);
    await fails({ budget: 0 }, 'INVALID_ARGUMENT', /budget/);
    await fails({ proxies: ['eznas-b'] }, 'INVALID_ARGUMENT', /eznas-b.*eznas-a/);
    await fails({ programs: ['frobenius_norm('] }, 'INVALID_PROGRAM', /./);
    await fails({ proxies: ['params', 'flops'], weights: [1] }, 'INVALID_ARGUMENT', /1 weights for 2/);
    await fails({ minimize: ['params'] }, 'INVALID_ARGUMENT', /nsga2/);
    await fails({ maxParams: -1 }, 'INVALID_ARGUMENT', /params/);
    await fails({ maxParams: Number.NaN }, 'INVALID_ARGUMENT', /params/);
    await fails({ beside: ['anneal:oracle'] }, 'INVALID_ARGUMENT', /anneal:oracle/);
    await fails({ beside: ['random:orakel'] }, 'INVALID_ARGUMENT', /orakel/);
    await fails({ train: { networks: 3, epochs: 13 } }, 'INVALID_ARGUMENT', /13 epochs/);
    await fails({ repeats: 0 }, 'INVALID_ARGUMENT', /repeats/);
    await fails({ latency: place('missing') }, 'INVALID_FILE', /latency table/);
    const space = toySpace(3) as SearchArchitecturesOptions['space'] & object;
    await fails({ space, proxies: ['oracle'] }, 'INVALID_ARGUMENT', /no accuracies/);
    assert.ok(!existsSync(runFolder));
    const table = place('table');
    writeFileSync(table, 'a,1\nb,-2\n');
    await fails({ latency: table }, 'INVALID_FILE', /line 2/);
  });
});
