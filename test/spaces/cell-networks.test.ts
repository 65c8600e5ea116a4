import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { collectStatistics } from '../../lib/engine/run.ts';
import { unitShapes } from '../../lib/evaluation/unit-shapes.ts';
import { parameterTensors, params } from '../../lib/graph/counts.ts';
import { SEPARABLE_UNITS } from '../../lib/graph/units.ts';
import { ndsSpaces } from '../../lib/spaces/nds.ts';
import { assertClose, type Norms, norm, numbers, parametersOf } from './oracle-networks.ts';

interface OracleNetwork {
  readonly space: string;
  readonly architecture: string;
  readonly resolution: number;
  readonly classes: number;
  readonly weights: number[][];
  readonly parameters: number;
  readonly logits: number[];
  readonly units: {
    readonly T1: [shape: number[], ...Norms];
    readonly T4: [shape: number[], ...Norms];
    /** All that stand between the ReLU and the normalization: weight shape and norm of the weight's gradient, norms of what they read. */
    readonly convolutions: { T2: Norms; T3: [shape: number[], gradient: number] }[];
  }[];
}

/** What PyTorch computes in float64: test/oracle/cell_networks.py. */
const oracle = JSON.parse(
  readFileSync(new URL('../fixtures/cell-networks.json', import.meta.url), 'utf8'),
) as OracleNetwork[];

const BATCH = 3;

describe('networks of cells', () => {
  for (const { space: name, architecture, resolution, classes, ...expected } of oracle) {
    const space = ndsSpaces.find((candidate) => candidate.name === name)!;

    it(`have the logits and the units of PyTorch's: ${name}`, async () => {
      const parsed = space.parse(architecture);
      assert.equal(space.print(parsed), architecture);
      const used = new Set([...parsed.normal.edges, ...parsed.reduce.edges].map(({ operation }) => operation));
      assert.deepEqual(
        space.design.operations.filter((operation) => !used.has(operation)),
        [],
      );

      for (const separableUnit of SEPARABLE_UNITS) {
        const graph = space.build(parsed, { resolution, classes, separableUnit });
        const tensors = parameterTensors(graph);
        assert.deepEqual(
          tensors.map(({ shape }) => shape),
          expected.weights,
        );
        assert.equal(params(graph), expected.parameters);
        const parameters = parametersOf(tensors);
        const shape = [3, resolution, resolution] as const;
        const inputs = { batch: BATCH, shape, data: numbers(BATCH * 3 * resolution ** 2, 999) };
        using statistics = await collectStatistics([{ graph, key: 0, parameters }], inputs, {
          device: 'cpu',
          tensors: ['T1D', 'T1GD', 'T2D', 'T2GD', 'T3GD', 'T4D', 'T4GD'],
          logits: true,
        });
        const largest = Math.max(...expected.logits.map(Math.abs));
        for (const [index, logit] of statistics.logits(0, 'D')!.entries()) {
          assertClose(logit, expected.logits[index]!, largest, `logit ${index}`);
        }
        const shapes = unitShapes(graph, BATCH);
        assert.equal(shapes.length, expected.units.length);
        const largestGradient = Math.max(...expected.units.flatMap(({ T1, T4 }) => [T1[2], T4[2]]));
        for (const [unit, { T1, T4, convolutions }] of expected.units.entries()) {
          const { activation, before, weight, after } = shapes[unit]!;
          const { T2, T3 } = convolutions.at(separableUnit === 'first' ? 0 : -1)!;
          assert.deepEqual(weight, T3[0]);
          assert.deepEqual((activation ?? before).slice(1), T1[0]);
          assert.deepEqual(after.slice(1), T4[0]);
          const check = (tensor: 'T1D' | 'T1GD' | 'T2D' | 'T2GD' | 'T3GD' | 'T4D' | 'T4GD', theirs: number) => {
            const ours = norm(statistics.tensor(0, unit, tensor)!);
            const scale = Math.max(theirs, tensor.includes('G') ? largestGradient / 100 : 0);
            assertClose(ours, theirs, scale, `${separableUnit} unit ${unit}, ${tensor}`);
          };
          check('T1D', T1[1]);
          check('T1GD', T1[2]);
          // PyTorch moves the map that the second of a factorized reduction reads; padding the convolution instead reads the same, but not the same map.
          const padded = separableUnit === 'second' && 2 * weight[0]! === after[1] && T1[0][1]! % 2 === 1;
          if (!padded) {
            check('T2D', T2[0]);
            check('T2GD', T2[1]);
          }
          check('T3GD', T3[1]);
          check('T4D', T4[1]);
          check('T4GD', T4[2]);
        }
      }
    });
  }
});
