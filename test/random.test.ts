import assert from 'node:assert/strict';
import fc from 'fast-check';
import { philox, Random, type RandomState } from '../lib/random.ts';

const draw = <T>(count: number, next: () => T): T[] => Array.from({ length: count }, next);
const invalid = { name: 'EznasError', code: 'INVALID_ARGUMENT' };

describe('philox', () => {
  it('gives the known answers of Random123', () => {
    const ones = 0xffffffff;
    const cases = [
      [
        [0, 0, 0, 0],
        [0, 0],
        [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
      ],
      [
        [ones, ones, ones, ones],
        [ones, ones],
        [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
      ],
      [
        [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
        [0xa4093822, 0x299f31d0],
        [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
      ],
    ] as [[number, number, number, number], [number, number], number[]][];
    for (const [counter, key, expected] of cases) assert.deepEqual(philox(counter, key), expected);
  });
});

describe('Random', () => {
  it('repeats itself for one seed and differs for another', () => {
    const first = draw(100, new Random(7).uniform.bind(new Random(7)));
    const random = new Random(7);
    assert.deepEqual(
      draw(100, () => random.uniform()),
      draw(100, first.shift.bind(first)),
    );
    const seeds = [0, 1, 2 ** 31, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];
    assert.equal(new Set(seeds.map((seed) => new Random(seed).uniform())).size, seeds.length);
  });

  it('refuses seeds that are no integers from 0 to 2^53 - 1', () => {
    for (const seed of [-1, 0.5, Number.NaN, 2 ** 53, '1' as never]) assert.throws(() => new Random(seed), invalid);
  });

  it('continues exactly from a state that has been through JSON', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat(20), (seed, drawn) => {
        const random = new Random(seed);
        draw(drawn, () => random.integer(10));
        const restored = Random.restore(JSON.parse(JSON.stringify(random.state())) as RandomState);
        const next = (from: Random) => [from.integer(99), from.normal(), from.uniform(), ...from.shuffle([1, 2, 3, 4])];
        assert.deepEqual(next(restored), next(random));
        assert.deepEqual(restored.fork('x').state(), random.fork('x').state());
      }),
      { seed: 1 },
    );
  });

  it('refuses what is no state', () => {
    const good = new Random(1).state();
    const states = [null, {}, [], { ...good, generator: 'mt19937' }, { ...good, key: [1] }, { ...good, key: [1, -1] }];
    const positions = [
      { ...good, position: -1 },
      { ...good, position: 0.5 },
      { ...good, key: [1, 2 ** 32] },
      { ...good, key: 'ab' },
    ];
    for (const state of [...states, ...positions]) {
      assert.throws(() => Random.restore(state as never), {
        ...invalid,
        message: /not a state of the random generator/,
      });
    }
  });

  it('forks streams that depend on key and label alone', () => {
    const random = new Random(5);
    const before = random.fork('a').uniform();
    draw(10, () => random.uniform());
    assert.equal(random.fork('a').uniform(), before);
    const labels = ['', 'a', 'b', 'ab', 'ba', '\0', 'a\0', '12345678', '123456789', 'é', 3, 33];
    const firsts = labels.map((label) => random.fork(label).uniform());
    firsts.push(random.uniform(), new Random(6).fork('a').uniform(), random.fork('a').fork('b').uniform());
    assert.equal(new Set(firsts).size, firsts.length);
    assert.deepEqual(random.fork(3).state(), random.fork('3').state());
  });

  it('leaves its own sequence alone when forked', () => {
    const [one, other] = [new Random(9), new Random(9)];
    one.fork('x').uniform();
    assert.deepEqual(
      draw(9, () => one.uniform()),
      draw(9, () => other.uniform()),
    );
  });

  it('draws uniform numbers in [0, 1) with the moments and the evenness they should have', () => {
    const random = new Random(11);
    const values = draw(100_000, () => random.uniform());
    assert.ok(values.every((value) => value >= 0 && value < 1));
    const mean = values.reduce((sum, value) => sum + value) / values.length;
    assert.ok(Math.abs(mean - 0.5) < 0.005);
    const counts = new Array<number>(100).fill(0);
    for (const value of values) counts[Math.floor(value * 100)]!++;
    const chiSquare = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    // 99 degrees of freedom: mean 99, standard deviation 14.
    assert.ok(chiSquare > 50 && chiSquare < 160, `χ² = ${chiSquare}`);
  });

  it('draws integers of any range without bias', () => {
    const random = new Random(12);
    assert.deepEqual(new Set(draw(20, () => random.integer(1))), new Set([0]));
    // Two thirds of the words: taken modulo n, the lower half of the results would be twice as frequent.
    for (const n of [3 * 2 ** 30, 3 * 2 ** 51]) {
      const lower = draw(10_000, () => random.integer(n)).filter((value) => value < n / 3).length;
      assert.ok(Math.abs(lower - 3333) < 250, `${lower} of 10000 in the lowest third of ${n}`);
    }
    for (const n of [2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) {
      const values = draw(200, () => random.integer(n));
      assert.ok(values.every((value) => Number.isSafeInteger(value) && value >= 0 && value < n));
      assert.ok(Math.max(...values) > n * 0.9 && Math.min(...values) < n * 0.1);
    }
    for (const n of [0, -1, 0.5, Number.NaN, 2 ** 53]) assert.throws(() => random.integer(n), invalid);
  });

  it('chooses every item, and none from nothing', () => {
    const random = new Random(13);
    assert.deepEqual(new Set(draw(100, () => random.choice(['a', 'b', undefined]))), new Set(['a', 'b', undefined]));
    assert.throws(() => random.choice([]), invalid);
  });

  it('shuffles into every order equally often, leaving its argument', () => {
    const random = new Random(14);
    const items = [1, 2, 3];
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = String(random.shuffle(items));
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    assert.deepEqual(items, [1, 2, 3]);
    assert.equal(counts.size, 6);
    for (const count of counts.values()) assert.ok(Math.abs(count - 1000) < 150);
    assert.deepEqual(random.shuffle([]), []);
  });

  it('samples different integers, every ordered choice equally often', () => {
    const random = new Random(15);
    const counts = new Map<string, number>();
    for (let i = 0; i < 12_000; i++) {
      const chosen = String(random.sample(4, 2));
      counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
    }
    assert.equal(counts.size, 12);
    for (const count of counts.values()) assert.ok(Math.abs(count - 1000) < 150);
    fc.assert(
      fc.property(fc.nat(50), fc.nat(50), (a, b) => {
        const [k, n] = [Math.min(a, b), Math.max(a, b)];
        const chosen = random.sample(n, k);
        assert.equal(new Set(chosen).size, k);
        assert.ok(chosen.every((value) => Number.isInteger(value) && value >= 0 && value < n));
      }),
      { seed: 1 },
    );
    assert.deepEqual(random.sample(5, 5).sort(), [0, 1, 2, 3, 4]);
    assert.deepEqual(random.sample(0, 0), []);
    assert.equal(random.sample(Number.MAX_SAFE_INTEGER, 3).length, 3);
    for (const [n, k] of [
      [3, 4],
      [3, -1],
      [3, 0.5],
      [-1, 0],
      [Number.NaN, 0],
      [3, Number.NaN],
    ] as const) {
      assert.throws(() => random.sample(n, k), invalid);
    }
  });

  it('draws normal numbers with the moments and tails of a normal distribution', () => {
    const random = new Random(16);
    const values = draw(100_000, () => random.normal());
    const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / values.length;
    assert.ok(values.every(Number.isFinite));
    assert.ok(Math.abs(moment(1)) < 0.02);
    assert.ok(Math.abs(moment(2) - 1) < 0.03);
    assert.ok(Math.abs(moment(4) - 3) < 0.2);
    const beyondTwo = values.filter((value) => Math.abs(value) > 2).length / values.length;
    assert.ok(Math.abs(beyondTwo - 0.0455) < 0.004);
  });
});
