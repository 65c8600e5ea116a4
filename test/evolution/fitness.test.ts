import assert from 'node:assert/strict';
import fc from 'fast-check';
import { combineTaus, taskTau } from '../../lib/evolution/fitness.ts';

const tau = fc.double({ min: -1, max: 1, noNaN: true });
const taus = fc.array(tau, { minLength: 1, maxLength: 6 });

describe('τ of a task', () => {
  it('is null when a score is not finite', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      assert.equal(taskTau([1, bad, 3], [1, 2, 3]), null);
    }
  });

  it('is 0 when scores or accuracies are constant', () => {
    assert.equal(taskTau([2, 2, 2], [1, 2, 3]), 0);
    assert.equal(taskTau([1, 2, 3], [5, 5, 5]), 0);
  });

  it('is τ-b otherwise', () => {
    assert.equal(taskTau([1, 2, 3], [10, 20, 30]), 1);
    assert.equal(taskTau([1, 2, 3, 4], [10, 20, 40, 30]), 4 / 6);
  });
});

describe('fitness over tasks', () => {
  it('with a shared sign is the least τ in the better direction', () => {
    assert.deepEqual(combineTaus([0.5, 0.3, 0.7], 'shared'), { fitness: 0.3, sign: 1 });
    assert.deepEqual(combineTaus([-0.5, -0.3, -0.7], 'shared'), { fitness: 0.3, sign: -1 });
    assert.deepEqual(combineTaus([0.9, -0.2], 'shared'), { fitness: -0.2, sign: 1 });
    assert.deepEqual(combineTaus([-0.9, 0.2], 'shared'), { fitness: -0.2, sign: -1 });
    fc.assert(
      fc.property(taus, (list) => {
        const { fitness, sign } = combineTaus(list, 'shared');
        const inDirection = (s: number) => Math.min(...list.map((value) => s * value));
        assert.equal(fitness + 0, Math.max(inDirection(1), inDirection(-1)) + 0);
        assert.equal(fitness + 0, inDirection(sign) + 0);
      }),
    );
  });

  it('with a sign per task is the least |τ|, whatever the signs', () => {
    assert.deepEqual(combineTaus([0.9, -0.8], 'per-task'), { fitness: 0.8, sign: 1 });
    assert.deepEqual(combineTaus([-0.9, 0.8], 'per-task'), { fitness: 0.8, sign: -1 });
    fc.assert(
      fc.property(taus, (list) => assert.equal(combineTaus(list, 'per-task').fitness, Math.min(...list.map(Math.abs)))),
    );
  });

  it('does not change when all scores change sign, except for the sign', () => {
    fc.assert(
      fc.property(taus, fc.constantFrom('shared' as const, 'per-task' as const), (list, policy) => {
        const negated = list.map((value) => -value);
        assert.equal(combineTaus(negated, policy).fitness + 0, combineTaus(list, policy).fitness + 0);
      }),
    );
  });

  it('never is larger with a shared sign, and the same on one task', () => {
    fc.assert(
      fc.property(taus, (list) =>
        assert.ok(combineTaus(list, 'shared').fitness <= combineTaus(list, 'per-task').fitness),
      ),
    );
    fc.assert(
      fc.property(tau, (value) =>
        assert.equal(combineTaus([value], 'shared').fitness + 0, combineTaus([value], 'per-task').fitness),
      ),
    );
  });

  it('is -1 when the program is invalid on any task', () => {
    for (const policy of ['shared', 'per-task'] as const) {
      assert.equal(combineTaus([0.9, null, 0.9], policy).fitness, -1);
      assert.equal(combineTaus([null], policy).fitness, -1);
    }
  });

  it('has no negative zero, which files would not keep', () => {
    assert.ok(Object.is(combineTaus([-0.5, 0], 'shared').fitness, 0));
  });
});
