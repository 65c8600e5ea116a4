import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { scoreResult } from './schemas.ts';
import { assertFails, eznas, jsonOf, useTemporaryFolder } from './support.ts';

/** Published number of parameters of architecture 0, in millions: 0.129306. */
const PARAMS_OF_0 = 129306;
const ARCHITECTURE_0 =
  '|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|';

describe('eznas score', () => {
  const temporary = useTemporaryFolder();

  it('scores architectures by index and by text', async () => {
    const byIndex = scoreResult.parse(await jsonOf('score', '--proxy', 'params', '0', '6111'));
    assert.deepEqual(byIndex.networks, [0, 6111]);
    assert.equal(byIndex.architectures[0], ARCHITECTURE_0);
    assert.equal(byIndex.scores['params']![0], PARAMS_OF_0);
    assert.deepEqual(byIndex.protocol.networks, { count: 2, chosen: 'listed' });
    const byText = scoreResult.parse(await jsonOf('score', '--proxy', 'params', ARCHITECTURE_0));
    assert.deepEqual(byText.networks, [0]);
  });

  it('scores with programs, named by their text as printed', async () => {
    const result = scoreResult.parse(
      await jsonOf('score', '--program', ' mean( gt0(T3) )', '--proxy', 'eznas-a', '--batch', '1', '9930'),
    );
    assert.deepEqual(Object.keys(result.scores), ['eznas-a', 'mean(gt0(T3))']);
    const [share] = result.scores['mean(gt0(T3))']!;
    assert.ok(share! > 0.45 && share! < 0.55, `half of normal weights are positive, got ${share}`);
    assert.equal(result.protocol.batch, 1);
    assert.notEqual(result.protocol.simd, null);
  });

  it('--separable-unit says which of two convolutions in a row a unit holds, and is refused where there are none', async () => {
    const score = async (...args: string[]) =>
      JSON.parse(
        (await eznas('score', '--benchmark', 'darts-nasbench301', '--program', 'numel(T3)', '--json', '3', ...args))
          .stdout,
      ) as { protocol: { separableUnit: string }; scores: Record<string, number[]> };
    const [plain, first, second] = await Promise.all([
      score(),
      score('--separable-unit', 'first'),
      score('--separable-unit', 'second'),
    ]);
    assert.deepEqual(plain, first);
    assert.deepEqual([first.protocol.separableUnit, second.protocol.separableUnit], ['first', 'second']);
    // Depthwise kernels have k·k numbers for each channel, pointwise ones a number for each pair of channels.
    assert.ok(second.scores['numel(T3)']![0]! > first.scores['numel(T3)']![0]!);
    const refused = /networks of the space nasbench201 have no two convolutions in a row/;
    await assertFails(['score', '--proxy', 'params', '0', '--separable-unit', 'second'], 2, refused);
    await assertFails(['score', '--proxy', 'params', '0', '--separable-unit', 'third'], 2, /first, second/);
  });

  it('gives null for what is not finite, and says so on stderr', async () => {
    const { code, stdout, stderr } = await eznas(
      ...['score', '--program', 'reciprocal(zeros_like(T3))', '--batch', '1', '0', '--json'],
    );
    assert.equal(code, 0);
    assert.deepEqual(scoreResult.parse(JSON.parse(stdout)).scores, { 'reciprocal(zeros_like(T3))': [null] });
    assert.match(stderr, /warning: reciprocal\(zeros_like\(T3\)\) is not finite on 1 network/);
  });

  it('draws the same networks for the same seed, more beginning with fewer', async () => {
    const score = async (...args: string[]) =>
      scoreResult.parse(await jsonOf('score', '--proxy', 'flops', ...args)).networks;
    const five = await score('--networks', '5', '--seed', '3');
    assert.equal(new Set(five).size, 5);
    assert.deepEqual((await score('--networks', '8', '--seed', '3')).slice(0, 5), five);
    assert.notDeepEqual(await score('--networks', '5', '--seed', '4'), five);
    assert.deepEqual(await score('--networks', '7,3,'), [7, 3]);
    assert.deepEqual(await score('--networks', '6111,'), [6111]);
  });

  it('prints tab-separated lines where stdout is no terminal, and the rest on stderr', async () => {
    const { stdout, stderr } = await eznas('score', '--proxy', 'params', '0');
    assert.equal(stdout, `network\tarchitecture\tparams\n0\t${ARCHITECTURE_0}\t${PARAMS_OF_0}\n`);
    assert.match(stderr, /^scoring: 1\/1 networks/);
  });

  it('--out writes the same JSON to a file', async () => {
    const path = temporary('scores.json');
    const { stdout } = await eznas('score', '--proxy', 'params', '0', '--json', '--out', path);
    assert.equal(readFileSync(path, 'utf8'), stdout);
  });

  it('refuses architectures outside the space', async () => {
    await assertFails(['score', '--proxy', 'params', '15625'], 2, /no architecture 15625; indices .* 0 to 15624/);
    await assertFails(['score', '--proxy', 'params', '1.5'], 2, /no architecture 1\.5/);
    await assertFails(['score', '--proxy', 'params', '|foo~0|'], 2, /not a NAS-Bench-201 architecture: "\|foo~0\|"/);
    await assertFails(['score', '--proxy', 'params', '5', '5'], 2, /\|nor_conv_1x1~0\|.* is listed twice/);
  });

  it('needs architectures or --networks, not both', async () => {
    await assertFails(['score', '--proxy', 'params'], 2, /either architectures or networks/);
    await assertFails(['score', '--proxy', 'params', '5', '--networks', '2'], 2, /either architectures or networks/);
  });
});
