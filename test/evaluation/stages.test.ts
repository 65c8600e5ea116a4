import assert from 'node:assert/strict';
import { StageScores, stageMeans } from '../../lib/evaluation/stages.ts';
import { nasbench201 } from '../../lib/spaces/nasbench201.ts';

describe('scores by stage', () => {
  it('are means over the units of equal extents; a network without units in a stage does not count there', () => {
    // The first stage has units in the first three networks alone; a unit's value is its place times the network's.
    const cells = ['nor_conv_3x3', 'nor_conv_1x1', 'nor_conv_3x3', 'skip_connect'];
    const scores = new StageScores(['T3'], cells.length);
    for (const [network, operation] of cells.entries()) {
      const text = `|${operation}~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|`;
      const graph = nasbench201.build(nasbench201.parse(text));
      const ofUnits = Float64Array.from(graph.units, (_, unit) => (unit < 5 && network < 3 ? network + 1 : -network));
      scores.add('T3', network, stageMeans(graph, ofUnits));
    }
    const [{ name, stages }] = scores.rank([1, 2, 3, 4], 0) as [ReturnType<StageScores['rank']>[number]];
    assert.equal(name, 'T3');
    assert.deepEqual(
      stages.map(({ name, networks, kendallTau }) => [name, networks, kendallTau.value]),
      [
        ['32×32', 3, 1],
        ['16×16', 4, -1],
        ['8×8', 4, -1],
      ],
    );
  });
});
