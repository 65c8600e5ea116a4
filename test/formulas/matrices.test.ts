import assert from 'node:assert/strict';
import { evaluateTerms, scoreTerms } from '../../lib/engine/formulas.ts';
import { collectStatistics, evaluatePrograms } from '../../lib/engine/run.ts';
import { UnitCheck } from '../../lib/evaluation/unit-check.ts';
import { AGGREGATORS, aggregate } from '../../lib/formulas/aggregators.ts';
import { logAbsDeterminant, rowSpectrum } from '../../lib/formulas/matrices.ts';
import { ofMatrix } from '../../lib/formulas/matrix-operators.ts';
import { parseFormula } from '../../lib/formulas/parse.ts';
import { encodePrograms } from '../../lib/programs/encode.ts';
import { parseProgram } from '../../lib/programs/parse.ts';
import { Random } from '../../lib/random.ts';
import { randomInputs, smallNetworks } from '../engine/support.ts';

const NETWORKS = [1462, 99, 6111];

const NASWOT = 'logdet(unit_sum(add(gram(gt0(T1D)), gram(eq(gt0(T1D), zeros_like(T1D))))))';

describe('matrices of a network', () => {
  it('are aggregated element by element, from statistics too', async () => {
    const networks = smallNetworks(NETWORKS);
    const inputs = randomInputs(3);
    const program = parseProgram('covariance(T4D)');
    using statistics = await collectStatistics(networks, inputs, { seed: 2 });
    const elements = Array.from({ length: 9 }, (_, element) => ({ program, element }));
    const scores = await evaluatePrograms(statistics, [program, ...elements], { unitScores: true });
    const formulas = AGGREGATORS.map(({ name }) => parseFormula(`logabsdet(${name}(covariance(T4D)))`));
    const values = await evaluateTerms(statistics, networks, formulas);
    assert.deepEqual(await scoreTerms(networks, formulas, inputs, { seed: 2 }), values);
    for (const network of networks.keys()) {
      const units = elements.map((_, at) => scores.unitScores(1 + at, network)!);
      for (const [unit, mean] of scores.unitScores(0, network)!.entries()) {
        const own = units.map((row) => row[unit]!);
        assert.deepEqual([own[1], own[2], own[5]], [own[3], own[6], own[7]], 'a covariance is symmetric');
        assert.ok(Math.abs(mean - own.reduce((sum, x) => sum + x, 0) / 9) <= 1e-6 * Math.abs(mean) + 1e-12);
      }
      for (const [at, { name }] of AGGREGATORS.entries()) {
        const matrix = Float64Array.from(units, (row) => aggregate(name, row));
        assert.equal(values[at]![0]![network], ofMatrix('logabsdet', matrix), name);
      }
    }
  });

  it('are the same for any threads, and beside other formulas', async () => {
    const networks = smallNetworks(NETWORKS);
    const inputs = randomInputs(6);
    const formula = parseFormula(NASWOT);
    const [alone] = await scoreTerms(networks, [formula], inputs, { threads: 1 });
    const others = ['unit_max(mean(gram(gt0(T1D))))', 'spectral_entropy(unit_mean(gram(T2GD)))'].map(parseFormula);
    const [, , together] = await scoreTerms(networks, [...others, formula], inputs, { threads: 3 });
    assert.deepEqual(together, alone);
  });

  it('must be over the samples, on every unit', () => {
    const check = (text: string) =>
      new UnitCheck(
        [{ name: 'it', formula: parseFormula(text), passes: () => ({ forward: 1, backward: 0 }) }],
        5,
      ).require(smallNetworks([1462]));
    check('logdet(unit_sum(gram(T1D)))');
    assert.throws(() => check('logdet(unit_sum(gram(T3)))'), {
      code: 'INVALID_PROGRAM',
      message: /5×5; gram\(T3\) is/,
    });
    assert.throws(() => check('logdet(unit_sum(mean(T1D)))'), { code: 'INVALID_PROGRAM', message: /is scalar/ });
  });

  it('are NaN without units, where an operator rejects a shape, and bounded', async () => {
    const [values] = await scoreTerms(
      smallNetworks([1462]),
      [parseFormula('logdet(unit_sum(gram(T3)))')],
      randomInputs(5),
    );
    assert.ok(Number.isNaN(values![0]![0]));
    await assert.rejects(scoreTerms(smallNetworks([1462]), [parseFormula(NASWOT)], randomInputs(129)), {
      code: 'TOO_LARGE',
      message: /at most 128 of them, got 129/,
    });
  });
});

describe('elements of programs', () => {
  it('are words after their matrices', () => {
    const program = parseProgram('gram(T1D)');
    const { code, offsets } = encodePrograms([program, { program, element: 3 }]);
    assert.deepEqual([...offsets], [0, 2, 5]);
    assert.deepEqual([...code.slice(2)], [...code.slice(0, 2), 2 ** 31 + 3]);
  });

  it('are invalid beyond the matrix, and of what is none', async () => {
    using statistics = await collectStatistics(smallNetworks([1462]), randomInputs(2));
    const one = (text: string, element: number) => ({ program: parseProgram(text), element });
    const scores = await evaluatePrograms(statistics, [
      one('gram(T1D)', 3),
      one('gram(T1D)', 4),
      one('T1D', 0),
      one('mean(T1D)', 0),
      one('ones_like(gram(T1D))', 3),
    ]);
    const statuses = Array.from({ length: 5 }, (_, row) => scores.status(row, 0));
    assert.deepEqual(statuses, ['ok', 'invalid', 'invalid', 'invalid', 'ok']);
    assert.equal(scores.score(4, 0), 1);
  });
});

describe('operators over matrices of a network', () => {
  const of = (name: Parameters<typeof ofMatrix>[0], ...elements: number[]) =>
    ofMatrix(name, Float64Array.from(elements));

  it('give what their definitions say', () => {
    assert.equal(of('logdet', 1, 2, 3, 4), 0, 'a negative determinant');
    assert.ok(Math.abs(of('logdet', 0, 2, -3, 0) - Math.log(6)) < 1e-15);
    assert.equal(of('logdet', 1, 2, 2, 4), Number.NEGATIVE_INFINITY);
    assert.ok(Math.abs(of('logabsdet', 1, 2, 3, 4) - Math.log(Math.abs(1.000001 * 4.000001 - 6)) / 2) < 1e-12);
    assert.equal(of('symeig_ratio', 3, 0, 0, -2), 9 / 4);
    const [p, q] = [9 / 13, 4 / 13];
    assert.ok(Math.abs(of('spectral_entropy', 3, 0, 0, -2) + p * Math.log(p) + q * Math.log(q)) < 1e-15);
    assert.ok(Math.abs(of('participation_ratio', 3, 0, 0, -2) - 169 / 97) < 1e-15);
    assert.equal(of('spectral_entropy', 0, 0, 0, 0), 0);
    assert.equal(of('participation_ratio', 0, 0, 0, 0), 0);
    for (const element of [Number.NaN, Number.POSITIVE_INFINITY]) assert.ok(Number.isNaN(of('logdet', element)));
    assert.ok(Number.isNaN(of('logdet')));
  });

  it('agree with each other: the spectrum of A Aᵀ multiplies to the square of the determinant', () => {
    const random = new Random(3);
    for (const size of [1, 2, 5, 16, 40]) {
      const matrix = Float64Array.from({ length: size * size }, () => random.normal());
      const values = rowSpectrum(matrix, size);
      const trace = matrix.reduce((sum, x) => sum + x * x, 0);
      assert.ok(Math.abs(values.reduce((sum, x) => sum + x, 0) - trace) <= 1e-12 * trace);
      const { logarithm } = logAbsDeterminant(matrix, size);
      const fromSpectrum = values.reduce((sum, x) => sum + Math.log(x), 0) / 2;
      assert.ok(Math.abs(logarithm - fromSpectrum) < 1e-6, `${size}: ${logarithm}, ${fromSpectrum}`);
    }
  });
});
