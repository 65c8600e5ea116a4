import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Benchmark } from '../../lib/benchmarks/benchmark.ts';
import { DATASETS } from '../../lib/benchmarks/datasets.ts';
import { type EvolveProxyOptions, evolveProxy, resumeEvolution } from '../../lib/discovery/evolve-proxy.ts';
import {
  drawJudged,
  findTasks,
  HELD_OUT,
  networkPool,
  type TaskPlace,
  taskName,
  tasksSignature,
} from '../../lib/discovery/tasks.ts';
import { resolveSetting } from '../../lib/evaluation/setting.ts';
import { makeTask } from '../../lib/evolution/task.ts';
import { GraphBuilder } from '../../lib/graph/builder.ts';
import { flops } from '../../lib/graph/counts.ts';
import { convBatchNormActivation } from '../../lib/graph/units.ts';
import { parseProgram } from '../../lib/programs/parse.ts';
import { checkProgram } from '../../lib/programs/typing.ts';
import { Random } from '../../lib/random.ts';
import { choiceSpace } from '../../lib/spaces/choices.ts';

/** Small networks whose activation comes after the normalization; the more channels, the better. */
const space = choiceSpace({
  name: 'tiny',
  choices: [
    [2, 4, 6, 8],
    [2, 4, 6, 8],
  ],
  build(widths, { classes = 10, resolution = 32, inputChannels = 3 } = {}) {
    const builder = new GraphBuilder([inputChannels, resolution, resolution]);
    let node = builder.avgPool(builder.input, { kernel: 4, stride: 4 });
    for (const width of widths) node = convBatchNormActivation(builder, node, width, { kernel: 3, stride: 2 });
    return builder.finish(builder.linear(builder.globalAvgPool(node), classes));
  },
});

const tiny: Benchmark<unknown> = {
  name: 'tiny',
  space,
  size: space.size,
  datasets: DATASETS.slice(0, 2),
  epochs: [1],
  split: 'test',
  architecture: (index) => space.architecture(index),
  index: (architecture) => space.index(architecture as readonly (2 | 4 | 6 | 8)[]),
  dataset: (name) => DATASETS.find((dataset) => dataset.name === name)!,
  accuracy: (index) => 50 + space.architecture(index).reduce((sum, width) => sum + width, 0),
};

const SEARCH = {
  population: 8,
  generations: 2,
  kept: 4,
  tasksPerPool: 1,
  tasksPerGeneration: 2,
  choiceTasks: 1,
  networksPerTask: 4,
};

describe('evolution tasks', function () {
  this.timeout(120_000);
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'eznas-tasks-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const options = {
    seed: 2,
    benchmarks: [tiny],
    tasks: ['tiny:cifar10', 'nasbench201:imagenet16-120'],
    judgedTasks: ['tiny:cifar10', 'tiny:cifar100', 'nasbench201'],
    search: SEARCH,
    judgeBatch: 2,
    heldOut: 20,
  } satisfies EvolveProxyOptions;

  it('come from several spaces, and the result is judged on all, those never seen marked', async () => {
    const runFolder = join(folder, 'run');
    const result = await evolveProxy({ ...options, runFolder });
    assert.deepEqual(
      result.tasks.map(({ task, seen, baselines }) => [task, seen, baselines[1]!.networks]),
      [
        // The search saw eight of sixteen, half of them to choose by, which are left out whatever the dataset.
        ['tiny:cifar10', true, 8],
        ['nasbench201:imagenet16-120', true, 20],
        ['tiny:cifar100', false, 8],
        ['nasbench201:cifar10', false, 20],
      ],
    );
    assert.deepEqual(
      result.tasks.map(({ judged }) => judged),
      [8, 20, 8, 20].map((networks) => ({ networks, shortened: false, batch: 2 })),
    );
    assert.deepEqual(result.best.heldOut, result.tasks[0]!.heldOut);
    assert.deepEqual(result.baselines, result.tasks[0]!.baselines);
    assert.equal(result.protocol.space, 'tiny');
    assert.deepEqual(await resumeEvolution(runFolder, { benchmarks: [tiny] }), result);
    await assert.rejects(resumeEvolution(runFolder), { code: 'INVALID_ARGUMENT', message: /unknown benchmark 'tiny'/ });
  });

  it('are named by benchmark and dataset, or by either of benchmark and space alone', () => {
    const named = (...texts: string[]) => findTasks(texts, [tiny]).map(taskName);
    assert.deepEqual(named('tiny', 'nasbench201', 'darts', 'nasbench201:cifar100', ' tiny:cifar10'), [
      'tiny:cifar10',
      'nasbench201:cifar10',
      'darts-nasbench301:cifar10',
      'nasbench201:cifar100',
    ]);
    assert.deepEqual(named('all'), [
      'tiny:cifar10',
      'tiny:cifar100',
      'nasbench201:cifar10',
      'nasbench201:cifar100',
      'nasbench201:imagenet16-120',
      'nasbench101:cifar10',
      'darts-nasbench301:cifar10',
    ]);
    for (const text of ['nasbench202', 'nasbench201:', 'nasbench201:mnist', 'a:b:c', '']) {
      assert.throws(() => findTasks([text], []), { code: 'INVALID_ARGUMENT' });
    }
  });

  it('are judged on fewer networks where these are dear and no number is asked for', () => {
    const names = ['nasbench201:cifar10', 'nasbench101:cifar10'];
    const draw = (heldOut: number | null, batch: number, tasks = names) => {
      const settingOf = ({ benchmark, dataset }: TaskPlace) => resolveSetting({ benchmark, dataset, batch });
      const drawn = drawJudged(findTasks(tasks, []), settingOf, new Random(3), { learned: 1, tasks: [], heldOut });
      return drawn.map(({ name, indices, shortened, setting }) => {
        return { name, indices, shortened, pool: networkPool(setting) };
      });
    };
    type Drawn = ReturnType<typeof draw>[number];
    const total = ({ pool }: Drawn, indices: readonly number[]) =>
      indices.reduce((sum, index) => sum + pool.inputs.batch * flops(pool.network(index).graph), 0);
    const [cheap, dear] = draw(null, 16);
    assert.deepEqual([cheap!.indices.length, cheap!.shortened], [HELD_OUT.each, false]);
    assert.ok(dear!.shortened && dear!.indices.length > HELD_OUT.least && dear!.indices.length < HELD_OUT.each);
    assert.ok(total(dear!, dear!.indices) <= HELD_OUT.multiplyAdds);
    const all = draw(HELD_OUT.each, 16)[1]!;
    assert.deepEqual([all.indices.length, all.shortened], [HELD_OUT.each, false]);
    assert.deepEqual(all.indices.slice(0, dear!.indices.length), dear!.indices, 'the first of those drawn');
    const oneMore = all.indices.slice(0, dear!.indices.length + 1);
    assert.ok(total(dear!, oneMore) > HELD_OUT.multiplyAdds, 'one more is too many');
    assert.equal(draw(null, 64)[1]!.indices.length, HELD_OUT.least, 'never fewer');
    assert.equal(draw(null, 1)[1]!.shortened, false);
    assert.equal(draw(null, 16, ['nasbench101'])[0]!.indices.length, HELD_OUT.alone, 'one task alone');
  });

  it('decide which programs are made: those that fit the units of all', () => {
    const task = (benchmark: string, indices: number[]) => {
      const pool = networkPool(resolveSetting({ benchmark, batch: 1 }));
      return makeTask(pool, indices, benchmark);
    };
    const fits = (program: string, benchmarks: string[]) => {
      const tasks = benchmarks.map((name) => task(name, [7, 9]));
      return checkProgram(parseProgram(program), [tasksSignature(tasks)]) === undefined;
    };
    // In a cell with the activation last, T1 is no longer of T2's shape; in a depthwise convolution filters read one channel.
    assert.ok(fits('add(T1D, T2D)', ['nasbench201']));
    assert.ok(!fits('add(T1D, T2D)', ['nasbench201', 'nasbench101']));
    assert.ok(fits('add(T1D, T2D)', ['darts-nasbench301']));
    assert.ok(fits('frobenius_norm(sigmoid(logdet(sign(T1GD))))', ['nasbench201', 'nasbench101', 'darts-nasbench301']));
    assert.ok(fits('matmul(T3, T3GD)', ['nasbench201']));
  });

  it('are refused where they contradict or leave nothing', async () => {
    const refused: EvolveProxyOptions[] = [
      { ...options, space: 'nasbench201' },
      { ...options, tasks: [] },
      {
        ...options,
        tasks: ['tiny'],
        judgedTasks: [],
        search: { ...SEARCH, tasksPerGeneration: 1, networksPerTask: 15 },
      },
      { ...options, search: { ...SEARCH, tasksPerGeneration: 3 } },
    ];
    for (const wrong of refused) await assert.rejects(evolveProxy(wrong), { code: 'INVALID_ARGUMENT' });
  });
});
