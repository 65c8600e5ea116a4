import assert from 'node:assert/strict';
import fc from 'fast-check';
import { evaluateTerms, scoreTerms } from '../../lib/engine/formulas.ts';
import { collectStatistics, scoreNetworks } from '../../lib/engine/run.ts';
import { AGGREGATORS, aggregate } from '../../lib/formulas/aggregators.ts';
import { combineTerms, quantilesOf } from '../../lib/formulas/combine.ts';
import { findNetworkNumber } from '../../lib/formulas/numbers.ts';
import { parseFormula } from '../../lib/formulas/parse.ts';
import { COMBINERS } from '../../lib/formulas/tree.ts';
import { flops, params } from '../../lib/graph/counts.ts';
import { parseProgram } from '../../lib/programs/parse.ts';
import { randomInputs, smallNetworks } from '../engine/support.ts';

const NETWORKS = [1462, 99, 6111];

describe('aggregators', () => {
  it('give what their definitions say', () => {
    const values = Float64Array.of(3, -1, 0, 2);
    const expected: Record<string, number> = {
      unit_mean: 1,
      unit_sum: 4,
      unit_max: 3,
      unit_min: -1,
      unit_std: Math.sqrt(2.5),
      unit_first: 3,
      unit_last: 2,
      unit_logsum: Math.log(3) + Math.log(2),
      unit_depthmean: (3 - 2 + 0 + 8) / 10,
    };
    assert.deepEqual(
      Object.keys(expected),
      AGGREGATORS.map(({ name }) => name),
    );
    for (const { name } of AGGREGATORS) {
      assert.ok(Math.abs(aggregate(name, values) - expected[name]!) < 1e-12, name);
      const single = aggregate(name, Float64Array.of(-7));
      assert.equal(single, { unit_std: 0, unit_logsum: Math.log(7) }[name as string] ?? -7, name);
      assert.ok(Number.isNaN(aggregate(name, new Float64Array(0))), name);
      assert.ok(Number.isNaN(aggregate(name, Float64Array.of(Number.NaN))), name);
    }
    const infinite = Float64Array.of(1, Number.NEGATIVE_INFINITY);
    assert.equal(aggregate('unit_max', infinite), 1);
    assert.equal(aggregate('unit_min', infinite), Number.NEGATIVE_INFINITY);
    assert.ok(Number.isNaN(aggregate('unit_max', Float64Array.of(Number.NaN, 1))));
  });
});

describe('numbers of a network', () => {
  it('agree with its graph', () => {
    for (const { graph } of smallNetworks(NETWORKS)) {
      assert.equal(findNetworkNumber('params')!.of(graph), params(graph));
      assert.equal(findNetworkNumber('flops')!.of(graph), flops(graph));
      assert.equal(findNetworkNumber('units')!.of(graph), graph.units.length);
      assert.equal(findNetworkNumber('stages')!.of(graph), 3);
      // A convolution at the stem, the two of each residual block and the linear layer are always in the way.
      assert.ok(findNetworkNumber('depth')!.of(graph) >= 6);
    }
  });
});

describe('terms', () => {
  it('of a program alone are the network scores of the engine, and other aggregators come from the same values', async () => {
    const inputs = randomInputs(2);
    const networks = smallNetworks(NETWORKS);
    const program = parseProgram('frobenius_norm(sign(T3GD))');
    const matrix = await scoreNetworks(networks, [program], inputs, { seed: 3, unitScores: true });
    const formulas = [
      'frobenius_norm(sign(T3GD))',
      'unit_max(frobenius_norm(sign(T3GD)))',
      'sub(unit_sum(frobenius_norm(sign(T3GD))), mul(2, units))',
      'params',
    ].map(parseFormula);
    const [mean, most, difference, count] = await scoreTerms(networks, formulas, inputs, { seed: 3 });
    for (const [at, network] of networks.entries()) {
      const values = matrix.unitScores(0, at)!;
      assert.equal(mean![0]![at], matrix.score(0, at));
      assert.equal(most![0]![at], Math.max(...values));
      assert.equal(difference![0]![at], values.reduce((sum, value) => sum + value, 0) - 2 * network.graph.units.length);
      assert.equal(count![0]![at], params(network.graph));
    }
    using statistics = await collectStatistics(networks, inputs, { seed: 3 });
    assert.deepEqual(await evaluateTerms(statistics, networks, formulas), [mean, most, difference, count]);
  });

  it('are NaN where a unit is, and run nothing where no program is read', async () => {
    const networks = smallNetworks(NETWORKS);
    const formulas = ['unit_max(std(mean(T1D)))', 'unit_min(logdet(T3))'].map(parseFormula);
    const inputs = randomInputs(1);
    await assert.rejects(scoreTerms(networks, [parseFormula('unit_max(det(T1P))')], { ...inputs, batch: 0 }), {
      code: 'INVALID_ARGUMENT',
    });
    const [nan] = await scoreTerms(networks, formulas, inputs);
    assert.ok(nan![0]!.every(Number.isNaN));
    const [alone] = await scoreTerms(networks, [parseFormula('rank_sum(params, depth)')], inputs);
    assert.equal(alone!.length, 2);
    assert.deepEqual(await scoreTerms(networks, [], inputs), []);
  });
});

/** Rank as a share, by counting. */
function share(value: number, among: readonly number[]): number {
  const less = among.filter((other) => other < value).length;
  const equal = among.filter((other) => other === value).length;
  return (less + (equal + 1) / 2) / among.length;
}

describe('combining terms', () => {
  const anyRows = fc.integer({ min: 1, max: 20 }).chain((networks) =>
    fc.array(
      fc.array(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(Infinity, -Infinity)), {
        minLength: networks,
        maxLength: networks,
      }),
      { minLength: 1, maxLength: 4 },
    ),
  );

  for (const [combiner, what, part] of [
    ['rank_sum', 'logarithms of ranks', Math.log],
    ['share_sum', 'ranks', (rank: number) => rank],
  ] as const) {
    it(`adds ${what} as shares, ties sharing theirs`, () => {
      fc.assert(
        fc.property(anyRows, (rows) => {
          const scores = combineTerms(
            combiner,
            rows.map((row) => Float64Array.from(row)),
          );
          for (const [at, score] of scores.entries()) {
            const expected = rows.reduce((sum, row) => sum + part(share(row[at]!, row)), 0);
            assert.ok(Math.abs(score - expected) < 1e-12);
          }
        }),
      );
    });
  }

  it('does not change with any increasing function of a term, and rises with each', () => {
    const [a, b] = [Float64Array.of(1, 5, 2, 9, 3), Float64Array.of(4, 4, 1, 0, 8)];
    assert.deepEqual(
      combineTerms('rank_sum', [a, b]),
      combineTerms('rank_sum', [a.map((x) => x ** 3), b.map(Math.exp)]),
    );
    const better = a.slice();
    better[2] = 100;
    assert.ok(combineTerms('rank_sum', [better, b])[2]! > combineTerms('rank_sum', [a, b])[2]!);
  });

  it('ranks a network against a reference as if it had joined it', () => {
    const reference = [[1, 2, 2, 7]];
    for (const value of [-5, 1, 2, 3, 7, 8, Infinity]) {
      const [score] = combineTerms('rank_sum', [Float64Array.of(value)], reference);
      assert.ok(Math.abs(score! - Math.log(share(value, [...reference[0]!, value]))) < 1e-12);
    }
  });

  it('adds z-scores, infinities standing at the ends', () => {
    const [score] = [combineTerms('z_sum', [Float64Array.of(0, 2, Infinity), Float64Array.of(5, 5, 5)])];
    const deviation = Math.sqrt(((4 / 3) ** 2 + 2 * (2 / 3) ** 2) / 3);
    [-4 / 3, 2 / 3, 2 / 3].forEach((distance, at) => {
      assert.ok(Math.abs(score![at]! - distance / deviation) < 1e-12);
    });
    const [alone] = combineTerms('z_sum', [Float64Array.of(4)], [[0, 2]]);
    assert.equal(alone, 3);
  });

  it('gives NaN where a term is NaN, and the others their scores without it', () => {
    const rows = [Float64Array.of(1, Number.NaN, 3), Float64Array.of(2, 9, 1)];
    for (const combiner of COMBINERS) {
      const scores = combineTerms(combiner, rows);
      assert.ok(Number.isNaN(scores[1]));
      const without = combineTerms(
        combiner,
        rows.map((row) => Float64Array.of(row[0]!, row[2]!)),
      );
      assert.deepEqual([scores[0], scores[2]], [...without]);
    }
    assert.deepEqual(combineTerms('rank_sum', [new Float64Array(0)]), new Float64Array(0));
  });

  it('refuses a reference that does not fit', () => {
    const row = [Float64Array.of(1)];
    for (const reference of [
      [],
      [[1]],
      [
        [1, 2],
        [1, 2],
      ],
      [[1, Number.NaN]],
    ]) {
      assert.throws(() => combineTerms('rank_sum', row, reference), { code: 'INVALID_ARGUMENT' });
    }
  });

  it('keeps quantiles from the least to the greatest', () => {
    const values = Float64Array.from({ length: 101 }, (_, i) => (i * 37) % 101);
    assert.deepEqual(quantilesOf([values], 5), [[0, 25, 50, 75, 100]]);
    const few = Float64Array.of(3, Number.NaN, 1, Number.POSITIVE_INFINITY);
    assert.deepEqual(quantilesOf([values, few], 5), [
      [0, 100],
      [1, 3],
    ]);
    assert.deepEqual(quantilesOf([new Float64Array(0)], 5), [[]]);
  });
});
