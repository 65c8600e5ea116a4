import assert from 'node:assert/strict';
import { BENCHMARK_NAMES, benchmarkOf, openBenchmark } from '../../lib/benchmarks/registry.ts';
import { Random } from '../../lib/random.ts';
import { findSpace, SPACE_NAMES } from '../../lib/spaces/registry.ts';
import { isNumbered, networkCounts, networkKey, type SearchSpace } from '../../lib/spaces/space.ts';

const argument = (message: RegExp) => ({ name: 'EznasError', code: 'INVALID_ARGUMENT', message });

describe('every search space', () => {
  for (const name of SPACE_NAMES) {
    describe(name, () => {
      const space = findSpace(name);
      const drawn = (seed: number, count = 20) => {
        const random = new Random(seed);
        return Array.from({ length: count }, () => space.sample(random));
      };

      it('is found by the name that it has', () => assert.equal(space.name, name));

      it('samples reproducibly', () => {
        assert.deepEqual(drawn(1), drawn(1));
        assert.notDeepEqual(drawn(1), drawn(2));
      });

      it('reads what it prints, with white space around it', () => {
        for (const architecture of drawn(3)) {
          const text = space.print(architecture);
          assert.deepEqual(space.parse(`  ${text}\n`), architecture);
          assert.equal(space.print(space.parse(text)), text);
        }
      });

      it('has architectures that are plain JSON', () => {
        for (const architecture of drawn(4)) {
          assert.deepEqual(JSON.parse(JSON.stringify(architecture)), architecture);
        }
      });

      it('has neighbours that are different architectures of the space and neighbours in return', () => {
        for (const architecture of drawn(5, 3)) {
          const text = space.print(architecture);
          const neighbours = space.neighbours(architecture);
          const texts = neighbours.map((neighbour) => space.print(neighbour));
          assert.ok(neighbours.length > 0);
          assert.equal(new Set([text, ...texts]).size, neighbours.length + 1);
          for (const neighbour of neighbours.slice(0, 10)) {
            assert.deepEqual(space.parse(space.print(neighbour)), neighbour);
            assert.ok(space.neighbours(neighbour).some((other) => space.print(other) === text));
          }
        }
      });

      it('mutates into neighbours', () => {
        const random = new Random(6);
        for (const architecture of drawn(6, 5)) {
          const texts = space.neighbours(architecture).map((neighbour) => space.print(neighbour));
          assert.ok(texts.includes(space.print(space.mutate(architecture, random))));
        }
      });

      it('gives an architecture one canonical form and one key', () => {
        for (const architecture of drawn(7)) {
          const again = space.parse(space.print(architecture));
          assert.equal(space.canonical(again), space.canonical(architecture));
          const key = networkKey(space, architecture);
          assert.ok(Number.isSafeInteger(key) && key >= 0);
          assert.equal(networkKey(space, again), key);
        }
      });

      it('builds networks with units, parameters and FLOPs', () => {
        for (const architecture of drawn(8, 5)) {
          const graph = space.build(architecture);
          assert.ok(graph.units.length > 0);
          assert.deepEqual(graph, space.build(architecture));
          const { params, flops } = networkCounts(space, architecture);
          assert.ok(params > 0 && flops > params / 10);
        }
      });

      it('refuses what is no architecture, with an example of one', () => {
        for (const text of ['', '?', 'x'.repeat(1e5)]) {
          assert.throws(
            () => space.parse(text),
            (error: Error & { code: string }) => {
              assert.equal(error.code, 'INVALID_ARCHITECTURE');
              assert.ok(error.message.length < 1500);
              return true;
            },
          );
        }
        assert.throws(() => space.build(drawn(9)[0], { classes: 0 }), argument(/classes must be a positive integer/));
      });
    });
  }

  it('is numbered or has a key of its own', () => {
    const numbered = findSpace('nasbench201');
    assert.ok(isNumbered(numbered));
    const sampled = numbered.sample(new Random(0));
    assert.equal(networkKey(numbered, sampled), numbered.index(sampled));
    const keys = ['a', 'b', 'aa'].map((text) =>
      networkKey({ size: undefined, print: () => text } as unknown as SearchSpace<unknown>, undefined),
    );
    // The first 53 bits of the SHA-256 of "a".
    assert.equal(keys[0], Math.floor(Number(BigInt('0xca978112ca1bbd') >> 3n)));
    assert.equal(new Set(keys).size, 3);
  });

  it('is refused by a name that none has', () => {
    assert.throws(() => findSpace('nasbench20'), argument(/did you mean 'nasbench201'\?.*known: nasbench201/));
  });
});

describe('every benchmark', () => {
  for (const name of BENCHMARK_NAMES) {
    describe(name, () => {
      const benchmark = openBenchmark(name);

      it('is found by the name that it has, and its space among the spaces', () => {
        assert.equal(benchmark.name, name);
        assert.equal(findSpace(benchmark.space.name), benchmark.space);
        assert.ok(BENCHMARK_NAMES.includes(benchmarkOf(benchmark.space.name)!));
      });

      it('numbers its architectures in both directions', () => {
        const random = new Random(1);
        for (const index of [0, benchmark.size - 1, ...random.sample(benchmark.size, 30)]) {
          assert.equal(benchmark.index(benchmark.architecture(index)), index);
        }
        for (const index of [-1, benchmark.size, 0.5, Number.NaN]) {
          assert.throws(() => benchmark.architecture(index), { code: 'INVALID_ARCHITECTURE' });
          assert.throws(() => benchmark.accuracy(index, benchmark.datasets[0]!.name), {
            code: 'INVALID_ARCHITECTURE',
          });
        }
      });

      it('has accuracies in per cent on each of its datasets and lengths, and on no other', () => {
        for (const dataset of benchmark.datasets) {
          assert.equal(benchmark.dataset(dataset.name), dataset);
          for (const epochs of benchmark.epochs) {
            const accuracy = benchmark.accuracy(0, dataset.name, epochs);
            assert.ok(accuracy > 0 && accuracy < 100);
          }
          const [full] = benchmark.epochs;
          assert.equal(benchmark.accuracy(1, dataset.name), benchmark.accuracy(1, dataset.name, full));
          assert.throws(() => benchmark.accuracy(0, dataset.name, 7), argument(/7 epochs/));
        }
        assert.throws(() => benchmark.dataset('mnist'), argument(/no dataset "mnist"/));
        assert.throws(() => benchmark.accuracy(0, 'mnist'), argument(/no dataset "mnist"/));
      });
    });
  }

  it('is refused by a name that none has', () => {
    assert.throws(() => openBenchmark('nasbench20'), argument(/did you mean 'nasbench201'\?/));
    assert.equal(benchmarkOf('nowhere'), undefined);
  });
});
