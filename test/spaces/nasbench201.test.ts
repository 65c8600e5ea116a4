import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Random } from '../../lib/random.ts';
import { decodeOperations, encodeOperations, nasbench201 } from '../../lib/spaces/nasbench201.ts';
import { isNumbered } from '../../lib/spaces/space.ts';

const invalid = (message: RegExp) => ({ name: 'EznasError', code: 'INVALID_ARCHITECTURE', message });

describe('the NAS-Bench-201 space', () => {
  const all = [...nasbench201.enumerate()];

  it('has 15,625 architectures, numbered as the benchmark numbers them', () => {
    assert.equal(nasbench201.size, 15_625);
    assert.ok(isNumbered(nasbench201));
    assert.equal(all.length, 15_625);
    const published: [index: number, text: string][] = [
      [0, '|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|'],
      [1, '|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|'],
      [1462, '|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|'],
      [6111, '|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|'],
    ];
    for (const [index, text] of published) {
      assert.equal(nasbench201.print(nasbench201.architecture(index)), text);
      assert.equal(nasbench201.index(nasbench201.parse(text)), index);
    }
  });

  it('goes from index to architecture to text to code and back, for every architecture', () => {
    const texts = new Set<string>();
    for (const [index, architecture] of all.entries()) {
      const text = nasbench201.print(architecture);
      texts.add(text);
      assert.equal(nasbench201.index(architecture), index);
      assert.deepEqual(nasbench201.parse(text), architecture);
      assert.deepEqual(decodeOperations(encodeOperations(architecture)), architecture);
    }
    assert.equal(texts.size, all.length);
  });

  it('has 6,466 architectures up to isomorphism, as published', () => {
    assert.equal(new Set(all.map((architecture) => nasbench201.canonical(architecture))).size, 6_466);
  });

  it('gives cells that compute the same one canonical form', () => {
    const canonical = (text: string) => nasbench201.canonical(nasbench201.parse(text));
    // The convolution stands on the way to node 1, or goes straight to the output.
    assert.equal(
      canonical('|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|'),
      canonical('|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|'),
    );
    // What is computed but never used does not matter.
    assert.equal(
      canonical('|nor_conv_1x1~0|+|avg_pool_3x3~0|none~1|+|skip_connect~0|none~1|none~2|'),
      canonical('|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|'),
    );
    // Nor does what is done to zeros.
    assert.equal(
      canonical('|none~0|+|none~0|none~1|+|skip_connect~0|nor_conv_3x3~1|none~2|'),
      canonical('|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|'),
    );
    assert.notEqual(
      canonical('|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|'),
      canonical('|nor_conv_1x1~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|'),
    );
  });

  it('lists the 24 architectures that differ on one edge, each the neighbour of the other', () => {
    for (const architecture of [all[0]!, all[6111]!, all[15_624]!]) {
      const neighbours = nasbench201.neighbours(architecture);
      assert.equal(new Set(neighbours.map((neighbour) => nasbench201.print(neighbour))).size, 24);
      for (const neighbour of neighbours) {
        assert.equal(neighbour.filter((operation, edge) => operation !== architecture[edge]).length, 1);
        assert.ok(nasbench201.neighbours(neighbour).some((other) => String(other) === String(architecture)));
      }
    }
  });

  it('mutates into every neighbour and nothing else', () => {
    const random = new Random(1);
    const origin = all[857]!;
    const reached = new Set(Array.from({ length: 1000 }, () => String(nasbench201.mutate(origin, random))));
    assert.deepEqual(reached, new Set(nasbench201.neighbours(origin).map(String)));
  });

  it('samples uniformly and reproducibly', () => {
    const draw = (seed: number) => {
      const random = new Random(seed);
      return Array.from({ length: 5000 }, () => nasbench201.sample(random));
    };
    const sampled = draw(3);
    assert.deepEqual(draw(3), sampled);
    assert.notDeepEqual(draw(4), sampled);
    for (let edge = 0; edge < 6; edge++) {
      for (const operation of ['none', 'skip_connect', 'nor_conv_1x1', 'nor_conv_3x3', 'avg_pool_3x3']) {
        const count = sampled.filter((architecture) => architecture[edge] === operation).length;
        // 5000 draws at 1/5: standard deviation 28.
        assert.ok(Math.abs(count - 1000) < 150, `edge ${edge} is ${operation} ${count} times`);
      }
    }
  });

  it('reads a text with white space around it', () => {
    const text = nasbench201.print(all[5]!);
    assert.deepEqual(nasbench201.parse(`  ${text}\n`), all[5]);
  });

  it('refuses indices outside the space', () => {
    for (const index of [-1, 15_625, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '3' as unknown as number]) {
      assert.throws(
        () => nasbench201.architecture(index),
        invalid(/no architecture .*; indices are integers from 0 to 15624/),
      );
    }
  });

  it('refuses texts that are no architecture, with an example of one', () => {
    const good = nasbench201.print(all[0]!);
    for (const text of [
      '',
      '6111',
      good.slice(0, -1),
      good.replace('~1', '~2'),
      `${good}${good}`,
      good.repeat(10_000),
    ]) {
      assert.throws(
        () => nasbench201.parse(text),
        (error: Error) => {
          assert.match(error.message, /expected a text like \|nor_conv_3x3~0\|/);
          assert.ok(error.message.length < 1000);
          return true;
        },
      );
    }
    const unknown = good.replace('avg_pool_3x3', 'max_pool_3x3');
    assert.throws(() => nasbench201.parse(unknown), invalid(/max_pool_3x3.*operations out of none, skip_connect/));
  });

  it('never parses a text that it would not print', () => {
    const pieces = fc.constantFrom(
      '|',
      '+',
      '~',
      '0',
      '1',
      '2',
      'none',
      'skip_connect',
      'nor_conv_3x3',
      ' ',
      '\n',
      '|none~0|',
    );
    const good = fc.nat(15_624).map((index) => nasbench201.print(all[index]!));
    const spliced = fc.tuple(good, fc.nat(100), fc.nat(5), fc.array(pieces, { maxLength: 4 }));
    const texts = spliced.map(
      ([text, at, drop, insert]) => text.slice(0, at) + insert.join('') + text.slice(at + drop),
    );
    fc.assert(
      fc.property(texts, (text) => {
        let architecture: ReturnType<typeof nasbench201.parse>;
        try {
          architecture = nasbench201.parse(text);
        } catch (error) {
          assert.equal((error as { code: string }).code, 'INVALID_ARCHITECTURE');
          return;
        }
        assert.equal(nasbench201.print(architecture), text.trim());
      }),
      { numRuns: 2000, seed: 1 },
    );
  });

  it('refuses values that are no architecture', () => {
    const short = ['none', 'none'] as never;
    const foreign = ['none', 'none', 'none', 'none', 'none', 'conv'] as never;
    for (const value of [short, foreign]) {
      assert.throws(() => nasbench201.index(value), invalid(/not a NAS-Bench-201 architecture/));
      assert.throws(() => nasbench201.build(value), invalid(/not a NAS-Bench-201 architecture/));
    }
  });
});
