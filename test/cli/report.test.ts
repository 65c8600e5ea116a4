import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { evaluateResult } from './schemas.ts';
import { assertFails, eznas, jsonOf, useTemporaryFolder } from './support.ts';

describe('eznas report', () => {
  const temporary = useTemporaryFolder();

  it('draws again, from the JSON with details, the page that evaluate drew', async () => {
    const [page, json, again] = ['page.html', 'result.json', 'again.html'].map(temporary) as [string, string, string];
    const chosen = ['--program', 'frobenius_norm(T3)', '--proxy', 'params', '--networks', '6', '--batch', '1'];
    const result = evaluateResult.parse(
      await jsonOf('evaluate', ...chosen, '--details', '--report', page, '--out', json),
    );
    assert.deepEqual(
      result.stages!.map(({ name, stages }) => [name, stages.map(({ name }) => name)]),
      [['frobenius_norm(T3)', ['32×32', '16×16', '8×8']]],
    );
    assert.equal(result.networks!.scores['params']!.length, 6);
    assert.deepEqual(await jsonOf('report', json, '--out', again), { report: again });
    assert.equal(readFileSync(again, 'utf8'), readFileSync(page, 'utf8'));
  });

  it('goes beside its source by default, and prints where', async () => {
    const json = temporary('result.json');
    await jsonOf('evaluate', '--proxy', 'params', '--networks', '5', '--out', json);
    const { code, stdout } = await eznas('report', json);
    assert.deepEqual({ code, stdout }, { code: 0, stdout: `${temporary('result.html')}\n` });
    assert.ok(existsSync(temporary('result.html')));
  });

  it('finds out whether the page can be written before the work', async () => {
    const none = temporary('none/page.html');
    await assertFails(
      ['evaluate', '--proxy', 'params', '--networks', 'all', '--report', none],
      3,
      /option --report: cannot write/,
    );
    assert.deepEqual(readdirSync(temporary('.')), []);
  });

  it('names a source that is none', async () => {
    await assertFails(['report', temporary('nothing')], 3, /there is no .*nothing; give a run folder/);
  });
});
