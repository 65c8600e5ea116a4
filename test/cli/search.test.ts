import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { exportArchitecture } from '../../lib/onnx/export.ts';
import { searchResult } from './schemas.ts';
import { assertFails, eznas, jsonOf, start, useTemporaryFolder } from './support.ts';

const SMALL = ['--budget', '20', '--population', '8', '--sample', '3', '--batch', '1', '--images', 'noise'];

/** Waits until a run has kept its first scores. */
async function untilScored(run: string): Promise<void> {
  while (!existsSync(`${run}/scores.sqlite-wal`)) await setTimeout(20);
}

describe('eznas search', () => {
  const place = useTemporaryFolder();

  it('prints JSON as documented, and resumes to the same', async () => {
    const run = place('run');
    const result = searchResult.parse(
      await jsonOf('search', '--proxy', 'eznas-a', ...SMALL, '--run', run, '--train', '3'),
    );
    assert.equal(result.scored, 20);
    assert.equal(result.best.length, 10);
    assert.equal(result.runFolder, run);
    const [svg, onnx] = [place('best.svg'), place('best.onnx')];
    const resumed = searchResult.parse(await jsonOf('search', '--resume', run, '--svg', svg, '--onnx', onnx));
    assert.match(readFileSync(`${run}/report.html`, 'utf8'), /^<!doctype html>/);
    assert.match(readFileSync(svg, 'utf8'), /^<svg .*<\/svg>\n$/s);
    assert.deepEqual(readFileSync(onnx), Buffer.from(exportArchitecture(result.best[0]!.architecture)));
    assert.deepEqual(resumed.best, result.best);
    assert.deepEqual(resumed.trained, result.trained);
  });

  it('compares searches, and writes their courses as CSV', async () => {
    const curves = place('curves.csv');
    const args = ['--proxy', 'params', '--repeats', '2', '--beside', 'random:oracle', '--run', place('run')];
    const result = searchResult.parse(await jsonOf('search', ...args, ...SMALL, '--curves', curves, '--details'));
    assert.equal(result.networks!.architectures.length, result.scored);
    assert.deepEqual(
      result.comparison.map(({ name }) => name),
      ['aging:params', 'random:oracle'],
    );
    const [header, ...lines] = readFileSync(curves, 'utf8').trimEnd().split('\n');
    assert.equal(header, 'search,repeat,scored,seconds,accuracy,highest');
    const points = result.comparison.flatMap(({ curves: all }) => all.flat());
    assert.equal(lines.length, points.length);
    for (const [at, line] of lines.entries()) {
      const [, , scored, , accuracy] = line.split(',');
      assert.equal(Number(scored), points[at]!.scored);
      assert.equal(Number(accuracy), points[at]!.accuracy);
    }
  });

  it('tells people of the networks, and of the regret', async () => {
    const args = ['--oracle', '--max-params', '1e6', '--max-flops', '150e6', '--run', place('run')];
    const { code, stdout, stderr } = await eznas('search', ...args, ...SMALL);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /architecture\toracle\tparams\tflops\taccuracy/);
    assert.match(stdout, /regret/);
    assert.match(stderr, /20 searched networks of nasbench201/);
  });

  it('trades objectives off', async () => {
    const args = ['--algorithm', 'nsga2', '--oracle', '--minimize', 'params', '--run', place('run')];
    const { best } = searchResult.parse(await jsonOf('search', ...args, ...SMALL));
    const sorted = best.toSorted((a, b) => a.params - b.params);
    for (const [at, network] of sorted.entries()) {
      if (at > 0) assert.ok(network.accuracy! > sorted[at - 1]!.accuracy!);
    }
  });

  it('stops on SIGINT with how to go on, and goes on', async () => {
    const run = place('run');
    const args = ['search', '--budget', '300', '--batch', '1', '--images', 'noise', '--run', run];
    const { child, outcome } = start(args);
    await untilScored(run);
    child.kill('SIGINT');
    const { code, stderr, stdout } = await outcome;
    assert.deepEqual({ code, stdout }, { code: 130, stdout: '' });
    assert.match(stderr, /continue with: eznas search --resume/);
    await assertFails(['evolve', '--resume', run], 3, /eznas search/);
    await assertFails(['search', '--resume', run, '--budget', '5'], 2, /--budget cannot be given with --resume/);
  });

  it('resumes to what an undisturbed run gives when it was killed', async () => {
    const args = ['--budget', '60', '--batch', '1', '--images', 'noise'];
    const run = place('killed');
    const { child, outcome } = start(['search', ...args, '--run', run]);
    await untilScored(run);
    child.kill('SIGKILL');
    assert.equal((await outcome).code, 'SIGKILL');
    const resumed = searchResult.parse(await jsonOf('search', '--resume', run));
    const undisturbed = searchResult.parse(await jsonOf('search', ...args, '--run', place('undisturbed')));
    assert.deepEqual(resumed.best, undisturbed.best);
    assert.equal(resumed.proposals, undisturbed.proposals);
  });

  it('refuses wrong options, naming them', async () => {
    const cases: [string[], number, RegExp][] = [
      [['--algorithm', 'agin'], 2, /--algorithm: 'agin'.*aging/],
      [['--budget', '0'], 2, /--budget: '0'/],
      [['--max-params', '-1'], 2, /--max-params: '-1'/],
      [['--weight', 'x'], 2, /--weight: 'x'/],
      [['--minimize', 'params'], 2, /nsga2/],
      [['--latency', '/nonexistent/table.csv'], 3, /latency table/],
      [['--curves', '/nonexistent/curves.csv'], 3, /--curves/],
      [['--resume', '/nonexistent'], 3, /no run to resume/],
    ];
    await Promise.all(
      cases.map(([args, code, pattern], at) =>
        assertFails(
          ['search', ...args, ...(args[0] === '--resume' ? [] : ['--run', place(`run-${at}`)])],
          code,
          pattern,
        ),
      ),
    );
  });
});
