import assert from 'node:assert/strict';
import { GraphBuilder } from '../../lib/graph/builder.ts';
import { params } from '../../lib/graph/counts.ts';
import { choiceSpace } from '../../lib/spaces/choices.ts';
import { natsSize } from '../../lib/spaces/nats-size.ts';

const build = (widths: readonly (number | string)[]) => {
  const builder = new GraphBuilder([3, 8, 8]);
  const node = widths.reduce<number>(
    (input, width) => builder.reluConvBatchNorm(input, Number(width), { kernel: 3 }),
    0,
  );
  return builder.finish(node);
};

describe('a space of choices', () => {
  const space = choiceSpace({ name: 'widths', choices: [[4, 8], [2], [1, 2, 3]], build });

  it('numbers every combination once, the last place fastest', () => {
    assert.equal(space.size, 6);
    assert.deepEqual(
      [...space.enumerate()].map((architecture) => space.print(architecture)),
      ['4:2:1', '4:2:2', '4:2:3', '8:2:1', '8:2:2', '8:2:3'],
    );
    for (let index = 0; index < 6; index++) assert.equal(space.index(space.architecture(index)), index);
    assert.throws(() => space.architecture(6), {
      code: 'INVALID_ARCHITECTURE',
      message: /widths has no architecture 6/,
    });
  });

  it('knows neighbours, and builds what it knows', () => {
    assert.deepEqual(
      space.neighbours([8, 2, 2]).map((neighbour) => space.print(neighbour)),
      ['4:2:2', '8:2:1', '8:2:3'],
    );
    assert.equal(space.build([8, 2, 3]).units.length, 3);
    for (const wrong of [[8, 2], [8, 2, 4], undefined]) {
      assert.throws(() => space.build(wrong as never), {
        code: 'INVALID_ARCHITECTURE',
        message: /expected a text like 8:2:2, out of \{4, 8\}:\{2\}:\{1, 2, 3\}/,
      });
    }
    assert.throws(() => space.parse('8:2'), { code: 'INVALID_ARCHITECTURE' });
    assert.throws(() => space.parse('8:2:3:1'), { code: 'INVALID_ARCHITECTURE' });
  });

  it('takes a template in place of the separator, with white space around choices', () => {
    const digits = choiceSpace({ name: 'digits', choices: [['1', '12'], ['2', '3'], [1]], template: 'n(?)??', build });
    assert.deepEqual(digits.parse(' n( 12 )3 1'), ['12', '3', 1]);
    assert.deepEqual(
      [...digits.enumerate()].map((architecture) => digits.print(architecture)),
      ['n(1)21', 'n(1)31', 'n(12)21', 'n(12)31'],
    );
    for (const text of ['n(1)2', 'n(1)211', 'm(1)21', 'n(1)41', 'n[1]21', 'n(1) '.repeat(1e4)]) {
      assert.throws(() => digits.parse(text), {
        code: 'INVALID_ARCHITECTURE',
        message: /a text like n\(12\)31, out of n\({1, 12}\){2, 3}{1}/,
      });
    }
    assert.throws(() => choiceSpace({ name: 'places', choices: [[1, 2]], template: '?-?', build }), {
      code: 'INVALID_ARGUMENT',
    });
    assert.throws(() => choiceSpace({ name: 'marks', choices: [['?', 'a']], template: '-?', build }), {
      code: 'INVALID_ARGUMENT',
    });
  });

  it('takes texts, another separator, and what makes architectures equal', () => {
    const words = choiceSpace({
      name: 'words',
      choices: [
        ['1', '2'],
        ['1', '2'],
      ],
      separator: ', ',
      build,
      canonical: (architecture) => [...architecture].sort().join(),
    });
    assert.deepEqual(words.parse('2, 1'), ['2', '1']);
    assert.equal(words.canonical(['2', '1']), words.canonical(['1', '2']));
  });

  it('refuses choices that cannot be told apart, and more architectures than numbers', () => {
    const refuses = (choices: string[][]) =>
      assert.throws(() => choiceSpace({ name: 'bad', choices, build }), {
        code: 'INVALID_ARGUMENT',
        message: /space bad/,
      });
    refuses([]);
    refuses([[]]);
    refuses([['a', 'a']]);
    refuses([['a:b', 'c']]);
    refuses([['', 'c']]);
    refuses(Array.from({ length: 60 }, () => ['a', 'b']));
  });
});

describe('the size space of NATS-Bench', () => {
  it('has 32,768 architectures', () => assert.equal(natsSize.size, 32_768));

  it('builds networks of the size that counting by hand gives', () => {
    // Stem, and per layer its convolutions, shortcuts and batch normalizations; then the last normalization and the classifier.
    const count = ([a, b, c, d, e]: readonly number[]) => {
      const cell = (from: number, to: number) => {
        // Two convolutions read the cell's input, three a node of it.
        const convolutions = 2 * 9 * from * to + 3 * 9 * to * to + 5 * 2 * to;
        return convolutions + (from === to ? 0 : from * to + 2 * to);
      };
      const block = (from: number, to: number) => 9 * from * to + 9 * to * to + 4 * to + from * to;
      const layers = cell(a!, a!) + block(a!, b!) + cell(b!, c!) + block(c!, d!) + cell(d!, e!);
      return 27 * a! + 2 * a! + layers + 2 * e! + 10 * e! + 10;
    };
    for (const text of ['8:8:8:8:8', '64:64:64:64:64', '16:32:24:64:40']) {
      const architecture = natsSize.parse(text);
      assert.equal(params(natsSize.build(architecture)), count(architecture), text);
    }
  });
});
