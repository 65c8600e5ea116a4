import assert from 'node:assert/strict';
import fc from 'fast-check';
import { dropEqualFitness, tournament } from '../../lib/evolution/selection.ts';
import { Random } from '../../lib/random.ts';

const candidates = Array.from({ length: 50 }, (_, index) => ({ index, fitness: index / 50 }));

describe('tournament selection', () => {
  it('keeps as many as asked for, all of them candidates', () => {
    const winners = tournament(candidates, { size: 4, kept: 25 }, new Random(1));
    assert.equal(winners.length, 25);
    assert.ok(winners.every((winner) => candidates.includes(winner)));
  });

  it('lets the candidate of rank r win with chance (r⁴ − (r − 1)⁴) / n⁴', () => {
    const kept = 60_000;
    const wins = new Array<number>(10).fill(0);
    const ten = candidates.slice(0, 10);
    for (const { index } of tournament(ten, { size: 4, kept }, new Random(2))) wins[index]!++;
    for (const [index, count] of wins.entries()) {
      const chance = ((index + 1) ** 4 - index ** 4) / 10 ** 4;
      const deviation = Math.sqrt(kept * chance * (1 - chance));
      assert.ok(Math.abs(count - kept * chance) < 5 * deviation, `rank ${index + 1}: ${count}, not ${kept * chance}`);
    }
  });

  it('of size 1 draws uniformly', () => {
    const kept = 20_000;
    const low = tournament(candidates, { size: 1, kept }, new Random(3)).filter(({ index }) => index < 25).length;
    assert.ok(Math.abs(low - kept / 2) < 5 * Math.sqrt(kept / 4));
  });

  it('takes the one drawn first among equals', () => {
    const equal = candidates.map(({ index }) => ({ index, fitness: 0 }));
    const first = new Random(4).choice(equal);
    assert.equal(tournament(equal, { size: 4, kept: 1 }, new Random(4))[0], first);
  });

  it('depends on the seed alone', () => {
    const select = (seed: number) => tournament(candidates, { size: 4, kept: 25 }, new Random(seed));
    assert.deepEqual(select(5), select(5));
    assert.notDeepEqual(select(5), select(6));
  });
});

describe('dropping equal fitness', () => {
  it('keeps the first of each value, in order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -2, max: 2 })), (values) => {
        const list = values.map((fitness, index) => ({ fitness, index }));
        const kept = dropEqualFitness(list);
        assert.deepEqual(
          kept.map(({ fitness }) => fitness),
          [...new Set(values)],
        );
        for (const { fitness, index } of kept) assert.equal(index, values.indexOf(fitness));
      }),
    );
  });
});
