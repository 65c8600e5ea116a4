import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { kendallTauB, pearsonR, rankCorrelation, spearmanRho } from '../../lib/correlation/index.ts';
import { weightedKendallTauB } from '../../lib/correlation/kendall.ts';
import { weightedPearsonR, weightedSpearmanRho } from '../../lib/correlation/moments.ts';
import { pairedSample } from '../../lib/correlation/paired.ts';
import { EznasError } from '../../lib/errors.ts';

type Name = 'kendallTau' | 'spearmanRho' | 'pearsonR';
const { bootstrap } = JSON.parse(readFileSync('test/fixtures/correlation.json', 'utf8')) as {
  bootstrap: { x: number[]; y: number[]; intervals: Record<Name, { low: number; high: number }> };
};
const NAMES: Name[] = ['kendallTau', 'spearmanRho', 'pearsonR'];

describe('bootstrap intervals', () => {
  it('agree with SciPy up to the noise of resampling', () => {
    const result = rankCorrelation(bootstrap.x, bootstrap.y, { resamples: 4000 });
    for (const name of NAMES) {
      const { low, high } = bootstrap.intervals[name];
      const width = high - low;
      assert.ok(Math.abs(result[name].low - low) < 0.06 * width, `${name}: low ${result[name].low}, SciPy ${low}`);
      assert.ok(Math.abs(result[name].high - high) < 0.06 * width, `${name}: high ${result[name].high}, SciPy ${high}`);
    }
  });

  it('give the statistics of the sample as values, between the bounds', () => {
    const { x, y } = bootstrap;
    const result = rankCorrelation(x, y, { resamples: 200 });
    assert.equal(result.kendallTau.value, kendallTauB(x, y));
    assert.equal(result.spearmanRho.value, spearmanRho(x, y));
    assert.equal(result.pearsonR.value, pearsonR(x, y));
    for (const name of NAMES)
      assert.ok(result[name].low < result[name].value && result[name].value < result[name].high);
  });

  it('depend on the seed alone, and widen with the level', () => {
    const { x, y } = bootstrap;
    const options = { resamples: 300, seed: 5 };
    assert.deepEqual(rankCorrelation(x, y, options), rankCorrelation(x, y, options));
    assert.notEqual(
      rankCorrelation(x, y, options).kendallTau.low,
      rankCorrelation(x, y, { ...options, seed: 6 }).kendallTau.low,
    );
    const narrow = rankCorrelation(x, y, { ...options, level: 0.5 }).kendallTau;
    const wide = rankCorrelation(x, y, { ...options, level: 0.99 }).kendallTau;
    assert.ok(wide.low < narrow.low && narrow.high < wide.high);
  });

  it('cover the true value about as often as the level says', () => {
    // Normal pairs of correlation ρ have τ = 2/π asin ρ.
    const truth = (2 / Math.PI) * Math.asin(1 / Math.SQRT2);
    const rounds = 200;
    let covered = 0;
    for (let round = 0; round < rounds; round++) {
      const x = bootstrap.x.map((_, index) => normal(round, index, 0));
      const y = x.map((value, index) => value + normal(round, index, 1));
      const { low, high } = rankCorrelation(x.slice(0, 80), y.slice(0, 80), { resamples: 200, seed: round }).kendallTau;
      if (low <= truth && truth <= high) covered++;
    }
    assert.ok(covered >= 0.88 * rounds && covered <= 0.99 * rounds, `covered ${covered} of ${rounds}`);
  });

  it('weigh points as if they were repeated', () => {
    const point = fc.record({
      x: fc.integer({ min: -4, max: 4 }),
      y: fc.integer({ min: -4, max: 4 }),
      times: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(point, { maxLength: 30 }), (points) => {
        // The sample orders its points by x, so the weights must come in that order.
        points.sort((a, b) => a.x - b.x);
        const repeated = points.flatMap(({ x, y, times }) => Array.from({ length: times }, () => ({ x, y })));
        const sample = pairedSample(
          points.map(({ x }) => x),
          points.map(({ y }) => y),
        );
        const weights = Int32Array.from(points, ({ times }) => times);
        const [x, y] = [repeated.map((pair) => pair.x), repeated.map((pair) => pair.y)];
        const expected = [kendallTauB(x, y), spearmanRho(x, y), pearsonR(x, y)];
        const actual = [weightedKendallTauB, weightedSpearmanRho, weightedPearsonR].map((statistic) =>
          statistic(sample, weights),
        );
        for (const [index, value] of actual.entries()) {
          assert.ok(Object.is(value, expected[index]) || Math.abs(value - expected[index]!) < 1e-12);
        }
      }),
    );
  });

  it('are NaN where the statistic is', () => {
    for (const [x, y] of [
      [[], []],
      [[1], [1]],
      [
        [2, 2, 2],
        [1, 2, 3],
      ],
      [
        [1, Number.NaN, 2],
        [1, 2, 3],
      ],
    ] as [number[], number[]][]) {
      const result = rankCorrelation(x, y, { resamples: 10 });
      for (const name of NAMES) {
        assert.deepEqual(result[name], { value: Number.NaN, low: Number.NaN, high: Number.NaN });
      }
    }
    const infinite = rankCorrelation([1, 2, Number.POSITIVE_INFINITY, 4], [1, 2, 3, 4], { resamples: 50 });
    assert.ok(Number.isFinite(infinite.kendallTau.low) && Number.isNaN(infinite.pearsonR.low));
  });

  it('leave out resamples without the statistic', () => {
    // Of two points, half of the resamples hold one point twice.
    const { kendallTau } = rankCorrelation([1, 2], [1, 2], { resamples: 50 });
    assert.deepEqual(kendallTau, { value: 1, low: 1, high: 1 });
  });

  it('refuse options out of range, naming them', () => {
    const refuses = (options: object, name: RegExp) =>
      assert.throws(
        () => rankCorrelation([1, 2], [1, 2], options),
        (error) => error instanceof EznasError && error.code === 'INVALID_ARGUMENT' && name.test(error.message),
      );
    for (const level of [0, 1, -1, Number.NaN]) refuses({ level }, /level/);
    for (const resamples of [0, 1.5, Number.NaN, 1e9]) refuses({ resamples }, /resamples/);
    for (const seed of [-1, 0.5, Number.NaN]) refuses({ seed }, /seed/);
  });
});

/** Normal numbers from a hash of three integers, so that the test does not lean on the generator it tests with. */
function normal(a: number, b: number, c: number): number {
  const uniform = (salt: number) => {
    let hash = Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca6b) ^ Math.imul(c * 2 + salt + 1, 0xc2b2ae35);
    hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
    hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
    return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
  };
  return Math.sqrt(-2 * Math.log(1 - uniform(0))) * Math.cos(2 * Math.PI * uniform(1));
}
