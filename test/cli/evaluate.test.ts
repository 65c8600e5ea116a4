import assert from 'node:assert/strict';
import { evaluateResult } from './schemas.ts';
import { eznas, jsonOf, start } from './support.ts';

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
      { ...protocol, version: '', simd: '', threads: 0 },
      {
        version: '',
        space: 'nasbench201',
        benchmark: 'nasbench201',
        dataset: 'cifar10',
        networks: { count: 12, chosen: 'random' },
        accuracy: { split: 'test', epochs: 200 },
        batch: 1,
        seed: 5,
        images: 'photographs',
        labels: null,
        initialization: 'kaiming-normal-fan-out',
        device: 'cpu',
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

  it('has no correlation for a score that is the same everywhere', async () => {
    const { results } = evaluateResult.parse(
      await jsonOf('evaluate', '--program', 'mean(ones_like(T3))', '--networks', '4', '--batch', '1'),
    );
    assert.deepEqual(results[0]!.kendallTau, { value: null, low: null, high: null });
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
      'name\tkendallTau\tkendallTauLow\tkendallTauHigh\tspearmanRho\tspearmanRhoLow\tspearmanRhoHigh\tpearsonR\tpearsonRLow\tpearsonRHigh\tnetworks\tsecondsPerNetwork',
    );
    assert.equal(row!.split('\t').length, head!.split('\t').length);
    assert.deepEqual(rest, ['']);
  });
});
