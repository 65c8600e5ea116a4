import assert from 'node:assert/strict';
import fc from 'fast-check';
import { crowdingDistances, dominates, nonDominated, nonDominatedFronts } from '../lib/dominance.ts';

/** Few values, so that ties are common. */
const points = fc.integer({ min: 1, max: 3 }).chain((objectives) =>
  fc.array(
    fc.array(fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constant(Number.NEGATIVE_INFINITY)), {
      minLength: objectives,
      maxLength: objectives,
    }),
    { maxLength: 25 },
  ),
);

describe('dominance', () => {
  it('is irreflexive, asymmetric and transitive', () => {
    fc.assert(
      fc.property(points, (list) => {
        for (const a of list) {
          assert.ok(!dominates(a, a));
          for (const b of list) {
            if (!dominates(a, b)) continue;
            assert.ok(!dominates(b, a));
            for (const c of list) if (dominates(b, c)) assert.ok(dominates(a, c));
          }
        }
      }),
    );
  });

  it('sorts into fronts as peeling off the undominated does', () => {
    fc.assert(
      fc.property(points, (list) => {
        const expected: number[][] = [];
        let rest = [...list.keys()];
        while (rest.length > 0) {
          const front = rest.filter((a) => !rest.some((b) => dominates(list[b]!, list[a]!)));
          expected.push(front);
          rest = rest.filter((place) => !front.includes(place));
        }
        assert.deepEqual(nonDominatedFronts(list), expected);
        assert.deepEqual(nonDominated(list), expected[0] ?? []);
      }),
    );
  });

  it('measures crowding as the paper does', () => {
    // Deb et al., section III-B: ends infinite, else the sides of the cuboid of the neighbours, normalized.
    assert.deepEqual(
      crowdingDistances([
        [0, 4],
        [1, 3],
        [4, 0],
      ]),
      [Number.POSITIVE_INFINITY, 2, Number.POSITIVE_INFINITY],
    );
    assert.deepEqual(crowdingDistances([[0], [1], [2], [10]]), [
      Number.POSITIVE_INFINITY,
      0.2,
      0.9,
      Number.POSITIVE_INFINITY,
    ]);
    assert.deepEqual(crowdingDistances([[1, 1]]), [Number.POSITIVE_INFINITY]);
    assert.deepEqual(crowdingDistances([]), []);
    assert.ok(crowdingDistances([[Number.NEGATIVE_INFINITY], [0], [1]]).every((distance) => !Number.isNaN(distance)));
  });
});
