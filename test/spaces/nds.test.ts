import assert from 'node:assert/strict';
import { inferShapes } from '../../lib/graph/shapes.ts';
import { Random } from '../../lib/random.ts';
import type { Cell } from '../../lib/spaces/cells/genotype.ts';
import { ndsSpaces } from '../../lib/spaces/nds.ts';

const spaceOf = (name: string) => ndsSpaces.find((space) => space.name === name)!;

/** Cells as the papers found them, in the notation of facebookresearch/unnas. */
const NASNET =
  "Genotype(normal=[('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 0), ('sep_conv_3x3', 0), ('avg_pool_3x3', 1), ('skip_connect', 0), " +
  "('avg_pool_3x3', 0), ('avg_pool_3x3', 0), ('sep_conv_3x3', 1), ('skip_connect', 1)], normal_concat=[2, 3, 4, 5, 6], reduce=[('sep_conv_5x5', 1), " +
  "('sep_conv_7x7', 0), ('max_pool_3x3', 1), ('sep_conv_7x7', 0), ('avg_pool_3x3', 1), ('sep_conv_5x5', 0), ('skip_connect', 3), ('avg_pool_3x3', 2), " +
  "('sep_conv_3x3', 2), ('max_pool_3x3', 1)], reduce_concat=[4, 5, 6])";
const AMOEBA =
  "Genotype(normal=[('avg_pool_3x3', 0), ('max_pool_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 2), ('sep_conv_3x3', 0), ('avg_pool_3x3', 3), " +
  "('sep_conv_3x3', 1), ('skip_connect', 1), ('skip_connect', 0), ('avg_pool_3x3', 1)], normal_concat=[4, 5, 6], reduce=[('avg_pool_3x3', 0), " +
  "('sep_conv_3x3', 1), ('max_pool_3x3', 0), ('sep_conv_7x7', 2), ('sep_conv_7x7', 0), ('avg_pool_3x3', 1), ('max_pool_3x3', 0), ('max_pool_3x3', 1), " +
  "('conv_7x1_1x7', 0), ('sep_conv_3x3', 5)], reduce_concat=[3, 4, 6])";

describe('the spaces of NDS', () => {
  it('are five designs in four forms', () => {
    assert.equal(ndsSpaces.length, 20);
    assert.equal(new Set(ndsSpaces.map(({ name }) => name)).size, 20);
  });

  it('know the output of the published cells: the nodes that no other reads', () => {
    for (const [name, text] of [
      ['nds-nasnet-in', NASNET],
      ['nds-amoeba', AMOEBA],
    ] as const) {
      const space = spaceOf(name);
      const architecture = space.parse(text);
      assert.doesNotMatch(space.print(architecture), /concat/);
      assert.deepEqual(space.parse(space.print(architecture)), architecture);
    }
  });

  it('keep another output, and change it with the cell', () => {
    const space = spaceOf('nds-amoeba');
    const text = space.print(space.parse(AMOEBA.replace('reduce_concat=[3, 4, 6]', 'reduce_concat=[2, 6]')));
    assert.match(text, / reduce_concat:\[2,6\] width:32 depth:20$/);
    const architecture = space.parse(text);
    assert.deepEqual(architecture.reduce.concat, [2, 6]);
    assert.equal(space.print(architecture), text);
    const shapes = inferShapes(space.build(architecture, { resolution: 8, cells: 3, initialChannels: 4 }));
    assert.deepEqual(shapes.at(-2), [2 * 16, 1, 1]);
    for (const { reduce } of space.neighbours(architecture)) {
      const read = new Set(reduce.edges.map(({ input }) => input));
      const unread = [2, 3, 4, 5, 6].filter((state) => !read.has(state));
      assert.ok(reduce === architecture.reduce || reduce.concat.join() === unread.join());
    }
  });

  it('draw every operation, state, width and depth, and equal states', () => {
    const random = new Random(2);
    for (const space of ndsSpaces) {
      const drawn = Array.from({ length: 60 }, () => space.sample(random));
      const edges = drawn.flatMap(({ normal, reduce }) => [...normal.edges, ...reduce.edges]);
      const { operations, nodes, output } = space.design;
      assert.equal(new Set(edges.map(({ operation }) => operation)).size, operations.length);
      assert.equal(new Set(edges.map(({ input }) => input)).size, nodes + 1);
      assert.deepEqual(new Set(drawn.map(({ width }) => width)), new Set(space.form.widths));
      assert.deepEqual(new Set(drawn.map(({ depth }) => depth)), new Set(space.form.depths));
      const twice = ({ edges: [first, second] }: Cell) => first!.input === second!.input;
      assert.ok(drawn.some(({ normal }) => twice(normal)));
      const whole = drawn.every(({ normal }) => normal.concat.length === nodes);
      assert.equal(whole, output === 'all');
    }
  });

  it('have neighbours of other widths and depths where these are chosen', () => {
    const random = new Random(3);
    for (const [name, sizes] of [
      ['nds-enas', 2 + 4],
      ['nds-enas-fix', 0],
      ['nds-pnas-in', 4 + 4],
    ] as const) {
      const architecture = spaceOf(name).sample(random);
      const changed = spaceOf(name)
        .neighbours(architecture)
        .filter(({ width, depth }) => width !== architecture.width || depth !== architecture.depth);
      assert.equal(changed.length, sizes);
    }
  });

  it('build networks of the width and depth that is asked for, or of their own', () => {
    const space = spaceOf('nds-darts');
    const architecture = { ...space.sample(new Random(4)), width: 7, depth: 1 };
    // One cell is both a third and two thirds on the way: it reduces once.
    const widths = (options: object) => inferShapes(space.build(architecture, options)).map(([channels]) => channels);
    assert.equal(widths({})[1], 3 * 7);
    assert.equal(widths({}).at(-2), 4 * 14);
    assert.equal(widths({ initialChannels: 4 })[1], 12);
    assert.equal(widths({ initialChannels: 4, cells: 3 }).at(-2), 4 * 16);
  });

  it('refuse sizes that are none, and odd widths where maps are halved', () => {
    const space = spaceOf('nds-darts-in');
    const architecture = space.sample(new Random(5));
    const text = space.print(architecture);
    for (const [size, reason] of [
      ['width:0', /width must be an integer from 1 to 4096/],
      ['width:x', /width must be/],
      ['width:1e3', /width must be/],
      ['depth:1001', /depth must be an integer from 1 to 1000/],
      ['depth:', /depth must be/],
    ] as const) {
      const changed = text.replace(new RegExp(`${size.slice(0, 5)}:\\d+`), size);
      assert.throws(() => space.parse(changed), { code: 'INVALID_ARCHITECTURE', message: reason }, size);
    }
    assert.throws(() => space.build({ ...architecture, width: 7 }), { code: 'INVALID_GRAPH' });
    assert.throws(() => space.build({ ...architecture, depth: Number.NaN }), { code: 'INVALID_ARCHITECTURE' });
    assert.throws(() => space.build(null as never), { code: 'INVALID_ARCHITECTURE' });
  });
});
