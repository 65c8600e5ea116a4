import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { assertRefuses, eznas, start, useTemporaryFolder } from './support.ts';

const evaluate = (...args: string[]) => ['evaluate', '--proxy', 'params', ...args];

describe('bad input', () => {
  const temporary = useTemporaryFolder();

  const cases: readonly (readonly [what: string, args: readonly string[], code: number, message: RegExp])[] = [
    ['batch 0', evaluate('--batch', '0'), 2, /option --batch: '0' .* an integer from 1 to 4096 is needed/],
    ['a batch that is no number', evaluate('--batch', 'many'), 2, /option --batch: 'many'/],
    ['a fractional batch', evaluate('--batch', '1.5'), 2, /option --batch: '1\.5'/],
    ['a negative seed', evaluate('--seed=-1'), 2, /option --seed: '-1' .* an integer from 0/],
    ['a seed beyond 2^53', evaluate('--seed', '9007199254740992'), 2, /option --seed: '9007199254740992'/],
    ['no threads', evaluate('--threads', '0'), 2, /option --threads: '0'/],
    ['zero networks', evaluate('--networks', '0'), 2, /cannot take 0 networks; the space has 1 to 15625/],
    ['more networks than there are', evaluate('--networks', '15626'), 2, /cannot take 15626 networks/],
    [
      'networks that are none',
      evaluate('--networks', 'some'),
      2,
      /option --networks: 'some' .* a number of networks, all/,
    ],
    ['a network outside the space', evaluate('--networks', '1,15625'), 2, /no architecture 15625/],
    ['an unknown space', evaluate('--space', 'nasbench301'), 2, /option --space: .* did you mean 'nasbench[12]01'\?/],
    ['an unknown dataset', evaluate('--dataset', 'cifar-10'), 2, /option --dataset: .* did you mean 'cifar10'\?/],
    ['an unknown device', evaluate('--device', 'gpu'), 2, /option --device: 'gpu' .* known are auto, cpu, cuda/],
    ['a device that is not there', evaluate('--device', 'cuda'), 5, /'cuda' is not available: .*use 'cpu' or 'auto'/],
    ['a bench on a device that is not there', ['bench', 'conv', '--device', 'cuda'], 5, /'cuda' is not available/],
    ['images that are not there', evaluate('--images', '/nowhere'), 2, /no images at '\/nowhere'/],
    ['an unknown proxy', ['evaluate', '--proxy', 'eznas'], 2, /option --proxy: 'eznas' .* known are eznas-a/],
    ['a misspelt proxy', ['evaluate', '--proxy', 'parms'], 2, /did you mean 'params'\?/],
    ['nothing to score with', ['evaluate'], 2, /name at least one proxy or program/],
    [
      'an unknown operator',
      ['evaluate', '--program', 'sigmod(T1D)'],
      2,
      /unknown name 'sigmod'; did you mean 'sigmoid'\?/,
    ],
    ['an unknown tensor', ['evaluate', '--program', 'mean(T5D)'], 2, /unknown tensor 'T5D'.* column 6/],
    ['a malformed program', ['evaluate', '--program', 'mean(T1D'], 2, /expected ',' or '\)', found the end/],
    ['an empty program', ['evaluate', '--program', ''], 2, /option --program: '' .* the text of a program is needed/],
    [
      'a program whose shapes do not fit',
      ['evaluate', '--program', 'mean(add(T1D, T3))', '--networks', '2'],
      2,
      /mean\(add\(T1D, T3\)\) cannot be evaluated: add\(T1D, T3\) \(node 1\) does not fit a unit of network \d+/,
    ],
    [
      'a search of all networks',
      ['evolve', '--networks', 'all'],
      2,
      /option --networks: 'all' .* multiple of its 8 groups/,
    ],
    ['networks that no tasks share evenly', ['evolve', '--networks', '81'], 2, /option --networks: '81'/],
    ['a population of one', ['evolve', '--population', '1'], 2, /option --population: '1'/],
    ['more held-out networks than are left', ['evolve', '--held-out', '15600'], 2, /cannot hold out 15600 networks/],
    ['resuming what is no run', ['evolve', '--resume', '/nowhere'], 3, /\/nowhere holds no config\.json/],
    [
      'a resumed run with other options',
      ['evolve', '--resume', 'x', '--held-out', '5'],
      2,
      /--held-out cannot be given with --resume/,
    ],
  ];
  for (const [what, args, code, message] of cases) {
    it(`${what}: exit code ${code} and a message`, () => assertRefuses(args, code, message));
  }

  it('reaches the shell as an exit code and one line on stderr', async () => {
    assert.deepEqual(await eznas(...evaluate('--batch', '0')), {
      code: 2,
      stdout: '',
      stderr: "eznas: option --batch: '0' is not right; an integer from 1 to 4096 is needed\n",
    });
  });

  it('a foreign file of images', async () => {
    writeFileSync(temporary('images.npy'), 'no array');
    await assertRefuses(evaluate('--images', temporary('images.npy')), 3, /images\.npy/);
  });

  it('--out in a folder that is not there, and one that is a folder: refused before any work, leaving nothing', async () => {
    const path = temporary('missing/result.json');
    await assertRefuses(evaluate('--out', path), 3, /option --out: cannot write '.*missing\/result\.json'/);
    mkdirSync(temporary('folder'));
    await assertRefuses(evaluate('--out', temporary('folder')), 3, /it is a folder/);
    assert.deepEqual(readdirSync(dirname(temporary('folder'))), ['folder']);
  });

  it('a failed command leaves no file behind --out', async () => {
    await assertRefuses(evaluate('--networks', '0', '--out', temporary('result.json')), 2, /cannot take 0 networks/);
    assert.deepEqual(readdirSync(dirname(temporary('result.json'))), []);
  });

  it('more memory than may be used: exit code 4, what it takes and what there is, nothing on stdout or behind --out', async () => {
    const request = ['--proxy', 'eznas-a', '--batch', '4096', '--json', '--out', temporary('result.json')];
    for (const command of [
      ['evaluate', '--networks', '2'],
      ['score', '6111'],
    ]) {
      const { outcome } = start([...command, ...request], { EZNAS_MEMORY_LIMIT: '100000000' });
      const { code, stdout, stderr } = await outcome;
      assert.deepEqual({ code, stdout }, { code: 4, stdout: '' }, stderr);
      assert.match(
        stderr,
        /^eznas: network 0 needs at least \d+ MB at batch 4096; the limit is 100 MB \(.*EZNAS_MEMORY_LIMIT\)\n$/,
      );
      assert.deepEqual(readdirSync(dirname(temporary('result.json'))), []);
    }
  });

  it('--run that holds something else', async () => {
    mkdirSync(temporary('run'));
    writeFileSync(temporary('run/notes.txt'), '');
    await assertRefuses(['evolve', '--run', temporary('run')], 3, /is not empty \(it holds notes\.txt\)/);
    assert.ok(existsSync(temporary('run/notes.txt')));
  });
});
