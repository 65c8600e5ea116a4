import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadNasbench201 } from '../../lib/benchmarks/nasbench201.ts';
import { evaluateProxies } from '../../lib/evaluation/evaluate.ts';
import { rankFinite } from '../../lib/evaluation/ranking.ts';
import { differences } from '../../lib/evaluation/replay.ts';
import { type ScoreArchitecturesOptions, scoreArchitectures } from '../../lib/evaluation/score.ts';
import type { ImageSource } from '../../lib/images/source.ts';
import { readEvaluation } from '../../lib/onnx/replay.ts';
import { leaf } from '../../lib/programs/tree.ts';

/** Kendall's τ-b from its definition, pair by pair. */
function tauByCounting(x: readonly number[], y: readonly number[]): number {
  let [both, xPairs, yPairs] = [0, 0, 0];
  for (const i of x.keys()) {
    for (let j = 0; j < i; j++) {
      const [dx, dy] = [Math.sign(x[i]! - x[j]!), Math.sign(y[i]! - y[j]!)];
      both += dx * dy;
      xPairs += dx * dx;
      yPairs += dy * dy;
    }
  }
  return both / Math.sqrt(xPairs * yPairs);
}

/** Spans two chunks of 512 networks. */
const TWO_CHUNKS = 520;

describe('evaluateProxies', () => {
  it('correlates the scores that scoreArchitectures gives with the accuracies of the dataset', async () => {
    const common = { proxies: ['params'], networks: 30, seed: 4, dataset: 'imagenet16-120' };
    const { networks, scores } = await scoreArchitectures(common);
    const { results } = await evaluateProxies(common);
    const benchmark = loadNasbench201();
    const accuracies = networks.map((index) => benchmark.accuracy(index!, 'imagenet16-120'));
    assert.equal(results[0]!.kendallTau.value.toFixed(12), tauByCounting(scores['params']!, accuracies).toFixed(12));
  });

  it('stops when the signal is aborted, also without running networks', async () => {
    const controller = new AbortController();
    const evaluation = evaluateProxies({
      proxies: ['params'],
      networks: 'all',
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await assert.rejects(evaluation, { name: 'EznasError', code: 'ABORTED' });
    const running = evaluateProxies({
      proxies: ['eznas-a'],
      networks: 100,
      batch: 1,
      signal: AbortSignal.timeout(20),
    });
    await assert.rejects(running, { name: 'EznasError', code: 'ABORTED' });
  });

  it('reports progress up to the number of networks', async () => {
    const seen: [number, number][] = [];
    const onProgress = (done: number, total: number) => seen.push([done, total]);
    await evaluateProxies({ proxies: ['flops'], networks: 1100, onProgress });
    assert.deepEqual(seen.at(-1), [1100, 1100]);
    assert.ok(seen.every(([done], at) => at === 0 || done > seen[at - 1]![0]));
  });
});

describe('a recorded evaluation', () => {
  const folder = mkdtempSync(join(tmpdir(), 'eznas-replay-'));
  const file = join(folder, 'result.json');
  after(() => rmSync(folder, { recursive: true }));

  it('tells where its repetition differs, times aside', async () => {
    const options = {
      proxies: ['params', 'swap-reg'],
      networks: [5, 90, 6111],
      batch: 1,
      seeds: [4, 2],
      precision: 'tf32' as const,
    };
    const result = await evaluateProxies(options);
    writeFileSync(file, JSON.stringify(result));
    const recorded = readEvaluation(file);
    assert.deepEqual(recorded.options, { ...options, seed: 4, programs: [] });
    const again = await evaluateProxies(recorded.options);
    assert.deepEqual(differences(recorded, again), []);
    const [first] = again.results;
    const other = { ...first!, networks: 7, secondsPerNetwork: 99 };
    assert.deepEqual(differences(recorded, { ...again, results: [other] }).slice(0, 2), [
      'params: networks was 3 and is 7',
      'swap-reg was there and is missing',
    ]);
  });

  it('cannot be written down with images of the caller, and is refused when it is something else', async () => {
    const images: ImageSource = {
      name: 'grey',
      size: 1,
      minibatch: ({ batch, resolution = 0 }) => {
        return { data: new Float32Array(batch * 3 * resolution ** 2), batch, channels: 3, resolution };
      },
    };
    const { request } = await evaluateProxies({ proxies: ['params'], networks: 2, images });
    assert.equal(request, null);
    for (const text of [
      '',
      '[]',
      '{"results": []}',
      JSON.stringify({ protocol: { version: '0' }, request, results: [] }),
    ]) {
      writeFileSync(file, text);
      assert.throws(() => readEvaluation(file), {
        code: 'INVALID_FILE',
        message: /result\.json: .*a result of eznas evaluate is needed/,
      });
    }
    assert.throws(() => readEvaluation(join(folder, 'none.json')), { code: 'INVALID_FILE' });
  });

  it('takes different seeds, at least one', async () => {
    await assert.rejects(evaluateProxies({ proxies: ['params'], seeds: [] }), {
      code: 'INVALID_ARGUMENT',
      message: /seeds/,
    });
    await assert.rejects(evaluateProxies({ proxies: ['params'], seeds: [1, 1] }), {
      code: 'INVALID_ARGUMENT',
      message: /seed 1 is given twice/,
    });
  });
});

describe('rankFinite', () => {
  it('leaves out what is not finite', () => {
    const { networks, kendallTau } = rankFinite(
      [1, Number.NaN, 2, Number.POSITIVE_INFINITY, 3],
      [10, 99, 20, 0, 30],
      0,
    );
    assert.equal(networks, 3);
    assert.equal(kendallTau.value, 1);
  });

  it('is not defined where nothing is finite', () => {
    const { networks, kendallTau } = rankFinite([Number.NaN, Number.NaN], [1, 2], 0);
    assert.deepEqual([networks, kendallTau], [0, { value: Number.NaN, low: Number.NaN, high: Number.NaN }]);
  });
});

describe('scoreArchitectures', () => {
  const score = (options: ScoreArchitecturesOptions) => scoreArchitectures({ batch: 1, ...options });

  it('gives a network the same score alone, among others, and in another chunk', async () => {
    const programs = ['l1_norm(T3)'];
    const many = await score({ programs, networks: TWO_CHUNKS });
    for (const at of [0, 300, TWO_CHUNKS - 1]) {
      const alone = await score({ programs, architectures: [many.networks[at]!] });
      assert.deepEqual(alone.scores['l1_norm(T3)'], [many.scores['l1_norm(T3)']![at]]);
    }
  });

  it('gives different scores for another seed, and another minibatch', async () => {
    const architectures = [6111];
    const programs = ['l1_norm(T1D)'];
    const scoreOf = async (options: ScoreArchitecturesOptions) =>
      (await score({ architectures, programs, ...options })).scores['l1_norm(T1D)']![0];
    const scores = await Promise.all([
      scoreOf({}),
      scoreOf({ seed: 1 }),
      scoreOf({ batch: 2 }),
      scoreOf({ images: 'noise' }),
      scoreOf({ dataset: 'imagenet16-120' }),
    ]);
    assert.equal(new Set(scores).size, scores.length);
    assert.equal(await scoreOf({}), scores[0]);
  });

  it('takes programs as text and as trees, each once, after the proxies', async () => {
    const { scores } = await score({
      architectures: [0],
      programs: ['T3', leaf('T3'), ' mean( T3 ) '],
      proxies: ['flops', 'params', 'flops'],
    });
    assert.deepEqual(Object.keys(scores), ['flops', 'params', 'T3', 'mean(T3)']);
  });

  it('takes formulas beside programs, and ranks all networks for a forest, whatever the chunks', async () => {
    const programs = [
      'mean(abs(T3))',
      'sub(unit_max(mean(abs(T3))), log(params))',
      'rank_sum(mean(abs(T3)), neg(params))',
    ];
    const { scores } = await scoreArchitectures({ proxies: ['params'], programs, networks: TWO_CHUNKS, batch: 1 });
    const [means, , forest] = programs.map((text) => scores[text]!);
    const share = (values: readonly number[], at: number) => {
      const less = values.filter((value) => value < values[at]!).length;
      const equal = values.filter((value) => value === values[at]!).length;
      return (less + (equal + 1) / 2) / values.length;
    };
    const negated = scores['params']!.map((count) => -count);
    for (const at of [0, 1, 300, TWO_CHUNKS - 1]) {
      const expected = Math.log(share(means!, at)) + Math.log(share(negated, at));
      assert.equal(forest![at]!.toFixed(12), expected.toFixed(12));
    }
    await assert.rejects(scoreArchitectures({ programs: ['unit_max(det(flatten(T1D)))'], architectures: [1462] }), {
      code: 'INVALID_PROGRAM',
    });
  });

  it('takes a source of images of the caller', async () => {
    const asked: unknown[] = [];
    const source: ImageSource = {
      name: 'grey',
      size: 1,
      minibatch: ({ batch, resolution = 0, seed }) => {
        asked.push({ batch, resolution, seed });
        return { data: new Float32Array(batch * 3 * resolution ** 2), batch, channels: 3, resolution };
      },
    };
    const { protocol, scores } = await score({
      architectures: [0],
      programs: ['l1_norm(T3)'],
      images: source,
      dataset: 'imagenet16-120',
      batch: 3,
      seed: 5,
    });
    assert.deepEqual(asked, [{ batch: 3, resolution: 16, seed: 5 }]);
    assert.equal(protocol.images, 'grey');
    assert.ok(scores['l1_norm(T3)']![0]! > 0);
  });

  it('names the node and the shapes of a program that does not fit', async () => {
    await assert.rejects(score({ architectures: [0], programs: ['matmul(T3, T1D)'] }), {
      name: 'EznasError',
      code: 'INVALID_PROGRAM',
      message: /matmul\(T3, T1D\) \(the root\) does not fit a unit of network 0: .* 16×16×1×1 and 1×16×32×32/,
    });
  });
});
