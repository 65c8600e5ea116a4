import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type DiscoveryProgress,
  type EvolveProxyOptions,
  evolveProxy,
  resumeEvolution,
} from '../../lib/discovery/evolve-proxy.ts';
import { TaskEvaluator } from '../../lib/discovery/task-evaluator.ts';
import { buildNetwork, resolveSetting } from '../../lib/evaluation/setting.ts';
import { makeTask } from '../../lib/evolution/task.ts';
import { parseFormula } from '../../lib/formulas/parse.ts';
import type { Term } from '../../lib/formulas/tree.ts';

const TINY = {
  seed: 3,
  preset: 'paper',
  search: { population: 8, generations: 3, kept: 4, tasksPerPool: 2, tasksPerGeneration: 2, networksPerTask: 4 },
  judgeBatch: 2,
  heldOut: 12,
} satisfies EvolveProxyOptions;

describe('evolveProxy', function () {
  this.timeout(120_000);
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'eznas-evolve-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('gives the same result for the same seed, whatever the threads, kept in a folder or not', async () => {
    const first = await evolveProxy({ ...TINY, threads: 1 });
    const second = await evolveProxy({ ...TINY, threads: 2, runFolder: join(folder, 'run') });
    assert.deepEqual({ ...second, runFolder: null, protocol: { ...second.protocol, threads: 1 } }, first);
    const other = await evolveProxy({ ...TINY, seed: 4 });
    assert.notDeepEqual(other.baselines, first.baselines);
  });

  it('goes through its stages, each to its end', async () => {
    const last = new Map<string, DiscoveryProgress>();
    await evolveProxy({ ...TINY, onProgress: (progress) => last.set(progress.stage, progress) });
    assert.deepEqual(
      [...last.values()].map(({ stage, done, total }) => [stage, done, total]),
      [
        ['record', 8, 8],
        ['search', 3, 3],
        ['judge', 12, 12],
      ],
    );
  });

  it('stopped after any generation, resumes to the result of an undisturbed run', async () => {
    const undisturbed = await evolveProxy(TINY);
    for (const stopAfter of [0, 2]) {
      const runFolder = join(folder, `stopped-${stopAfter}`);
      const controller = new AbortController();
      const stopped = evolveProxy({
        ...TINY,
        runFolder,
        signal: controller.signal,
        onProgress: ({ stage, done }) => stage === 'search' && done === stopAfter && controller.abort(),
      });
      await assert.rejects(stopped, { name: 'EznasError', code: 'ABORTED' });
      assert.deepEqual({ ...(await resumeEvolution(runFolder)), runFolder: null }, undisturbed);
    }
  });

  it('resumes a run that had ended to the same result', async () => {
    const runFolder = join(folder, 'run');
    const result = await evolveProxy({ ...TINY, runFolder });
    assert.deepEqual(await resumeEvolution(runFolder), result);
  });

  it('leaves no folder behind when its options are wrong', async () => {
    const runFolder = join(folder, 'run');
    for (const wrong of [
      { heldOut: 1 },
      { heldOut: 15_625 },
      { dataset: 'mnist' },
      { images: '/nowhere' },
      { search: { tasksPerGeneration: 5 } },
      { search: { networksPerTask: 100_000 } },
      { search: { populations: 5 } as object },
    ]) {
      await assert.rejects(evolveProxy({ ...wrong, runFolder }), { name: 'EznasError', code: 'INVALID_ARGUMENT' });
      await assert.rejects(resumeEvolution(runFolder), { name: 'EznasError', code: 'INVALID_RUN' });
    }
  });
});

describe('TaskEvaluator', () => {
  it('gives the same scores from kept statistics and from networks run again', async () => {
    const setting = resolveSetting({ batch: 1 });
    const pool = {
      name: 'pool',
      space: 'nasbench201',
      size: 15625,
      inputs: setting.inputs,
      network: (index: number) => buildNetwork(setting, setting.benchmark!.architecture(index)),
      accuracy: () => 0,
    };
    const task = makeTask(pool, [6111, 0, 1462], 'task');
    const programs = [
      'l1_norm(T1GP)',
      'frobenius_norm(sigmoid(logdet(sign(T1GD))))',
      'sub(unit_max(mean(T4D)), log(params))',
    ].map((text) => parseFormula(text) as Term);
    using keeping = new TaskEvaluator({ seed: 1 });
    using running = new TaskEvaluator({ seed: 1, keptBytes: 0 });
    const kept = await keeping.evaluate(programs, task);
    const run = await running.evaluate(programs, task);
    for (const row of programs.keys()) {
      assert.deepEqual(kept.row(row), run.row(row));
      assert.ok(kept.row(row).every(Number.isFinite));
    }
  });
});
