import assert from 'node:assert/strict';
import { addon } from '../../lib/addon.ts';
import {
  collectStatistics,
  evaluatePrograms,
  initialParameters,
  networkGradients,
  scoreNetworks,
} from '../../lib/engine/run.ts';
import { Statistics } from '../../lib/engine/statistics.ts';
import { EznasError } from '../../lib/errors.ts';
import { parseProgram } from '../../lib/programs/parse.ts';
import { TENSORS } from '../../lib/programs/tensors.ts';
import { nasbench201 } from '../../lib/spaces/nasbench201.ts';
import { randomInputs, smallNetworks } from './support.ts';

const PROGRAMS = [
  'frobenius_norm(sigmoid(logdet(sign(T1GD))))',
  'mean(abs(T3GN))',
  'frobenius_norm(lt0(log(add(log(T4P), T4N))))',
  'symeig_ratio(T3)',
].map(parseProgram);

function withCode(code: string, ...words: RegExp[]) {
  return (error: unknown) => {
    assert.ok(error instanceof EznasError, String(error));
    assert.equal(error.code, code, error.message);
    for (const word of words) assert.match(error.message, word);
    return true;
  };
}

describe('collecting statistics', () => {
  it('gives the same tensors whatever the threads, the order and the company', async () => {
    const inputs = randomInputs(2);
    using one = await collectStatistics(smallNetworks([1462, 99, 6111]), inputs, { seed: 7, threads: 1 });
    using other = await collectStatistics(smallNetworks([6111, 1462]), inputs, { seed: 7, threads: 3 });
    for (const name of TENSORS) {
      assert.deepEqual(one.tensor(0, 5, name), other.tensor(1, 5, name), name);
      assert.deepEqual(one.tensor(2, 3, name), other.tensor(0, 3, name), name);
    }
  });

  it('records only the tensors asked for', async () => {
    using statistics = await collectStatistics(smallNetworks([1462]), randomInputs(1), { tensors: ['T1GD', 'T3'] });
    for (const name of TENSORS) {
      assert.equal(statistics.tensor(0, 0, name) !== undefined, name === 'T1GD' || name === 'T3', name);
    }
  });

  it('initializes from seed and key, and the parameters it reports are those it uses', async () => {
    const [network] = smallNetworks([1462]);
    const inputs = randomInputs(2);
    const parameters = initialParameters(network!, 3);
    using generated = await collectStatistics([network!], inputs, { seed: 3, logits: true });
    using given = await collectStatistics([{ ...network!, parameters }], inputs, { seed: 3, logits: true });
    assert.deepEqual(generated.logits(0, 'D'), given.logits(0, 'D'));
    assert.notDeepEqual(initialParameters(network!, 4)[0], parameters[0]);
    assert.notDeepEqual(initialParameters({ ...network!, key: 1463 }, 3)[0], parameters[0]);
  });

  it('gives gradients that finite differences of the logits confirm', async () => {
    const [network] = smallNetworks([9930]);
    const inputs = randomInputs(3);
    const parameters = initialParameters(network!, 1);
    const { parameters: slopes, logits } = await networkGradients({ ...network!, parameters }, inputs);
    assert.equal(logits.length, 30);
    const sumOfLogits = async (shift: number) => {
      // Along the classifier's weights the logits are linear, so one central difference is exact but for rounding.
      const moved = parameters.map((values, i) =>
        i === parameters.length - 2 ? values.map((x) => x + shift) : values,
      );
      const result = await networkGradients({ ...network!, parameters: moved }, inputs);
      return result.logits.reduce((a, b) => a + b, 0);
    };
    const numeric = ((await sumOfLogits(0.5)) - (await sumOfLogits(-0.5))) / 1;
    const analytic = slopes.at(-2)!.reduce((a, b) => a + b, 0);
    assert.ok(Math.abs(numeric - analytic) < 1e-3 * Math.abs(analytic), `${numeric} and ${analytic}`);
  });

  it('can be disposed at any time, and says so when used after', async () => {
    const statistics = await collectStatistics(smallNetworks([99]), randomInputs(1));
    const pending = evaluatePrograms(statistics, PROGRAMS);
    statistics.dispose();
    statistics.dispose();
    assert.equal((await pending).networks, 1);
    assert.throws(() => statistics.tensor(0, 0, 'T1D'), withCode('INVALID_ARGUMENT', /disposed/));
    await assert.rejects(evaluatePrograms(statistics, PROGRAMS), withCode('INVALID_ARGUMENT', /disposed/));
  });

  it('refuses to run no networks at all', async () => {
    await assert.rejects(collectStatistics([], randomInputs(1)), withCode('INVALID_ARGUMENT', /no networks/));
    await assert.rejects(scoreNetworks([], PROGRAMS, randomInputs(1)), withCode('INVALID_ARGUMENT', /no networks/));
  });

  it('refuses what does not fit, naming it', async () => {
    const networks = smallNetworks([99]);
    const inputs = randomInputs(2);
    const nan = { ...inputs, data: inputs.data.with(5, Number.NaN) };
    await assert.rejects(collectStatistics(networks, nan), withCode('INVALID_ARGUMENT', /image 0/i, /nan/i));
    await assert.rejects(collectStatistics(networks, { ...inputs, batch: 0 }), withCode('INVALID_ARGUMENT', /batch/i));
    await assert.rejects(collectStatistics(networks, { ...inputs, batch: 3 }), withCode('INVALID_ARGUMENT', /data/));
    await assert.rejects(
      collectStatistics([{ ...networks[0]!, parameters: [] }], { ...inputs }, {}),
      withCode('INVALID_ARGUMENT', /parameter/),
    );
    await assert.rejects(
      collectStatistics([{ ...networks[0]!, key: -1 }], inputs),
      withCode('INVALID_ARGUMENT', /key/),
    );
    await assert.rejects(
      collectStatistics(networks, { ...inputs, shape: [3, 16, 4] }),
      withCode('INVALID_ARGUMENT', /images of 3×8×8/),
    );
    await assert.rejects(collectStatistics(networks, inputs, { threads: -1 }), withCode('INVALID_ARGUMENT', /threads/));
  });

  it('refuses absurd sizes before allocating', async () => {
    const graph = nasbench201.build(nasbench201.architecture(1462), { initialChannels: 100_000 });
    const before = process.memoryUsage().rss;
    await assert.rejects(
      collectStatistics([{ graph, key: 0 }], randomInputs(64, 32)),
      withCode('TOO_LARGE', /floats|bytes|GiB/),
    );
    assert.ok(process.memoryUsage().rss - before < 512 * 2 ** 20);
  });

  it('reports running out of memory and goes on after', async () => {
    const networks = smallNetworks([1462, 99, 6111]);
    addon().setMemoryLimit(addon().info().memory.inUse + 300_000);
    try {
      // Of the CPU, as are the many networks below; test/cuda/limits.cuda.ts asks the same of GPUs.
      await assert.rejects(collectStatistics(networks, randomInputs(2), { device: 'cpu' }), (error: unknown) => {
        assert.ok(error instanceof EznasError && ['OUT_OF_MEMORY', 'TOO_LARGE'].includes(error.code), String(error));
        return true;
      });
    } finally {
      addon().setMemoryLimit(0);
    }
    using statistics = await collectStatistics(networks, randomInputs(2));
    assert.equal(statistics.networks, 3);
  });

  it('stops when the signal fires', async () => {
    const networks = new Array(2000).fill(smallNetworks([1462])[0]!);
    const controller = new AbortController();
    const job = scoreNetworks(networks, PROGRAMS, randomInputs(8), {
      device: 'cpu',
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await assert.rejects(job, withCode('ABORTED'));
    await assert.rejects(
      scoreNetworks(networks, PROGRAMS, randomInputs(1), { signal: AbortSignal.abort() }),
      withCode('ABORTED'),
    );
  });
});

describe('scoring programs', () => {
  it('agrees between streaming, recorded statistics and tensors given back, for any threads and with or without sharing', async () => {
    const networks = smallNetworks([0, 1, 4, 99, 857, 1462]);
    const inputs = randomInputs(2);
    const streamed = await scoreNetworks(networks, PROGRAMS, inputs, { threads: 2, unitScores: true });
    using statistics = await collectStatistics(networks, inputs);
    const recorded = await evaluatePrograms(statistics, PROGRAMS, { threads: 3, share: false });
    using copied = Statistics.fromTensors(
      networks.map((_, network) =>
        statistics.units(network).map((shapes, unit) => ({
          ...shapes,
          tensors: Object.fromEntries(TENSORS.map((name) => [name, statistics.tensor(network, unit, name)!])),
        })),
      ),
    );
    const given = await evaluatePrograms(copied, PROGRAMS, { threads: 1 });
    for (let program = 0; program < PROGRAMS.length; program++) {
      assert.deepEqual(streamed.row(program), recorded.row(program));
      assert.deepEqual(streamed.row(program), given.row(program));
      assert.ok(streamed.isValid(program));
      const units = streamed.unitScores(program, 2)!;
      assert.equal(units.length, statistics.units(2).length);
      const mean = units.reduce((a, b) => a + b, 0) / units.length;
      assert.ok(Math.abs(mean - streamed.score(program, 2)) <= 1e-12 * Math.abs(mean));
    }
  });

  it('tells invalid from non-finite', async () => {
    const programs = ['add(T1D, T3)', 'reciprocal(zeros_like(T1D))', 'mean(T1D)'].map(parseProgram);
    const scores = await scoreNetworks(smallNetworks([1462]), programs, randomInputs(2));
    assert.deepEqual(
      programs.map((_, program) => scores.status(program, 0)),
      ['invalid', 'nonfinite', 'ok'],
    );
    assert.ok(Number.isNaN(scores.score(0, 0)) && Number.isNaN(scores.score(1, 0)));
  });

  it('reports progress up to the total', async () => {
    const seen: number[] = [];
    const networks = new Array(300).fill(smallNetworks([1462])[0]!);
    await scoreNetworks(networks, PROGRAMS, randomInputs(4), {
      device: 'cpu',
      onProgress: (done, total) => {
        assert.equal(total, 300);
        seen.push(done);
      },
    });
    assert.ok(seen.length > 0 && seen.every((done) => done >= 1 && done <= 300));
  });
});
