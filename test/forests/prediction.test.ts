import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { kendallTauB } from '../../lib/correlation/kendall.ts';
import { predictAccuracies } from '../../lib/forests/prediction.ts';
import { Random } from '../../lib/random.ts';

const NETWORKS = 120;
const KNOWN = 60;
const random = new Random(1);
const hidden = Array.from({ length: 3 }, () => Float64Array.from({ length: NETWORKS }, () => random.normal()));
/** What decides accuracy: two hidden properties, not linearly. */
const ACCURACIES = hidden[0]!.map((x, i) => 90 + Math.exp(x) - hidden[1]![i]! ** 2);
/** Features that each tell a mixture of the properties, with noise as strong. */
const FEATURES = Array.from({ length: 200 }, () => {
  const weights = hidden.map(() => random.normal());
  return Float64Array.from(
    { length: NETWORKS },
    (_, i) => weights.reduce((sum, weight, k) => sum + weight * hidden[k]![i]!, 0) + random.normal(),
  );
});

describe('predicted accuracies', () => {
  const predicted = predictAccuracies(FEATURES, ACCURACIES.slice(0, KNOWN));

  it('rank networks of unknown accuracy better than the best feature', () => {
    const unknown = (values: Float64Array) => values.slice(KNOWN);
    const tau = (values: Float64Array) => kendallTauB(unknown(values), unknown(ACCURACIES));
    const best = Math.max(...FEATURES.map((feature) => Math.abs(tau(feature))));
    assert.ok(tau(predicted) > best + 0.1, `${tau(predicted)}, best feature ${best}`);
  });

  it('depend on the order of the known accuracies alone, and on no scale of the features', () => {
    const cubes = ACCURACIES.slice(0, KNOWN).map((x) => x ** 3);
    assert.deepEqual(predictAccuracies(FEATURES, cubes), predicted);
    const scaled = FEATURES.map((feature, at) => feature.map((x) => 2 ** (at % 5) * x));
    for (const [i, value] of predictAccuracies(scaled, cubes).entries()) {
      assert.ok(Math.abs(value - predicted[i]!) < 1e-9);
    }
  });

  it('turn with the accuracies', () => {
    const turned = predictAccuracies(
      FEATURES,
      ACCURACIES.slice(0, KNOWN).map((x) => -x),
    );
    for (const [i, value] of turned.entries()) assert.ok(Math.abs(value + predicted[i]!) < 1e-9);
  });

  it('are those of another implementation, which leaves each network out and solves again', () => {
    const cases = JSON.parse(
      readFileSync(new URL('../fixtures/predicted-accuracies.json', import.meta.url), 'utf8'),
    ) as { features: number[][]; accuracies: number[]; predicted: number[] }[];
    for (const { features, accuracies, predicted: expected } of cases) {
      const rows = features.map((row) => Float64Array.from(row));
      for (const [i, value] of predictAccuracies(rows, Float64Array.from(accuracies)).entries()) {
        assert.ok(Math.abs(value - expected[i]!) < 1e-9, `${value}, expected ${expected[i]}`);
      }
    }
  });

  it('are finite where all features or accuracies are equal', () => {
    const flat = predictAccuracies([new Float64Array(4)], Float64Array.of(1, 2));
    assert.ok(flat.every(Number.isFinite));
    assert.ok(predictAccuracies(FEATURES, new Float64Array(5)).every((value) => Math.abs(value) < 1e-12));
    assert.throws(() => predictAccuracies([], Float64Array.of(1, 2)), { code: 'INVALID_ARGUMENT' });
  });
});
