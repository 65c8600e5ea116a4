import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { compareReports, readReport } from '../../lib/bench/compare.ts';
import { measure, measureWithin, summarize } from '../../lib/bench/measure.ts';
import type { BenchEntry, BenchMachine } from '../../lib/bench/report.ts';
import { benchSpaces } from '../../lib/bench/spaces.ts';
import { DEFAULT_SUITES, findSuite, requireSuiteOn, SUITES } from '../../lib/bench/suites.ts';
import { nodeCount, nodeElements, randomNetworks, randomPrograms } from '../../lib/bench/workload.ts';
import { EznasError } from '../../lib/errors.ts';
import { parseProgram } from '../../lib/programs/parse.ts';

const entry = (name: string, median: number): BenchEntry => ({
  suite: 'conv',
  name,
  timing: { median, low: median * 0.9, high: median * 1.1, samples: 5 },
  figures: {},
});

describe('benches', () => {
  it('summarize timings by median and quartiles, whatever their order', () => {
    assert.deepEqual(summarize([5, 1, 4, 2, 3]), { median: 3, low: 2, high: 4, samples: 5 });
    assert.deepEqual(summarize([2]), { median: 2, low: 2, high: 2, samples: 1 });
    assert.deepEqual(summarize([1, 2]), { median: 1.5, low: 1.25, high: 1.75, samples: 2 });
  });

  it('take the seconds that a task measured itself, one run not counted', async () => {
    let runs = 0;
    const timing = await measure('task', 4, async () => {
      runs++;
      return 0.25;
    });
    assert.equal(runs, 5);
    assert.deepEqual(timing, { median: 0.25, low: 0.25, high: 0.25, samples: 4 });
  });

  it('time a slow task as often as a budget allows, at least once', async () => {
    const runsIn = async (budget: number, milliseconds: number) => {
      let runs = 0;
      const timing = await measureWithin(budget, 'task', 3, async () => {
        runs++;
        await setTimeout(milliseconds);
        return runs;
      });
      return { runs, timing };
    };
    assert.deepEqual(await runsIn(0.01, 20), { runs: 1, timing: { median: 1, low: 1, high: 1, samples: 1 } });
    // The first run of several does not count.
    assert.deepEqual(await runsIn(1e6, 1), { runs: 4, timing: { median: 3, low: 2.5, high: 3.5, samples: 3 } });
    await assert.rejects(
      measureWithin(1, 'task', 3, () => Promise.reject(new EznasError('TOO_LARGE', 'too large'))),
      /too large/,
    );
  });

  it('time networks of a space by the network, and say how many and how often', async () => {
    const machine: BenchMachine = {
      cpu: '',
      simd: '',
      threads: 2,
      peakGflops: { one: 50, all: 100 },
      bandwidthGBs: 10,
    };
    const options = { device: 'cpu', precision: 'float32', threads: 2, samples: 3, seed: 0 } as const;
    const entries = await benchSpaces(machine, options, ['nasbench-macro']);
    assert.deepEqual(
      entries.map(({ name }) => name),
      ['nasbench-macro batch 1', 'nasbench-macro batch 16'],
    );
    for (const { timing, figures } of entries) {
      assert.ok(timing.samples >= 1 && timing.samples <= 3);
      assert.equal(figures['secondsPerNetwork'], timing.median);
      assert.equal(figures['networksTimed'], 2);
      assert.ok(figures['megaMultiplyAdds']! > 1 && figures['gflops']! > 0);
    }
  });

  it('pass a failing task on', async () => {
    await assert.rejects(
      measure('task', 3, () => Promise.reject(new EznasError('TOO_LARGE', 'too large'))),
      /too large/,
    );
  });

  it('compare by name, with the range that the quartiles allow', () => {
    const [only, ...rest] = compareReports([entry('a', 2), entry('gone', 1)], [entry('a', 1), entry('new', 1)]);
    assert.deepEqual(rest, []);
    assert.equal(only!.speedup, 2);
    assert.ok(Math.abs(only!.low - 1.8 / 1.1) < 1e-12 && Math.abs(only!.high - 2.2 / 0.9) < 1e-12);
  });

  it('refuse to compare with a file that is no report', () => {
    const folder = mkdtempSync(join(tmpdir(), 'eznas-bench-'));
    try {
      const file = join(folder, 'report.json');
      for (const text of ['', '{', '[]', '{"eznas": "1", "entries": [{"suite": 1}]}']) {
        writeFileSync(file, text);
        assert.throws(
          () => readReport(file),
          (error: unknown) =>
            error instanceof EznasError && error.code === 'INVALID_FILE' && error.message.includes(file),
        );
      }
      assert.throws(() => readReport(join(folder, 'absent.json')), EznasError);
      const report = { eznas: '0', entries: [entry('a', 1)] };
      writeFileSync(file, JSON.stringify(report));
      assert.deepEqual(readReport(file).entries, report.entries);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('name the suites there are when one is unknown', () => {
    assert.throws(() => findSuite('convv'), /did you mean 'conv'.*collect, population, spaces/);
    assert.throws(() => findSuite('toString'), EznasError);
    assert.equal(findSuite('conv'), SUITES['conv']);
    for (const name of DEFAULT_SUITES) assert.equal(findSuite(name), SUITES[name]);
  });

  it('that GPUs lack are refused there by name', () => {
    for (const name of Object.keys(SUITES)) requireSuiteOn('cpu', name);
    for (const name of DEFAULT_SUITES) requireSuiteOn('cuda', name);
    assert.throws(
      () => requireSuiteOn('cuda', 'spaces'),
      /'spaces' is for the CPU; on a GPU there are conv, collect, population/,
    );
  });

  it('count one operator on one element, the largest of operands and result, leaves free', () => {
    const shapes = { before: [2, 3, 4, 4], weight: [5, 3, 3, 3], after: [2, 5, 4, 4] };
    const count = (text: string) => nodeElements([parseProgram(text)], [shapes, shapes]);
    assert.equal(count('T1D'), 0);
    assert.equal(count('abs(T1D)'), 2 * 96);
    assert.equal(count('frobenius_norm(abs(T3))'), 2 * (135 + 135));
    assert.equal(count('add(mean(T4D), T4N)'), 2 * (160 + 160));
    assert.equal(count('add(T1D, T4N)'), 0, 'a program that does not fit does nothing');
    assert.equal(nodeCount([parseProgram('add(mean(T4D), T4N)')]), 4);
  });

  it('draw the same workload from the same seed', () => {
    assert.deepEqual(randomNetworks(5, 3).indices, randomNetworks(5, 3).indices);
    assert.notDeepEqual(randomNetworks(5, 3).indices, randomNetworks(5, 4).indices);
    assert.deepEqual(randomPrograms(5, 3), randomPrograms(5, 3));
    assert.ok(randomNetworks(5, 3).meanMultiplyAdds > 5e6);
  });
});
