import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { EvaluationResult } from '../../lib/evaluation/evaluate.ts';
import { exportArchitecture } from '../../lib/onnx/export.ts';
import { scoreOnnxResult, scoreResult } from './schemas.ts';
import { assertRefuses, eznas, jsonOf, useTemporaryFolder } from './support.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/onnx/${name}.onnx`, import.meta.url));

describe('eznas score --onnx', () => {
  const temporary = useTemporaryFolder();
  const score = ['score', '--proxy', 'eznas-a', '--proxy', 'params', '--batch', '2'];

  it('scores networks of files, and says what was read otherwise than written', async () => {
    const [kept, training] = [fixture('resnet-kept'), fixture('resnet-training')];
    const { scores, models, protocol } = scoreOnnxResult.parse(
      await jsonOf(...score, '--onnx', kept, '--onnx', training),
    );
    assert.deepEqual(scores['params'], [1889, 1889]);
    assert.equal(scores['eznas-a']![0], scores['eznas-a']![1], 'equal graphs start from equal weights');
    assert.deepEqual(
      models.map(({ file, opset, units }) => [file, opset, units]),
      [
        [kept, 13, 4],
        [training, 14, 4],
      ],
    );
    assert.match(models[0]!.notes[0]!, /6 batch normalizations written for inference/);
    assert.deepEqual([models[1]!.notes, models[1]!.input, protocol.space], [[], [3, 32, 32], 'onnx']);
    assert.equal(protocol.separableUnit, 'first');
    const { stdout, stderr } = await eznas(...score, '--onnx', fixture('resnet-folded'));
    assert.match(stdout, /^file\tunits\teznas-a\tparams\n.*resnet-folded\.onnx\t4\t/);
    assert.match(stderr, /resnet-folded\.onnx: it has no batch normalization: .*TrainingMode\.PRESERVE/);
  });

  it('with the weights of the file, as the architecture that was written scores', async () => {
    const path = temporary('network.onnx');
    const text = '|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|';
    writeFileSync(path, exportArchitecture(text));
    const programs = ['--program', 'mean(abs(T3GN))', '--proxy', 'naswot', '--proxy', 'synflow'];
    const own = scoreResult.parse(await jsonOf(...score, ...programs, text));
    const read = scoreOnnxResult.parse(await jsonOf(...score, ...programs, '--weights', 'file', '--onnx', path));
    for (const [name, [value]] of Object.entries(own.scores)) {
      const found = read.scores[name]![0]!;
      // Noise is drawn by the network's key, which is another one: only what reads it may differ.
      if (name !== 'mean(abs(T3GN))')
        assert.ok(Math.abs(found - value!) <= 1e-5 * Math.abs(value!), `${name}: ${found}, ${value}`);
    }
  });

  it('ranks networks of files listed with their accuracies', async () => {
    for (const name of ['resnet-kept', 'resnet-folded']) copyFileSync(fixture(name), temporary(`${name}.onnx`));
    const table = temporary('networks.csv');
    writeFileSync(table, 'architecture,cifar10\nresnet-kept.onnx,90\nresnet-folded.onnx,80\n');
    const { results } = (await jsonOf('evaluate', '--onnx', table, '--proxy', 'params')) as EvaluationResult;
    assert.deepEqual([results[0]!.networks, results[0]!.kendallTau.value], [2, 1]);
    writeFileSync(table, 'architecture,cifar10\nresnet-kept.onnx,90\nmissing.onnx,80\n');
    await assertRefuses(
      ['evaluate', '--onnx', table, '--proxy', 'params'],
      3,
      /line 3: .*missing\.onnx: cannot be read/,
    );
  });

  it('repeats an evaluation of files, as long as these are what they were', async () => {
    for (const name of ['resnet-kept', 'resnet-training', 'resnet-folded'])
      copyFileSync(fixture(name), temporary(`again-${name}.onnx`));
    const [table, file] = [temporary('again.csv'), temporary('again.json')];
    const rows = 'again-resnet-kept.onnx,90\nagain-resnet-folded.onnx,80\n';
    writeFileSync(table, `architecture,cifar10\n${rows}`);
    const unit = ['--weights', 'file', '--separable-unit', 'second'];
    const how = ['--proxy', 'snip', '--program', 'mean(abs(T4D))', '--batch', '2', ...unit];
    const first = (await jsonOf('evaluate', '--onnx', table, ...how, '--out', file)) as EvaluationResult;
    const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
    const models = ['again-resnet-kept.onnx', 'again-resnet-folded.onnx'];
    assert.deepEqual(first.protocol.onnx, {
      table,
      weights: 'file',
      sha256: Object.fromEntries(['again.csv', ...models].map((name) => [name, hash(temporary(name))])),
    });
    const again = (await jsonOf('evaluate', '--replay', file)) as EvaluationResult & { replay: { same: boolean } };
    assert.equal(again.replay.same, true);
    assert.deepEqual(again.protocol, first.protocol);
    const scores = ({ results }: EvaluationResult) => results.map((row) => ({ ...row, secondsPerNetwork: 0 }));
    assert.deepEqual(scores(again), scores(first));

    const kept = temporary(models[0]!);
    copyFileSync(fixture('resnet-training'), kept);
    await assertRefuses(['evaluate', '--replay', file], 3, /again-resnet-kept\.onnx is not the file .*SHA-256 is/);
    rmSync(kept);
    await assertRefuses(['evaluate', '--replay', file], 3, /again-resnet-kept\.onnx: cannot be read/);
    copyFileSync(fixture('resnet-kept'), kept);
    writeFileSync(table, `architecture,cifar10\n${rows.replace('90', '70')}`);
    await assertRefuses(['evaluate', '--replay', file], 3, /again\.csv is not the file/);
  });

  it('refuses files that are none, other images, and what does not go together', async () => {
    await assertRefuses([...score, '--onnx', '/nowhere.onnx'], 3, /nowhere\.onnx: cannot be read/);
    await assertRefuses(
      [...score, '--onnx', fixture('vgg'), '--onnx', fixture('resnet-kept')],
      2,
      /images of 3×12×12 and .* of 3×32×32.*score them apart/,
    );
    await assertRefuses([...score, '--onnx', fixture('dense')], 2, /images of 11×9; minibatches are of square images/);
    await assertRefuses([...score, '--onnx', fixture('vgg'), '--space', 'darts'], 2, /leave out space/);
    await assertRefuses([...score, '--onnx', fixture('vgg'), '6111'], 2, /leave out 6111/);
    await assertRefuses([...score, '--weights', 'file', '6111'], 2, /weights of --onnx files; give some/);
    const damaged = temporary('damaged.onnx');
    writeFileSync(damaged, readFileSync(fixture('vgg')).subarray(0, 3000));
    await assertRefuses([...score, '--onnx', damaged], 3, /damaged\.onnx is not a whole ONNX model/);
  });
});
