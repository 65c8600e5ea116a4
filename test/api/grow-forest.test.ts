import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EvolveForestOptions, evolveForest, resumeForest } from '../../lib/discovery/grow-forest.ts';
import { scoreArchitectures } from '../../lib/evaluation/score.ts';
import { SMALL_SEARCH } from '../forests/small-search.ts';

/** A search of seconds. */
const SMALL: EvolveForestOptions = {
  networks: 12,
  unlabelled: 6,
  heldOut: 12,
  judgeBatch: 1,
  images: 'noise',
  search: SMALL_SEARCH,
};

describe('evolveForest', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'eznas-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('gives the same result for the same options, interrupted or not, whatever the threads', async () => {
    const { runFolder: none, ...whole } = await evolveForest({ ...SMALL, threads: 2 });
    assert.equal(none, null);
    const run = join(folder, 'run');
    const controller = new AbortController();
    const interrupted = evolveForest({
      ...SMALL,
      runFolder: run,
      signal: controller.signal,
      onProgress: (progress) => {
        if (progress.stage === 'search' && progress.done === 2) controller.abort();
      },
    });
    await assert.rejects(interrupted, { code: 'ABORTED' });
    const { runFolder, ...resumed } = await resumeForest(run, { threads: 1 });
    assert.equal(runFolder, run);
    assert.deepEqual({ ...resumed, protocol: { ...resumed.protocol, threads: 2 } }, whole);
    const report = JSON.parse(readFileSync(join(run, 'report.json'), 'utf8'));
    assert.equal(report.best.formula, whole.best.formula);
    // Resumed once more, nothing is computed but the judgement.
    assert.equal((await resumeForest(run)).best.formula, whole.best.formula);
  });

  it('gives a reference with which the forest scores networks one by one', async () => {
    const { best } = await evolveForest(SMALL);
    assert.equal(best.reference.length, best.growth.length);
    const given = { formula: best.formula, reference: best.reference };
    const common = { programs: [given], batch: 1, images: 'noise' };
    const both = await scoreArchitectures({ ...common, architectures: [1462, 99] });
    const alone = await scoreArchitectures({ ...common, architectures: [99] });
    assert.equal(alone.scores[best.formula]![0], both.scores[best.formula]![1]);
  });

  it('learns from several tasks, and is judged on all of them and on one that it never saw', async () => {
    const { best, tasks } = await evolveForest({
      ...SMALL,
      tasks: ['nasbench201:cifar10', 'nasbench201:imagenet16-120'],
      judgedTasks: ['nasbench201:cifar100'],
    });
    assert.deepEqual(
      tasks.map(({ task, seen, heldOut }) => [task, seen, heldOut.networks]),
      [
        ['nasbench201:cifar10', true, 12],
        ['nasbench201:imagenet16-120', true, 12],
        ['nasbench201:cifar100', false, 12],
      ],
    );
    assert.deepEqual(tasks[0]!.heldOut, best.heldOut);
    await assert.rejects(evolveForest({ ...SMALL, tasks: ['nasbench201'], space: 'nasbench201' }), {
      code: 'INVALID_ARGUMENT',
      message: /not both/,
    });
    await assert.rejects(evolveForest({ ...SMALL, tasks: [] }), { code: 'INVALID_ARGUMENT', message: /at least one/ });
  });

  it('takes the unit of two convolutions in a row that is asked for, and keeps it in the run', async () => {
    const runFolder = join(folder, 'run');
    const result = await evolveForest({
      ...SMALL,
      tasks: ['darts-nasbench301'],
      judgedTasks: ['nasbench201:imagenet16-120'],
      separableUnit: 'second',
      networks: 4,
      unlabelled: 2,
      heldOut: 4,
      runFolder,
    });
    assert.equal(result.protocol.separableUnit, 'second');
    const { config } = JSON.parse(readFileSync(join(runFolder, 'config.json'), 'utf8'));
    assert.equal(config.separableUnit, 'second');
    assert.deepEqual(await resumeForest(runFolder), result);
    await assert.rejects(evolveForest({ ...SMALL, separableUnit: 'second' }), {
      code: 'INVALID_ARGUMENT',
      message: /no network of the tasks has two convolutions in a row/,
    });
  });

  it('says what is wrong with options and folders', async () => {
    await assert.rejects(evolveForest({ ...SMALL, search: { terms: 0 } }), {
      code: 'INVALID_ARGUMENT',
      message: /terms/,
    });
    await assert.rejects(evolveForest({ ...SMALL, networks: 15_612, heldOut: 10 }), {
      code: 'INVALID_ARGUMENT',
      message: /cannot hold out/,
    });
    await assert.rejects(resumeForest(folder), { code: 'INVALID_RUN' });
    const run = join(folder, 'run');
    const controller = new AbortController();
    controller.abort();
    await assert.rejects(evolveForest({ ...SMALL, runFolder: run, signal: controller.signal }), { code: 'ABORTED' });
    await assert.rejects(evolveForest({ ...SMALL, runFolder: run }), { code: 'INVALID_RUN', message: /already holds/ });
    writeFileSync(join(run, 'values.sqlite'), 'no database, but long enough to be read as one'.repeat(10));
    await assert.rejects(resumeForest(run), { code: 'INVALID_RUN', message: /values\.sqlite/ });
  });
});
