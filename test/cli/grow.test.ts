import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { growResult } from './schemas.ts';
import { assertFails, eznas, jsonOf, useTemporaryFolder } from './support.ts';

const TINY = '--networks 8 --unlabelled 2 --held-out 10 --terms 1 --generations 1 --population 4 --images noise'.split(
  ' ',
);

describe('eznas grow', function () {
  this.timeout(120_000);
  const temporary = useTemporaryFolder();

  it('gives the forest, the baselines on the same networks and a run folder that resumes to the same', async () => {
    const folder = temporary('run');
    const result = growResult.parse(await jsonOf('grow', ...TINY, '--run', folder));
    assert.equal(result.runFolder, folder);
    assert.equal(result.best.growth.length, 1);
    assert.deepEqual(result.protocol.networks, { count: 10, chosen: 'held-out' });
    assert.deepEqual(
      result.baselines.map(({ name }) => name),
      ['eznas-a', 'params', 'flops'],
    );
    assert.match(readFileSync(`${folder}/report.html`, 'utf8'), /^<!doctype html>/);
    assert.deepEqual(JSON.parse(readFileSync(`${folder}/report.json`, 'utf8')), result);
    const { code, stdout, stderr } = await eznas('grow', '--resume', folder);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^term\tfitness\n.*\n\nname\tkendallTau\t/);
    assert.ok(stdout.includes(`forest: ${result.best.formula}`), stdout);
    assert.match(stderr, /running first programs: 10\/10 networks.*\ngrowing: .*\njudging: 10\/10 networks/);
    await assertFails(['grow', '--resume', folder, '--terms', '2'], 2, /--terms cannot be given with --resume/);
    await assertFails(['evolve', '--resume', folder], 3, /eznas grow --resume/);
  });

  it('refuses --separable-unit where no network has two convolutions in a row', async () => {
    const args = ['grow', ...TINY, '--separable-unit', 'second'];
    await assertFails(args, 2, /no network of the tasks has two convolutions in a row/);
  });
});
