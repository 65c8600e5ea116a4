import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { evaluateProxies } from '../../lib/evaluation/evaluate.ts';
import { openDatabase } from '../../lib/runs/database.ts';
import { evaluateResult } from './schemas.ts';
import { eznas, jsonOf, start } from './support.ts';

/** Scores in a cache, if it is there. */
function kept(cache: string): number {
  if (!existsSync(cache)) return 0;
  const database = openDatabase(cache);
  try {
    const { count } = database.prepare('SELECT count(*) AS count FROM scores').get() as { count: number };
    return count;
  } catch {
    // The tables are being made.
    return 0;
  } finally {
    database.close();
  }
}

describe('eznas evaluate', () => {
  it('gives correlations with intervals, and the protocol', async () => {
    const { protocol, results } = evaluateResult.parse(
      await jsonOf(
        'evaluate',
        '--proxy',
        'eznas-a',
        '--proxy',
        'params',
        '--networks',
        '12',
        '--batch',
        '1',
        '--seed',
        '5',
      ),
    );
    assert.deepEqual(
      results.map(({ name, networks }) => ({ name, networks })),
      [
        { name: 'eznas-a', networks: 12 },
        { name: 'params', networks: 12 },
      ],
    );
    for (const { kendallTau } of results) {
      assert.ok(kendallTau.low! <= kendallTau.value! && kendallTau.value! <= kendallTau.high!);
    }
    assert.deepEqual(
      { ...protocol, version: '', device: 'cpu', gpus: [], simd: '', threads: 0 },
      {
        version: '',
        space: 'nasbench201',
        benchmark: 'nasbench201',
        dataset: 'cifar10',
        networks: { count: 12, chosen: 'random' },
        accuracy: { split: 'test', epochs: 200 },
        batch: 1,
        seed: 5,
        seeds: [5],
        images: 'photographs',
        labels: null,
        initialization: 'kaiming-normal-fan-out',
        separableUnit: null,
        onnx: null,
        measures: null,
        device: 'cpu',
        gpus: [],
        precision: 'float32',
        simd: '',
        threads: 0,
      },
    );
  });

  it('takes a program in place of a name, with the same result', async () => {
    const evaluate = async (...how: string[]) =>
      evaluateResult.parse(await jsonOf('evaluate', ...how, '--networks', '6', '--batch', '1')).results[0]!;
    const named = await evaluate('--proxy', 'eznas-a');
    const written = await evaluate('--program', 'frobenius_norm(sigmoid(logdet(sign(T1GD))))');
    assert.deepEqual({ ...written, name: '', secondsPerNetwork: 0 }, { ...named, name: '', secondsPerNetwork: 0 });
    assert.equal(written.name, 'frobenius_norm(sigmoid(logdet(sign(T1GD))))');
  });

  it('gives the same numbers for any number of threads', async () => {
    const evaluate = async (threads: string) => {
      const args = ['--proxy', 'eznas-a', '--networks', '6', '--batch', '2', '--threads', threads];
      const { protocol, results } = evaluateResult.parse(await jsonOf('evaluate', ...args));
      assert.equal(protocol.threads, Number(threads));
      return results.map((result) => ({ ...result, secondsPerNetwork: 0 }));
    };
    assert.deepEqual(await evaluate('1'), await evaluate('3'));
  });

  it('counts parameters of all networks without the addon', async () => {
    const args = ['evaluate', '--proxy', 'params', '--networks', 'all', '--json'];
    const { code, stdout } = await start(args, { EZNAS_ADDON: '/nonexistent' }).outcome;
    assert.equal(code, 0);
    const { protocol, results } = evaluateResult.parse(JSON.parse(stdout));
    assert.equal(protocol.networks.count, 15625);
    assert.equal(protocol.simd, null);
    // Published for all of NAS-Bench-201 on CIFAR-10: ρ = .753.
    assert.ok(Math.abs(results[0]!.spearmanRho.value! - 0.753) < 0.0005);
  });

  it('repeats what a file tells, with seeds and their spread', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'eznas-replay-'));
    try {
      const file = join(folder, 'result.json');
      const args = ['--proxy', 'snip', '--program', 'mean(T1D)', '--networks', '5', '--batch', '2', '--seeds', '3,1'];
      const first = evaluateResult.parse(await jsonOf('evaluate', ...args, '--out', file));
      assert.deepEqual(first.protocol.seeds, [3, 1]);
      assert.equal(first.protocol.seed, 3);
      assert.equal(first.protocol.labels, 'random');
      for (const { kendallTau, bySeed, cost } of first.results) {
        const taus = bySeed.map((one) => (one as Record<string, number>)['kendallTau']!);
        assert.ok(Math.abs(kendallTau.value! - (taus[0]! + taus[1]!) / 2) < 1e-12);
        assert.ok(Math.abs(kendallTau.spread! - Math.abs(taus[0]! - taus[1]!) / Math.SQRT2) < 1e-12);
        assert.equal(cost.forwardImages, 2);
      }
      const again = evaluateResult.parse(await jsonOf('evaluate', '--replay', file, '--threads', '1'));
      assert.deepEqual(again.replay, { file, same: true, differences: [] });
      const untimed = ({ results }: typeof first) => results.map((result) => ({ ...result, secondsPerNetwork: 0 }));
      assert.deepEqual(untimed(again), untimed(first));

      const mixed = await eznas('evaluate', '--replay', file, '--seed', '1');
      assert.equal(mixed.code, 2);
      assert.match(mixed.stderr, /--seed is decided by the result that --replay names/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('goes on after it was killed or stopped, to what an undisturbed evaluation gives', async function () {
    this.timeout(120_000);
    const folder = mkdtempSync(join(tmpdir(), 'eznas-cache-'));
    try {
      const [file, cache] = [join(folder, 'result.json'), join(folder, 'scores.db')];
      const program = 'mean(T1D)';
      const undisturbed = await evaluateProxies({
        proxies: ['swap'],
        programs: [program],
        networks: 80,
        batch: 1,
        device: 'cpu',
      });
      writeFileSync(file, JSON.stringify(undisturbed));
      const args = ['--proxy', 'swap', '--program', program, '--batch', '1', '--cache', cache];
      for (const signal of ['SIGKILL', 'SIGINT'] as const) {
        const before = kept(cache);
        const { child, outcome } = start(['evaluate', ...args, '--networks', '80']);
        while (kept(cache) === before) await setTimeout(20);
        child.kill(signal);
        const { code, stderr } = await outcome;
        assert.equal(code, signal === 'SIGKILL' ? signal : 130);
        if (signal === 'SIGINT')
          assert.match(stderr, /scores so far are in .*scores\.db, and the same command goes on/);
      }
      const scored = kept(cache);
      assert.ok(scored >= 2 * 64 && scored < 160, `${scored} of 160 scores`);
      const { code, stderr } = await eznas('evaluate', '--replay', file, '--cache', cache);
      assert.equal(code, 0);
      assert.match(stderr, new RegExp(`${scored} of 160 scores were in .*scores\\.db`));
      assert.match(stderr, /the same numbers as/);

      const elsewhere = start(['evaluate', ...args, '--networks', '2', '--json'], { EZNAS_SIMD: 'baseline' });
      const { results } = evaluateResult.parse(JSON.parse((await elsewhere.outcome).stdout));
      const cached = results.map((row) => row.cached);
      assert.deepEqual(cached, [0, 0], 'another SIMD level rounds in its own way');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('has no correlation for a score that is the same everywhere', async () => {
    const { results } = evaluateResult.parse(
      await jsonOf('evaluate', '--program', 'mean(ones_like(T3))', '--networks', '4', '--batch', '1'),
    );
    assert.deepEqual(results[0]!.kendallTau, { value: null, low: null, high: null, spread: null });
  });

  it('ends quietly when nobody reads stdout any more', async () => {
    const { child, outcome } = start(['evaluate', '--proxy', 'params', '--networks', '20', '--json']);
    child.stdout!.destroy();
    const { code, stderr } = await outcome;
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  });

  it('names its columns where stdout is no terminal', async () => {
    const { stdout } = await eznas('evaluate', '--proxy', 'params', '--networks', '20');
    const [head, row, ...rest] = stdout.split('\n');
    assert.equal(
      head,
      [
        'name',
        ...['kendallTau', 'kendallTauLow', 'kendallTauHigh', 'kendallTauSpread'],
        ...['spearmanRho', 'pearsonR', 'weightedTau', 'top10', 'top1', 'bestAccuracy'].flatMap((name) => [
          name,
          `${name}Low`,
          `${name}High`,
        ]),
        ...['networks', 'secondsPerNetwork', 'multiplyAdds'],
      ].join('\t'),
    );
    assert.equal(row!.split('\t').length, head!.split('\t').length);
    assert.deepEqual(rest, ['']);
  });
});
