import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { evolveResult } from './schemas.ts';
import { assertFails, eznas, jsonOf, start, useTemporaryFolder } from './support.ts';

const TINY = ['--population', '8', '--groups', '2', '--networks', '16', '--held-out', '10', '--seed', '2'];

/** A result without what two runs of one search may differ in. */
const comparable = (value: unknown) => ({ ...evolveResult.parse(value), runFolder: '' });

describe('eznas evolve', function () {
  this.timeout(120_000);
  const temporary = useTemporaryFolder();

  it('gives the best program, the baselines on the same networks, and the run folder', async () => {
    const folder = temporary('run');
    const result = evolveResult.parse(await jsonOf('evolve', ...TINY, '--generations', '2', '--run', folder));
    assert.equal(result.runFolder, folder);
    assert.equal(result.best.heldOut.networks, 10);
    assert.deepEqual(
      result.baselines.map(({ name, networks }) => ({ name, networks })),
      ['eznas-a', 'params', 'flops'].map((name) => ({ name, networks: 10 })),
    );
    assert.deepEqual(result.protocol.networks, { count: 10, chosen: 'held-out' });
    assert.equal(result.protocol.batch, 1);
    const { population, generations, networksPerTask, batch } = result.search;
    assert.deepEqual(
      { population, generations, networksPerTask, batch },
      { population: 8, generations: 2, networksPerTask: 4, batch: 1 },
    );
    assert.deepEqual(JSON.parse(readFileSync(`${folder}/report.json`, 'utf8')), result);
    assert.match(readFileSync(`${folder}/report.html`, 'utf8'), /^<!doctype html>/);
  });

  it('shows stages on stderr and the result on stdout', async () => {
    const { code, stdout, stderr } = await eznas('evolve', ...TINY, '--generations', '1', '--run', temporary('run'));
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^result\tvalue\tnote\nbest formula\t.*\nfitness\t.*\nrun folder\t.*\n\nname\tkendallTau\t/);
    assert.match(
      stderr,
      /^recording statistics: 16\/16 networks.*\nevolving: 1\/1 generations.*\njudging: 10\/10 networks/,
    );
  });

  it('stopped by SIGINT, tells how to resume, and resumes to the result of an undisturbed run', async () => {
    const generations = ['--generations', '12'];
    const undisturbed = await jsonOf('evolve', ...TINY, ...generations, '--run', temporary('undisturbed'));
    const folder = temporary('stopped');
    const { child, outcome } = start(['evolve', ...TINY, ...generations, '--run', folder]);
    while (!existsSync(`${folder}/checkpoint.json`) && child.exitCode === null) await setTimeout(5);
    child.kill('SIGINT');
    const { code, stdout, stderr } = await outcome;
    assert.deepEqual({ code, stdout }, { code: 130, stdout: '' }, stderr);
    assert.ok(stderr.includes(`continue with: eznas evolve --resume ${folder}`), stderr);
    assert.ok(existsSync(`${folder}/report.html`), 'a report of what was found until then');
    const resumed = await jsonOf('evolve', '--resume', folder);
    assert.deepEqual(comparable(resumed), comparable(undisturbed));
  });

  it('changes fields of the search with --set; formulas are judged at the batch of the search', async () => {
    const begin = ['evolve', ...TINY, '--generations', '1', '--run', temporary('set')];
    const given = ['--set', 'replacement=aging', '--set', 'aggregators=["unit_sum","unit_max"]', '--set', 'kept=3'];
    const { search, protocol, front } = evolveResult.parse(await jsonOf(...begin, ...given));
    const { replacement, aggregators, kept } = search as Record<string, unknown>;
    assert.deepEqual(
      { replacement, aggregators, kept, batch: protocol.batch },
      { replacement: 'aging', aggregators: ['unit_sum', 'unit_max'], kept: 3, batch: 1 },
    );
    assert.ok(front.length > 0);
    await assertFails(['evolve', '--set', 'replacement=never'], 2, /replacement must be 'generational' or 'plus'/);
    await assertFails(['evolve', '--set', 'replacement'], 2, /option --set: .* a field and its value/);
    await assertFails(['evolve', '--set', 'colour=red'], 2, /unknown search option 'colour'/);
  });

  it('does not begin a second run in the same folder', async () => {
    const folder = temporary('run');
    await jsonOf('evolve', ...TINY, '--generations', '1', '--run', folder);
    await assertFails(['evolve', '--run', folder], 3, /already holds a run; resume it/);
  });
});
