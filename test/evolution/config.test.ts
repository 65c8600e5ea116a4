import assert from 'node:assert/strict';
import { EznasError } from '../../lib/errors.ts';
import { parseSearchConfig } from '../../lib/evolution/config.ts';
import { PRESETS, type PresetName, resolveConfig } from '../../lib/evolution/presets.ts';

const refuses = (work: () => unknown, ...patterns: RegExp[]) =>
  assert.throws(work, (error) => {
    assert.ok(error instanceof EznasError && error.code === 'INVALID_ARGUMENT', String(error));
    for (const pattern of patterns) assert.match(error.message, pattern);
    return true;
  });

describe('search configuration', () => {
  it('paper: the numbers of the paper and the released code', () => {
    assert.deepEqual(PRESETS.paper, {
      seed: 0,
      population: 50,
      generations: 15,
      kept: 25,
      tournament: 4,
      immigrants: 0.5,
      crossover: 0.4,
      mutation: 0.4,
      initialHeights: [2, 6],
      mutationHeights: [0, 5],
      heightLimit: 10,
      heightDraw: 'conditional',
      tasksPerGeneration: 4,
      tasksPerPool: 4,
      networksPerTask: 20,
      sign: 'per-task',
    });
  });

  it('default: sees 200 networks, half of them in the final choice alone, and one sign for all', () => {
    const { tasksPerPool, choiceTasks = 0, networksPerTask, sign } = PRESETS.default;
    assert.deepEqual([tasksPerPool * networksPerTask, choiceTasks * networksPerTask, sign], [100, 100, 'shared']);
  });

  it('presets pass their own check', () => {
    for (const name of Object.keys(PRESETS) as PresetName[])
      assert.deepEqual(parseSearchConfig(PRESETS[name]), PRESETS[name]);
  });

  it('fields given replace those of the preset, undefined ones do not', () => {
    const config = resolveConfig('paper', { population: 8, seed: undefined });
    assert.deepEqual(config, { ...PRESETS.paper, population: 8 });
  });

  it('refuses what is out of range, naming the field, the range and the value', () => {
    const with_ = (changes: object) => () => parseSearchConfig({ ...PRESETS.paper, ...changes });
    refuses(with_({ population: 1 }), /population/, /from 2 to 1000000/, /got 1$/);
    refuses(with_({ population: 2.5 }), /population/, /got 2.5/);
    refuses(with_({ population: 'many' }), /population/, /got "many"/);
    refuses(with_({ generations: 0 }), /generations/, /from 1/);
    refuses(with_({ seed: -1 }), /seed/, /from 0/);
    refuses(with_({ seed: Number.NaN }), /seed/);
    refuses(with_({ crossover: 1.1 }), /crossover/, /from 0 to 1/);
    refuses(with_({ crossover: 0.7, mutation: 0.7 }), /mutation/, /crossover/, /at most 1/);
    refuses(with_({ immigrants: Number.POSITIVE_INFINITY }), /immigrants/);
    refuses(with_({ initialHeights: [6, 2] }), /initialHeights/, /\[least, most\]/);
    refuses(with_({ initialHeights: [2] }), /initialHeights/);
    refuses(with_({ initialHeights: [2, 99] }), /initialHeights\.1/, /got 99/);
    refuses(with_({ heightLimit: 3 }), /heightLimit/, /got 3/);
    refuses(with_({ sign: 'none' }), /sign/, /'shared' or 'per-task'/, /got "none"/);
    refuses(with_({ networksPerTask: 1 }), /networksPerTask/, /from 2/);
    refuses(with_({ colour: 'red' }), /unknown search option 'colour'/, /population/);
    refuses(() => parseSearchConfig(undefined), /must be an object/);
    refuses(() => parseSearchConfig({}), /population|seed/, /got undefined/);
    refuses(() => resolveConfig('big' as PresetName), /unknown preset "big"/, /known are default, paper$/);
  });
});
