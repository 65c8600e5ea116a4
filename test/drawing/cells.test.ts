import assert from 'node:assert/strict';
import { describeCells, drawCells } from '../../lib/drawing/cells.ts';
import { Random } from '../../lib/random.ts';
import { findSpace, SPACE_NAMES } from '../../lib/spaces/registry.ts';

/** How often a text is in another. */
const count = (text: string, part: string) => text.split(part).length - 1;

describe('cells drawn', () => {
  it('have every node and edge, in every space that has cells', () => {
    const random = new Random(3);
    let drawn = 0;
    for (const name of SPACE_NAMES) {
      const space = findSpace(name);
      for (let at = 0; at < 10; at++) {
        const cells = space.cells?.(space.sample(random)) ?? [];
        for (const { nodes, edges } of cells) {
          for (const { from, to } of edges) assert.ok(from >= 0 && from < to && to < nodes.length);
        }
        const nodes = cells.flatMap((cell) => cell.nodes);
        const edges = cells.flatMap((cell) => cell.edges);
        const svg = drawCells(cells);
        assert.equal(count(svg, '<rect '), nodes.length);
        assert.equal(count(svg, 'marker-end='), edges.length);
        for (const { label } of edges) assert.ok(label === '' || svg.includes(`>${label}</text>`));
        assert.ok(!svg.includes('NaN') && !svg.includes('undefined'));
        drawn += cells.length;
      }
    }
    assert.ok(drawn >= 30);
  });

  it('tell what each node is', () => {
    const space = findSpace('nasbench201');
    const text = '|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|';
    assert.equal(
      describeCells(space.cells!(space.parse(text))),
      '1 = nor_conv_3x3(input)\n2 = skip_connect(1)\noutput = avg_pool_3x3(input) + nor_conv_1x1(2)',
    );
    assert.equal(describeCells([]), '');
  });

  it('escape what would be markup', () => {
    const svg = drawCells([{ name: '<b>', nodes: ['a"', '&'], edges: [{ from: 0, to: 1, label: '<' }] }]);
    assert.ok(!svg.includes('<b>') && svg.includes('&lt;b>') && svg.includes('>&amp;<'));
  });
});
