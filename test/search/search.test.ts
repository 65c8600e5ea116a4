import assert from 'node:assert/strict';
import fc from 'fast-check';
import { EznasError } from '../../lib/errors.ts';
import { combineTerms } from '../../lib/formulas/combine.ts';
import { ALGORITHMS, type SearchConfig } from '../../lib/search/config.ts';
import { found, search } from '../../lib/search/search.ts';
import { countingMeasure, metric, type Toy, toyProblem, toySpace } from './fixtures/toy.ts';

const space = toySpace(4);
const all = space.all();

/** Rugged: a sum of products of neighbouring digits, a hash on top. No two architectures of length 4 share a value. */
const value = (toy: Toy) =>
  toy.reduce((sum, digit, place) => sum + digit * (toy[place + 1] ?? 1), 0) +
  ((Number(toy.join('')) * 7919) % 997) / 1000;
const size = (toy: Toy) => toy.reduce((sum, digit) => sum + digit, 0);
const METRICS = { value, size, hole: (toy: Toy) => (toy[0] === 0 ? Number.NaN : value(toy)) };

const single = ALGORITHMS.filter((algorithm) => algorithm !== 'nsga2');

async function run(config: Partial<SearchConfig>, objectives = [metric('value')], extra = {}) {
  const { measure, asked, chunks } = countingMeasure(METRICS);
  const outcome = await search(toyProblem(space, measure, objectives, config, extra));
  return {
    ...outcome,
    asked,
    chunks,
    texts: outcome.history.evaluations.map(({ architecture }) => architecture.join('')),
  };
}

describe('architecture search', () => {
  for (const algorithm of ALGORITHMS) {
    describe(algorithm, () => {
      it('finds the optimum of a space that the budget covers, and ends', async () => {
        const { history, ended } = await run({ algorithm, budget: 1000, population: 20, sample: 5 });
        assert.equal(history.evaluations.length, all.length);
        assert.equal(ended, 'exhausted');
        assert.equal(history.best(1)[0]!.values[0], Math.max(...all.map(value)));
      });

      it('gives the same networks for the same seed, others for another', async () => {
        const config = { algorithm, budget: 30, population: 10, sample: 3, chunk: 4 };
        const { texts } = await run({ ...config, seed: 5 });
        assert.deepEqual((await run({ ...config, seed: 5 })).texts, texts);
        assert.notDeepEqual((await run({ ...config, seed: 6 })).texts, texts);
      });

      it('scores exactly as many different networks as the budget allows', async () => {
        for (const budget of [1, 2, 7, 40]) {
          const { texts, asked, ended } = await run({ algorithm, budget, population: 10, sample: 3 });
          assert.equal(texts.length, budget);
          assert.equal(new Set(texts).size, budget);
          assert.deepEqual(
            asked,
            texts.map((text) => `value:${text}`),
          );
          assert.equal(ended, 'budget');
        }
      });

      it('keeps to the constraints, whatever they are', async () => {
        await fc.assert(
          fc.asyncProperty(fc.integer({ min: 2, max: 8 }), fc.nat(1000), async (most, seed) => {
            const config = { algorithm, budget: 12, seed, population: 6, sample: 3, chunk: 4 };
            const { history } = await run(config, [metric('value')], { constraints: [{ metric: 'size', most }] });
            assert.ok(history.evaluations.every(({ architecture }) => size(architecture) <= most));
          }),
          { numRuns: 10 },
        );
      });

      it('ranks networks without a number last, and goes on', async () => {
        const config = { algorithm, budget: 60, population: 10, sample: 3 };
        const { history } = await run(config, [metric('hole')]);
        assert.equal(history.evaluations.length, 60);
        assert.ok(Number.isFinite(history.best(1)[0]!.values[0]));
        const last = history.best(60).map(({ values }) => Number.isNaN(values[0]));
        assert.deepEqual(last, last.toSorted());
      });
    });
  }

  it('scores architectures that compute the same function once', async () => {
    const folded = toySpace(4, true);
    for (const algorithm of ALGORITHMS) {
      const { measure, asked } = countingMeasure({ value: (toy) => Number(toy.toSorted().join('')) });
      const config = { algorithm, budget: 1000, population: 10, sample: 3 };
      const { history } = await search(toyProblem(folded, measure, [metric('value')], config, { shared: ['value'] }));
      // Multisets of 4 among 3 digits.
      assert.equal(history.evaluations.length, 15);
      assert.equal(asked.length, 15);
      assert.equal(new Set(asked.map((text) => [...text].sort().join(''))).size, 15);
    }
  });

  it('asks for the networks of a chunk together', async () => {
    for (const algorithm of ['aging', 'random', 'nsga2'] as const) {
      const { measure, chunks } = countingMeasure(METRICS);
      const config = { algorithm, budget: 48, population: 16, sample: 3, chunk: 16 };
      await search(toyProblem(toySpace(12), measure, [metric('value')], config));
      assert.equal(chunks[0], 16);
      assert.ok(chunks.length <= 5, String(chunks));
    }
  });

  it('minimizes where the weight is negative', async () => {
    for (const algorithm of single) {
      const { history } = await run({ algorithm, budget: 1000, population: 10, sample: 3 }, [metric('value', -1)]);
      assert.equal(history.best(1)[0]!.values[0], Math.min(...all.map(value)));
    }
  });

  it('is better than random search where the optimum is hard to hit', async () => {
    const wide = toySpace(9);
    const peak = (toy: Toy) => toy.reduce((sum, digit) => sum + (digit === 2 ? 1 : 0), 0);
    const best: Record<string, number> = {};
    for (const algorithm of single) {
      best[algorithm] = 0;
      for (let seed = 0; seed < 5; seed++) {
        const config = { algorithm, budget: 150, seed, population: 20, sample: 5, chunk: 4 };
        const { history } = await search(toyProblem(wide, countingMeasure({ peak }).measure, [metric('peak')], config));
        best[algorithm] += history.best(1)[0]!.values[0]!;
      }
    }
    assert.equal(best['local'], 45, 'one hill, climbed from anywhere');
    assert.ok(best['aging']! > best['random']! + 4, JSON.stringify(best));
  });

  it('combines metrics by the weighted sum of their ranks, whatever their scale', async () => {
    const terms = (scale: number) =>
      countingMeasure({ a: (toy) => scale * toy[0]! ** 9, b: (toy) => toy[1]! - toy[2]! });
    const objective = {
      name: 'both',
      terms: [
        { metric: 'a', weight: 1 },
        { metric: 'b', weight: 2 },
      ],
    };
    const config = { algorithm: 'aging', budget: 60, population: 10, sample: 3 } as const;
    const small = await search(toyProblem(space, terms(1e-6).measure, [objective], config));
    const large = await search(toyProblem(space, terms(1e6).measure, [objective], config));
    const texts = (outcome: typeof small) => outcome.history.best(10).map(({ architecture }) => architecture.join(''));
    assert.deepEqual(texts(small), texts(large));

    // Against ranks counted out: the number of networks below, and half of those that are equal.
    const { evaluations } = small.history;
    const rank = (at: number, own: number) =>
      evaluations.filter(({ values }) => values[at]! < own).length +
      (evaluations.filter(({ values }) => values[at] === own).length - 1) / 2;
    for (const evaluation of evaluations) {
      const [a, b] = evaluation.values as [number, number];
      const expected = (rank(0, a) + 2 * rank(1, b)) / evaluations.length;
      assert.ok(Math.abs(small.history.merit(evaluation) - expected) < 1e-12);
    }
  });

  describe('by a metric that compares networks', () => {
    const parts = ['value', 'size'];
    const forest = {
      name: 'forest',
      parts,
      combine: (rows: readonly Float64Array[]) => combineTerms('rank_sum', rows),
    };
    const comparatives = [forest];

    it('gives what the same comparison of all networks scored gives at the end, on any algorithm', async () => {
      for (const algorithm of ALGORITHMS) {
        const config = { algorithm, budget: 40, population: 10, sample: 3, chunk: 4 };
        const { history } = await run(config, [metric('forest')], { comparatives });
        const { evaluations } = history;
        const rows = parts.map((_, at) => Float64Array.from(evaluations, ({ values }) => values[at]!));
        const expected = [...combineTerms('rank_sum', rows)];
        assert.deepEqual(
          evaluations.map((evaluation) => history.merit(evaluation)),
          expected,
        );
        assert.equal(history.merit(history.best(1)[0]!), Math.max(...expected));
        const { order } = evaluations[7]!;
        assert.deepEqual(history.valuesOf(evaluations[7]!), {
          value: rows[0]![order],
          size: rows[1]![order],
          forest: expected[order],
        });
      }
    });

    it('finds what is best of the whole space by the comparison', async () => {
      const rows = [value, size].map((of) => Float64Array.from(all, of));
      const scores = combineTerms('rank_sum', rows);
      const { history } = await run({ algorithm: 'local', budget: 1000 }, [metric('forest')], { comparatives });
      const best = all[scores.indexOf(Math.max(...scores))]!;
      assert.deepEqual(history.best(1)[0]!.architecture, best);
    });

    it('ranks networks without a part last, also in a sum of ranks', async () => {
      const holey = { ...forest, parts: ['hole', 'size'] };
      const objective = {
        name: 'both',
        terms: [
          { metric: 'forest', weight: 1 },
          { metric: 'value', weight: 0.001 },
        ],
      };
      for (const objectives of [[metric('forest')], [objective]]) {
        const { history } = await run({ algorithm: 'random', budget: 60 }, objectives, { comparatives: [holey] });
        const known = history.evaluations.filter(({ architecture }) => architecture[0] !== 0).length;
        assert.ok(known > 10 && known < 60);
        const order = history.best(60).map(({ architecture }) => architecture[0] === 0);
        assert.ok(order.slice(0, known).every((hole) => !hole));
      }
    });

    it('warms up and moves by it', async () => {
      const config = { algorithm: 'aging', budget: 30, population: 10, sample: 3, chunk: 4 } as const;
      const warmup = { metric: 'forest', count: 20, keep: 3 };
      const { asked } = await run({ ...config, warmup, move: 'forest' }, [metric('value')], { comparatives });
      assert.ok(asked.some((text) => text.startsWith('size:')));
    });
  });

  describe('warm-up', () => {
    it('starts from the best of random networks by its metric', async () => {
      const warmup = { metric: 'size', count: 40, keep: 5 };
      const { asked, texts } = await run({ algorithm: 'random', budget: 12, warmup, chunk: 4 });
      const warm = asked.filter((text) => text.startsWith('size:')).map((text) => text.slice(5));
      assert.ok(warm.length <= 40 && warm.length > 20, 'different ones among 40 drawn');
      const sizes = warm.map((text) => size([...text].map(Number))).sort((a, b) => b - a);
      const started = texts.slice(0, 3).map((text) => size([...text].map(Number)));
      assert.deepEqual(
        started,
        started.toSorted((a, b) => b - a),
      );
      assert.equal(started[0], sizes[0]);
    });

    it('keeps to the constraints', async () => {
      const warmup = { metric: 'value', count: 30, keep: 30 };
      const { history } = await run({ algorithm: 'random', budget: 10, warmup }, [metric('value')], {
        constraints: [{ metric: 'size', most: 3 }],
      });
      assert.ok(history.evaluations.every(({ architecture }) => size(architecture) <= 3));
    });
  });

  it('proposes moves by a metric: three in four children are their parents best neighbours', async () => {
    const wide = toySpace(7);
    const peak = (toy: Toy) => toy.filter((digit) => digit === 2).length;
    const { measure } = countingMeasure({ peak, flat: () => 0 });
    const config = { algorithm: 'aging', budget: 60, population: 10, sample: 3, move: 'peak', chunk: 5 } as const;
    // By the objective all are equal, so that only the moves lead anywhere.
    const { history } = await search(toyProblem(wide, measure, [metric('flat')], config));
    const mean = (list: readonly number[]) => list.reduce((sum, one) => sum + one, 0) / list.length;
    const peaks = history.evaluations.map(({ architecture }) => peak(architecture));
    assert.ok(mean(peaks.slice(-20)) > mean(peaks.slice(0, 10)) + 1.5, String(peaks));
  });

  it('gives the front of several objectives: brute force over all that was scored agrees', async () => {
    const objectives = [metric('value'), metric('size', -1)];
    const config = { algorithm: 'nsga2', budget: 50, population: 12 } as const;
    const { history } = await run(config, objectives);
    const dominated = (a: Toy) =>
      history.evaluations.some(
        ({ architecture: b }) =>
          value(b) >= value(a) && size(b) <= size(a) && (value(b) > value(a) || size(b) < size(a)),
      );
    const expected = history.evaluations.filter(({ architecture }) => !dominated(architecture));
    assert.deepEqual(found(history, 1), expected);
    assert.ok(expected.length > 1);

    // With a budget for the whole space, the front is the true one.
    const whole = await run({ ...config, budget: 1000 }, objectives);
    const front = (toys: readonly Toy[]) => toys.map((toy) => toy.join('')).sort();
    const truly = all.filter((a) => !all.some((b) => value(b) >= value(a) && size(b) <= size(a) && b !== a));
    assert.deepEqual(front(found(whole.history, 1).map(({ architecture }) => architecture)), front(truly));
  });

  describe('refuses', () => {
    const refuses = async (work: () => unknown, pattern: RegExp) =>
      assert.rejects(
        async () => work(),
        (error) => {
          assert.ok(error instanceof EznasError && error.code === 'INVALID_ARGUMENT', String(error));
          assert.match(error.message, pattern);
          return true;
        },
      );

    it('settings out of range, naming them', async () => {
      await refuses(() => run({ budget: 0 }), /budget must be an integer from 1 .* got 0/);
      await refuses(() => run({ budget: 1.5 }), /budget/);
      await refuses(() => run({ seed: -1 }), /seed/);
      await refuses(() => run({ population: 1 }), /population/);
      await refuses(() => run({ warmup: { metric: 'size', count: 3, keep: 4 } }), /warmup\.keep must be at most/);
      await refuses(() => run({ algorithm: 'annealing' as 'aging' }), /algorithm must be one of aging/);
    });

    it('several objectives outside NSGA-II, and weights that mean nothing', async () => {
      await refuses(
        () => run({ algorithm: 'aging' }, [metric('value'), metric('size')]),
        /one objective, got value, size/,
      );
      await refuses(() => run({}, []), /needs an objective/);
      for (const weight of [0, Number.NaN, Number.POSITIVE_INFINITY]) {
        await refuses(() => run({}, [metric('value', weight)]), /weights/);
      }
    });

    it('constraints that no architecture meets', async () => {
      const constraints = [{ metric: 'size', most: -1 }];
      for (const algorithm of ALGORITHMS) {
        await refuses(() => run({ algorithm }, [metric('value')], { constraints }), /none of .* size at most -1/);
      }
    });
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    const { measure } = countingMeasure(METRICS);
    const problem = toyProblem(space, measure, [metric('value')], { budget: 60, population: 10, chunk: 5 });
    let done = 0;
    const running = search(problem, {
      signal: stop.signal,
      onProgress: (progress) => {
        done = progress.done;
        if (done >= 20) stop.abort();
      },
    });
    await assert.rejects(running, (error) => error instanceof EznasError && error.code === 'ABORTED');
    assert.equal(done, 20);
  });
});
