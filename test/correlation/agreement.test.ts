import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { AGREEMENTS, agreement, rankCorrelation, weightedTau } from '../../lib/correlation/index.ts';
import { Random } from '../../lib/random.ts';

const scipy = JSON.parse(readFileSync(new URL('../fixtures/weighted-tau.json', import.meta.url), 'utf8')) as {
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly tau: number;
}[];

const value = (name: (typeof AGREEMENTS)[number], x: readonly number[], y: readonly number[]) =>
  agreement([x], y, { resamples: 1 })[name].value;

function normals(count: number, seed: number): number[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => random.normal());
}

describe('weightedTau', () => {
  it("is SciPy's", () => {
    for (const { x, y, tau } of scipy) assert.ok(Math.abs(weightedTau(x, y) - tau) < 1e-12, `${x}; ${y}`);
  });

  it('is ±1 for equal and opposite order, and not defined for constants, NaN and single points', () => {
    const x = normals(20, 1);
    assert.ok(Math.abs(weightedTau(x, x) - 1) < 1e-12);
    assert.ok(
      Math.abs(
        weightedTau(
          x,
          x.map((v) => -v),
        ) + 1,
      ) < 1e-12,
    );
    assert.ok(Number.isNaN(weightedTau([1, 1, 1], [1, 2, 3])));
    assert.ok(Number.isNaN(weightedTau([1, 2, 3], [5, 5, 5])));
    assert.ok(Number.isNaN(weightedTau([1, Number.NaN, 3], [1, 2, 3])));
    assert.ok(Number.isNaN(weightedTau([1], [1])));
  });

  it('takes an exchange among the best for worse than one among the worst', () => {
    const y = [1, 2, 3, 4, 5, 6];
    assert.ok(weightedTau([1, 2, 3, 4, 6, 5], y) < weightedTau([2, 1, 3, 4, 5, 6], y));
  });
});

describe('overlap of the best', () => {
  it('is the share of the best by accuracy among the best by score', () => {
    const y = Array.from({ length: 20 }, (_, at) => at);
    assert.equal(value('top10', y, y), 1);
    // The best two are 19 and 18; the scores put 19 and 0 first.
    const x = y.map((v) => (v === 0 ? 100 : v));
    assert.equal(value('top10', x, y), 0.5);
    assert.equal(
      value(
        'top10',
        y.map((v) => -v),
        y,
      ),
      0,
    );
    // One of twenty is the best 1 %.
    assert.equal(value('top1', x, y), 0);
  });

  it('shares the border out among ties', () => {
    // All ten scores are equal: the best by accuracy is among the best one with probability 1/10.
    const y = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    assert.ok(Math.abs(value('top10', new Array(10).fill(1), y) - 0.1) < 1e-12);
  });

  it('agrees with counting, whatever the order of the points', () => {
    const x = normals(300, 2);
    const y = x.map((v, at) => v + normals(300, 3)[at]!);
    const best = (values: readonly number[], count: number) =>
      new Set([...values.keys()].sort((a, b) => values[b]! - values[a]!).slice(0, count));
    for (const [name, count] of [
      ['top10', 30],
      ['top1', 3],
    ] as const) {
      const common = [...best(x, count)].filter((at) => best(y, count).has(at)).length;
      assert.ok(Math.abs(value(name, x, y) - common / count) < 1e-12);
    }
  });
});

describe('agreement', () => {
  it('has the accuracy at the highest score, or the mean at the highest ones', () => {
    assert.equal(value('bestAccuracy', [3, 9, 1], [70, 90, 80]), 90);
    assert.equal(value('bestAccuracy', [9, 9, 1], [70, 90, 80]), 80);
    assert.equal(value('bestAccuracy', [0, 0, -1], [0, 0, 5]), 0);
  });

  it('has the values of rankCorrelation, and intervals around them', () => {
    const x = normals(80, 4);
    const y = x.map((v, at) => v + 2 * normals(80, 5)[at]!);
    const found = agreement([x], y, { resamples: 400, seed: 3 });
    const known = rankCorrelation(x, y, { resamples: 400, seed: 3 });
    for (const name of ['kendallTau', 'spearmanRho', 'pearsonR'] as const) {
      assert.equal(found[name].value, known[name].value);
      assert.ok(Math.abs(found[name].low - known[name].low) < 0.05, name);
      assert.ok(Math.abs(found[name].high - known[name].high) < 0.05, name);
    }
    for (const name of AGREEMENTS) {
      const { value, low, high, spread, each } = found[name];
      assert.ok(low <= value && value <= high, name);
      assert.ok(Number.isNaN(spread));
      assert.deepEqual(each, [value]);
    }
    assert.deepEqual(agreement([x], y, { resamples: 400, seed: 3 }), found);
  });

  it('takes the mean over series, with their spread', () => {
    const y = normals(60, 6);
    const series = [7, 8, 9].map((seed) => y.map((v, at) => v + normals(60, seed)[at]!));
    const { kendallTau } = agreement(series, y, { resamples: 100 });
    const each = series.map((x) => value('kendallTau', x, y));
    const mean = (each[0]! + each[1]! + each[2]!) / 3;
    assert.deepEqual(kendallTau.each, each);
    assert.ok(Math.abs(kendallTau.value - mean) < 1e-12);
    const variance = each.reduce((sum, tau) => sum + (tau - mean) ** 2, 0) / 2;
    assert.ok(Math.abs(kendallTau.spread - Math.sqrt(variance)) < 1e-12);
    // The same scores thrice have no spread, and the interval of one.
    const [same, one] = [
      agreement([y, y, y], series[0]!, { resamples: 50 }),
      agreement([y], series[0]!, { resamples: 50 }),
    ];
    assert.equal(same.kendallTau.spread, 0);
    assert.ok(Math.abs(same.kendallTau.low - one.kendallTau.low) < 1e-12);
  });

  it('is not defined for constants and for no points, and refuses what does not fit', () => {
    const constant = agreement([[1, 1, 1]], [1, 2, 3], { resamples: 5 });
    assert.ok(Number.isNaN(constant.kendallTau.value) && Number.isNaN(constant.kendallTau.low));
    assert.equal(constant.bestAccuracy.value, 2);
    const empty = agreement([[]], [], { resamples: 5 });
    for (const name of AGREEMENTS) assert.ok(Number.isNaN(empty[name].value), name);
    assert.throws(() => agreement([], [1]), { code: 'INVALID_ARGUMENT', message: /series/ });
    assert.throws(() => agreement([[1]], [1, 2]), { code: 'INVALID_ARGUMENT', message: /as many/ });
    assert.throws(() => agreement([[1]], [1], { level: 1 }), { code: 'INVALID_ARGUMENT', message: /level/ });
  });
});
