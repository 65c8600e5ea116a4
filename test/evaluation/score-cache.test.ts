import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EznasError } from '../../lib/errors.ts';
import { ScoreCache } from '../../lib/evaluation/score-cache.ts';
import { Archive } from '../../lib/evolution/archive.ts';

describe('score cache', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'eznas-cache-'));
    path = join(folder, 'scores.sqlite');
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it('gives back what it kept, bit for bit, in a later process too', () => {
    const values = [0.1 + 0.2, -0, 5e-324, 1.7976931348623157e308, Number.NaN, Number.NEGATIVE_INFINITY];
    const scores = values.map((value, at) => ({
      scoring: 'x',
      architecture: `a${at}`,
      values: [value, ...values],
      seconds: at / 3,
    }));
    scores.push({ scoring: 'x', architecture: 'none', values: [], seconds: 0 });
    for (const reopened of [false, true]) {
      using cache = new ScoreCache(path);
      if (!reopened) cache.keep(scores);
      const found = cache.find('x', ['a4', 'unknown', ...scores.map(({ architecture }) => architecture)]);
      assert.deepEqual(found[0], { values: [Number.NaN, ...values], seconds: 4 / 3 });
      assert.equal(found[1], undefined);
      assert.deepEqual(
        found.slice(2),
        scores.map(({ values, seconds }) => ({ values, seconds })),
      );
    }
    assert.deepEqual(readdirSync(folder), ['scores.sqlite'], 'one file at rest');
  });

  it('keeps scorings apart, and what was there first', () => {
    using cache = new ScoreCache(path);
    cache.keep([{ scoring: 'x', architecture: 'a', values: [1], seconds: 0 }]);
    cache.keep([{ scoring: 'y', architecture: 'a', values: [2], seconds: 0 }]);
    cache.keep([{ scoring: 'x', architecture: 'a', values: [3], seconds: 0 }]);
    cache.keep([]);
    assert.deepEqual(cache.find('x', ['a'])[0]?.values, [1]);
    assert.deepEqual(cache.find('y', ['a'])[0]?.values, [2]);
    assert.deepEqual(cache.find('z', ['a']), [undefined]);
    assert.deepEqual(cache.find('x', []), []);
  });

  it('is open to several at once', () => {
    using one = new ScoreCache(path);
    using other = new ScoreCache(path);
    one.keep([{ scoring: 'x', architecture: 'a', values: [1], seconds: 0 }]);
    other.keep([{ scoring: 'x', architecture: 'b', values: [2], seconds: 0 }]);
    assert.deepEqual(
      one.find('x', ['a', 'b']).map((score) => score?.values),
      [[1], [2]],
    );
  });

  it('refuses files that are none, naming them and saying what to do', () => {
    const refuses = (pattern: RegExp) =>
      assert.throws(
        () => new ScoreCache(path),
        (error) => error instanceof EznasError && error.code === 'INVALID_FILE' && pattern.test(error.message),
      );
    const text = 'no database at all, but long enough to be read as one'.repeat(40);
    writeFileSync(path, text);
    refuses(/scores\.sqlite.*delete it/);
    assert.equal(readFileSync(path, 'utf8'), text, 'as it was');
    rmSync(path);
    new Archive(path).close();
    const archive = readFileSync(path);
    refuses(/not a cache of scores/);
    assert.deepEqual(readFileSync(path), archive, 'as it was');
    path = join(folder, 'missing', 'scores.sqlite');
    refuses(/see that the folder exists/);
  });
});
