import assert from 'node:assert/strict';
import { EznasError } from '../../lib/errors.ts';
import { drawHeldOut, drawTasks, makeTask } from '../../lib/evolution/task.ts';
import { Random } from '../../lib/random.ts';
import { fakePool } from './fixtures/fake-search.ts';

describe('evolution tasks', () => {
  it('hold different networks with their accuracies', () => {
    const tasks = drawTasks(fakePool, new Random(1), { tasks: 4, networksPerTask: 20 });
    assert.deepEqual(
      tasks.map(({ name }) => name),
      ['fake/data/0', 'fake/data/1', 'fake/data/2', 'fake/data/3'],
    );
    const indices = tasks.flatMap((task) => task.indices);
    assert.equal(new Set(indices).size, 80);
    for (const task of tasks) {
      assert.deepEqual(
        task.networks.map(({ key }) => key),
        task.indices,
      );
      assert.deepEqual([...task.accuracies], task.indices.map(fakePool.accuracy));
    }
  });

  it('depend on the seed alone', () => {
    const draw = (seed: number) => drawTasks(fakePool, new Random(seed), { tasks: 2, networksPerTask: 5 });
    assert.deepEqual(draw(1), draw(1));
    assert.notDeepEqual(draw(1), draw(2));
  });

  it('refuse a pool that is too small', () => {
    assert.throws(
      () => drawTasks(fakePool, new Random(1), { tasks: 21, networksPerTask: 20 }),
      (error) =>
        error instanceof EznasError &&
        error.code === 'INVALID_ARGUMENT' &&
        /420.*fake\/data has 400/.test(error.message),
    );
  });
});

describe('held-out networks', () => {
  const tasks = drawTasks(fakePool, new Random(1), { tasks: 4, networksPerTask: 20 });
  const used = new Set(tasks.flatMap((task) => task.indices));

  it('are none that a task of the space holds, whatever its dataset', () => {
    const other = { ...fakePool, name: 'fake/other' };
    for (const pool of [fakePool, other]) {
      const heldOut = drawHeldOut(pool, new Random(2), tasks, 100);
      assert.equal(new Set(heldOut).size, 100);
      assert.ok(heldOut.every((index) => !used.has(index)));
    }
  });

  it('are not related to tasks of another space', () => {
    const heldOut = drawHeldOut({ ...fakePool, space: 'other' }, new Random(2), tasks, 400);
    assert.equal(heldOut.length, 400);
  });

  it('compute no function that a network of a task computes', () => {
    const canonical = (index: number) => String(index % 100);
    const task = makeTask(fakePool, [5, 107, 399], 'fake/data/0');
    const heldOut = drawHeldOut({ ...fakePool, canonical }, new Random(3), [task], 1000);
    assert.equal(heldOut.length, 400 - 3 * 4);
    assert.ok(heldOut.every((index) => ![5, 7, 99].includes(index % 100)));
  });
});
