import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { kendallTauB, pearsonR, ranks, spearmanRho } from '../../lib/correlation/index.ts';
import { EznasError } from '../../lib/errors.ts';

interface Sample {
  name: string;
  x: number[];
  y: number[];
  ranks: number[];
  kendallTauB: number;
  spearmanRho: number;
  pearsonR: number;
}

const { samples } = JSON.parse(readFileSync('test/fixtures/correlation.json', 'utf8')) as { samples: Sample[] };

/** τ-b by its definition, one pair at a time. */
function tauByDefinition(x: readonly number[], y: readonly number[]): number {
  let difference = 0;
  let untiedX = 0;
  let untiedY = 0;
  for (let i = 0; i < x.length; i++) {
    for (let j = 0; j < i; j++) {
      const a = Number(x[i]! > x[j]!) - Number(x[i]! < x[j]!);
      const b = Number(y[i]! > y[j]!) - Number(y[i]! < y[j]!);
      difference += a * b;
      untiedX += Math.abs(a);
      untiedY += Math.abs(b);
    }
  }
  return difference / Math.sqrt(untiedX * untiedY);
}

/** Average rank by its definition: one more than the number below, and half of the number equal. */
function ranksByDefinition(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal + 1) / 2;
  });
}

function close(actual: number, expected: number, tolerance = 1e-12): void {
  if (Number.isNaN(expected)) assert.ok(Number.isNaN(actual), `${actual} is not NaN`);
  else assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
}

/** Pairs with many ties: values from a handful of levels, ±0 and the infinities among them. */
const tiedPairs = fc
  .array(fc.tuple(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -2, max: 2 })), { minLength: 0, maxLength: 60 })
  .map((pairs) => ({ x: pairs.map(([x]) => x), y: pairs.map(([, y]) => y) }));

const STATISTICS = { kendallTauB, spearmanRho, pearsonR };

describe('rank statistics against SciPy', () => {
  for (const sample of samples) {
    it(sample.name, () => {
      assert.deepEqual([...ranks(sample.x)], sample.ranks);
      close(kendallTauB(sample.x, sample.y), sample.kendallTauB);
      close(spearmanRho(sample.x, sample.y), sample.spearmanRho);
      close(pearsonR(sample.x, sample.y), sample.pearsonR, 1e-9);
    });
  }
});

describe('rank statistics by their definitions', () => {
  it('τ-b counts pairs, however many are tied', () => {
    fc.assert(fc.property(tiedPairs, ({ x, y }) => close(kendallTauB(x, y), tauByDefinition(x, y))));
  });

  it('ranks are averages over ties', () => {
    fc.assert(fc.property(tiedPairs, ({ x }) => assert.deepEqual([...ranks(x)], ranksByDefinition(x))));
  });

  it('ρ is the r of the ranks', () => {
    fc.assert(
      fc.property(tiedPairs, ({ x, y }) =>
        close(spearmanRho(x, y), pearsonR(ranksByDefinition(x), ranksByDefinition(y))),
      ),
    );
  });
});

describe('rank statistics under transforms', () => {
  const permuted = tiedPairs.chain((pairs) =>
    fc
      .shuffledSubarray(
        pairs.x.map((_, index) => index),
        { minLength: pairs.x.length },
      )
      .map((order) => ({ ...pairs, order })),
  );

  for (const [name, statistic] of Object.entries(STATISTICS)) {
    it(`${name} does not depend on the order of the points`, () => {
      fc.assert(
        fc.property(permuted, ({ x, y, order }) =>
          close(
            statistic(
              order.map((i) => x[i]!),
              order.map((i) => y[i]!),
            ),
            statistic(x, y),
          ),
        ),
      );
    });

    it(`${name} is symmetric in x and y, and changes sign with one of them`, () => {
      fc.assert(
        fc.property(tiedPairs, ({ x, y }) => {
          close(statistic(y, x), statistic(x, y));
          close(
            statistic(
              x.map((value) => -value),
              y,
            ),
            -statistic(x, y),
          );
        }),
      );
    });

    it(`${name} is 1 of a sample with itself and -1 with its negation`, () => {
      fc.assert(
        fc.property(tiedPairs, ({ x }) => {
          fc.pre(new Set(x).size > 1);
          close(statistic(x, x), 1);
          close(
            statistic(
              x,
              x.map((value) => -value),
            ),
            -1,
          );
        }),
      );
    });
  }

  it('τ and ρ see the order alone', () => {
    fc.assert(
      fc.property(tiedPairs, ({ x, y }) => {
        const stretched = x.map((value) => Math.exp(5 * value) - 7);
        assert.equal(kendallTauB(stretched, y), kendallTauB(x, y));
        assert.equal(spearmanRho(stretched, y), spearmanRho(x, y));
      }),
    );
  });

  it('τ of a strictly monotone sample is exactly ±1', () => {
    const x = Array.from({ length: 1000 }, (_, i) => i);
    assert.equal(kendallTauB(x, x), 1);
    assert.equal(kendallTauB(x, [...x].reverse()), -1);
  });
});

describe('rank statistics at the edges', () => {
  it('are NaN below two points and for a constant', () => {
    for (const statistic of Object.values(STATISTICS)) {
      assert.ok(Number.isNaN(statistic([], [])));
      assert.ok(Number.isNaN(statistic([1], [2])));
      assert.ok(Number.isNaN(statistic([0.1, 0.1, 0.1], [1, 2, 3])));
      assert.ok(Number.isNaN(statistic([1, 2, 3], [0.1, 0.1, 0.1])));
      assert.ok(Number.isNaN(statistic([0, -0], [1, 2])));
    }
  });

  it('are NaN when a value is NaN', () => {
    for (const statistic of Object.values(STATISTICS)) {
      assert.ok(Number.isNaN(statistic([1, Number.NaN, 3], [1, 2, 3])));
      assert.ok(Number.isNaN(statistic([1, 2, 3], [1, 2, Number.NaN])));
    }
  });

  it('order the infinities, which Pearson cannot use', () => {
    const x = [Number.NEGATIVE_INFINITY, 0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    const y = [1, 2, 4, 3];
    close(kendallTauB(x, y), tauByDefinition(x, y));
    close(spearmanRho(x, y), pearsonR([1, 2, 3.5, 3.5], y));
    assert.ok(Number.isNaN(pearsonR(x, y)));
  });

  it('refuse unequal lengths', () => {
    for (const statistic of Object.values(STATISTICS)) {
      assert.throws(
        () => statistic([1, 2], [1]),
        (error) =>
          error instanceof EznasError && error.code === 'INVALID_ARGUMENT' && /got 2 and 1/.test(error.message),
      );
    }
  });

  it('rank NaN as NaN and the rest without it', () => {
    assert.deepEqual([...ranks([3, Number.NaN, 1])], [2, Number.NaN, 1]);
    assert.deepEqual([...ranks([])], []);
  });
});
