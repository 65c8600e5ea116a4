import assert from 'node:assert/strict';
import fc from 'fast-check';
import { chooseNetworks } from '../../lib/evaluation/networks.ts';

const seeds = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

describe('choosing networks', () => {
  it('at random: different ones within the space, the same for the same seed, more beginning with fewer', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1 }), seeds, (size, wanted, seed) => {
        const count = 1 + (wanted % size);
        const { indices, chosen } = chooseNetworks(size, count, seed);
        assert.equal(chosen, 'random');
        assert.equal(indices.length, count);
        assert.equal(new Set(indices).size, count);
        assert.ok(indices.every((index) => Number.isInteger(index) && index >= 0 && index < size));
        assert.deepEqual(chooseNetworks(size, count, seed).indices, indices);
        assert.deepEqual(chooseNetworks(size, size, seed).indices.slice(0, count), indices);
      }),
    );
  });

  it('at random: every network about as often', () => {
    const counts = new Array<number>(10).fill(0);
    for (let seed = 0; seed < 2000; seed++) {
      for (const index of chooseNetworks(10, 3, seed).indices) counts[index]!++;
    }
    // 600 expected each, standard deviation 20.5.
    for (const count of counts) assert.ok(Math.abs(count - 600) < 100, `${counts}`);
  });

  it('all, and as listed', () => {
    assert.deepEqual(chooseNetworks(4, 'all', 9), { indices: [0, 1, 2, 3], chosen: 'all' });
    assert.deepEqual(chooseNetworks(4, [3, 0], 9), { indices: [3, 0], chosen: 'listed' });
  });

  it('refuses none, too many, one twice and what is not in the space', () => {
    const refuses = (choice: number | number[], code: string) =>
      assert.throws(() => chooseNetworks(10, choice, 0), { name: 'EznasError', code });
    for (const count of [0, -1, 11, 2.5, Number.NaN, Number.POSITIVE_INFINITY]) refuses(count, 'INVALID_ARGUMENT');
    refuses([], 'INVALID_ARGUMENT');
    refuses([1, 2, 1], 'INVALID_ARGUMENT');
    for (const index of [10, -1, 0.5, Number.NaN]) refuses([index], 'INVALID_ARCHITECTURE');
  });
});
