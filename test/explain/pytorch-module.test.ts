import assert from 'node:assert/strict';
import { scoreNetworks } from '../../lib/engine/run.ts';
import { parseProgram } from '../../lib/programs/parse.ts';
import { toPyTorchModule } from '../../lib/programs/pytorch-module.ts';
import { nasbench201 } from '../../lib/spaces/nasbench201.ts';
import { NETWORKS, runExported } from './exported.ts';

/**
 * Leaves of each place and pass, with gradients and without, the weight alone, and determinants, also of singular matrices, which decide scores of EZNAS-A;
 * all well conditioned in float64.
 */
const PROGRAMS = [
  'frobenius_norm(sigmoid(logdet(sign(T1GD))))',
  'l1_norm(T1GD)',
  'frobenius_norm(T1N)',
  'frobenius_norm(sigmoid(det(T2D)))',
  'frobenius_norm(T2GP)',
  'l1_norm(T3)',
  'add(frobenius_norm(T3GN), frobenius_norm(T4D))',
  'mul(frobenius_norm(T2D), frobenius_norm(T4GP))',
];

interface Exported {
  readonly scores: readonly number[];
  readonly same: boolean;
  readonly without: string;
}

describe('exported PyTorch modules', function () {
  this.timeout(120_000);
  let exported: readonly Exported[];

  before(function () {
    const modules = PROGRAMS.map((text) => ['', toPyTorchModule(parseProgram(text))] as const);
    exported = runExported(this, 'exported_score.py', modules) as typeof exported;
  });

  for (const [place, text] of PROGRAMS.entries()) {
    it(`score networks as we do: ${text}`, async () => {
      for (const [at, network] of NETWORKS.entries()) {
        const { architecture, classes, resolution, channels, cellsPerStage, batch, index: key } = network;
        const graph = nasbench201.build(nasbench201.parse(architecture), {
          classes,
          resolution,
          initialChannels: channels,
          cellsPerStage,
        });
        const parameters = network.parameters().map(({ values }) => values);
        const input = (name: string) => network.values(`input.${name}`)!;
        const matrix = await scoreNetworks([{ graph, key, parameters }], [parseProgram(text)], {
          batch,
          shape: [3, resolution, resolution],
          data: input('data'),
          noise: input('noise'),
          perturbed: input('perturbed'),
        });
        const ours = matrix.score(0, 0);
        const theirs = exported[place]!.scores[at]!;
        assert.ok(Math.abs(ours - theirs) <= 1e-4 * Math.abs(ours), `${network.name}: ${ours} here, ${theirs} there`);
      }
    });
  }

  it('leave the network as it was, give the same with ReLUs in place, and say where there is no unit', () => {
    for (const { same, without } of exported) {
      assert.ok(same);
      assert.match(without, /the network has no unit/);
    }
  });
});
