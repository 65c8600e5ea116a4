import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EznasError } from '../../lib/errors.ts';
import { Archive } from '../../lib/evolution/archive.ts';
import { ScoreCache } from '../../lib/search/score-cache.ts';

describe('score cache', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'eznas-cache-'));
    path = join(folder, 'scores.sqlite');
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it('gives back what it kept, bit for bit, in a later process too', () => {
    const values = [0.1 + 0.2, -0, 5e-324, 1.7976931348623157e308, Number.NaN];
    const scores = values.map((value, at) => ({ architecture: `a${at}`, value, seconds: at / 3 }));
    for (const reopened of [false, true]) {
      using cache = new ScoreCache(path);
      if (!reopened) cache.keep('x', scores);
      const found = cache.find('x', ['a4', 'unknown', ...scores.map(({ architecture }) => architecture)]);
      assert.deepEqual(found[0], { value: Number.NaN, seconds: 4 / 3 });
      assert.equal(found[1], undefined);
      assert.deepEqual(
        found.slice(2),
        scores.map(({ value, seconds }) => ({ value, seconds })),
      );
    }
    assert.deepEqual(readdirSync(folder), ['scores.sqlite'], 'one file at rest');
  });

  it('keeps scorings apart, and what was there first', () => {
    using cache = new ScoreCache(path);
    cache.keep('x', [{ architecture: 'a', value: 1, seconds: 0 }]);
    cache.keep('y', [{ architecture: 'a', value: 2, seconds: 0 }]);
    cache.keep('x', [{ architecture: 'a', value: 3, seconds: 0 }]);
    cache.keep('x', []);
    assert.equal(cache.find('x', ['a'])[0]?.value, 1);
    assert.equal(cache.find('y', ['a'])[0]?.value, 2);
    assert.deepEqual(cache.find('z', ['a']), [undefined]);
    assert.deepEqual(cache.find('x', []), []);
  });

  it('is open to several at once', () => {
    using one = new ScoreCache(path);
    using other = new ScoreCache(path);
    one.keep('x', [{ architecture: 'a', value: 1, seconds: 0 }]);
    other.keep('x', [{ architecture: 'b', value: 2, seconds: 0 }]);
    assert.deepEqual(
      one.find('x', ['a', 'b']).map((score) => score?.value),
      [1, 2],
    );
  });

  it('refuses files that are none, naming them and saying what to do', () => {
    const refuses = (pattern: RegExp) =>
      assert.throws(
        () => new ScoreCache(path),
        (error) => error instanceof EznasError && error.code === 'INVALID_FILE' && pattern.test(error.message),
      );
    writeFileSync(path, 'no database at all, but long enough to be read as one'.repeat(40));
    refuses(/scores\.sqlite.*delete it/);
    rmSync(path);
    new Archive(path).close();
    refuses(/not a cache of scores/);
    path = join(folder, 'missing', 'scores.sqlite');
    refuses(/see that the folder exists/);
  });
});
