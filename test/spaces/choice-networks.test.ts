import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { collectStatistics } from '../../lib/engine/run.ts';
import { parameterTensors, params } from '../../lib/graph/counts.ts';
import { findSpace } from '../../lib/spaces/registry.ts';
import { type NetworkOptions, networkCounts } from '../../lib/spaces/space.ts';
import { assertClose, type Norms, norm, numbers, parametersOf } from './oracle-networks.ts';

interface OracleNetwork {
  readonly space: string;
  readonly architecture: string;
  /** Of the images: no activation is nearer to where its gradient jumps than float32 tells apart. */
  readonly salt: number;
  readonly options: NetworkOptions & { readonly resolution: number };
  readonly weights: number[][];
  readonly parameters: number;
  readonly logits: number[];
  readonly units: Record<'T1' | 'T2' | 'T3' | 'T4', Norms>[];
}

/** What PyTorch computes in float64: test/oracle/choice_networks.py. */
const oracle = JSON.parse(
  readFileSync(new URL('../fixtures/choice-networks.json', import.meta.url), 'utf8'),
) as OracleNetwork[];

const BATCH = 3;

describe('networks of choices', () => {
  for (const { space: name, architecture, options, ...expected } of oracle) {
    it(`have the logits and the units of PyTorch's: ${name} ${architecture}`, async () => {
      const space = findSpace(name);
      const graph = space.build(space.parse(architecture), options);
      const tensors = parameterTensors(graph);
      assert.deepEqual(
        tensors.map(({ shape }) => shape),
        expected.weights,
      );
      assert.equal(params(graph), expected.parameters);
      const parameters = parametersOf(tensors);
      const { resolution } = options;
      const shape = [3, resolution, resolution] as const;
      const inputs = { batch: BATCH, shape, data: numbers(BATCH * 3 * resolution ** 2, expected.salt) };
      using statistics = await collectStatistics([{ graph, key: 0, parameters }], inputs, {
        device: 'cpu',
        tensors: ['T1D', 'T1GD', 'T2D', 'T2GD', 'T3', 'T3GD', 'T4D', 'T4GD'],
        logits: true,
      });
      const largest = Math.max(...expected.logits.map(Math.abs));
      for (const [index, logit] of statistics.logits(0, 'D')!.entries()) {
        assertClose(logit, expected.logits[index]!, largest, `logit ${index}`);
      }
      assert.equal(graph.units.length, expected.units.length);
      const largestGradient = Math.max(...expected.units.flatMap(({ T1, T4 }) => [T1[1], T4[1]]));
      // Where normalizations are all that the classifier reads, its logits have a constant sum: what float32 leaves of zeros is rounding.
      const vanish = expected.units.every(({ T1 }) => T1[1] < 1e-9 * largestGradient);
      assert.equal(vanish, name === 'transnas-micro');
      for (const [unit, tensorsOf] of expected.units.entries()) {
        for (const [tensor, [value, gradient]] of Object.entries(tensorsOf) as ['T1', Norms][]) {
          const pass = (tensor as string) === 'T3' ? '' : 'D';
          const ours = norm(statistics.tensor(0, unit, `${tensor}${pass}` as 'T1D')!);
          assertClose(ours, value, value, `unit ${unit}, ${tensor}${pass}`);
          const oursGradient = norm(statistics.tensor(0, unit, `${tensor}GD`)!);
          const scale = Math.max(gradient, vanish ? largestGradient : largestGradient / 100);
          assertClose(oursGradient, gradient, scale, `unit ${unit}, ${tensor}GD`);
        }
      }
    });
  }
});

describe('well-known networks', () => {
  // Parameters that torchvision's documentation gives; multiply-adds, with 1000 for the classifier's bias, that the papers round.
  const imagenet = { classes: 1000, resolution: 224 };
  for (const [name, space, architecture, parameters, gigaFlops] of [
    ['ResNet-18', 'resnet', 'basic-d2w64-d2w128-d2w256-d2w512', 11_689_512, 1.8],
    ['ResNet-34', 'resnet', 'basic-d3w64-d4w128-d6w256-d3w512', 21_797_672, 3.7],
    ['ResNet-50', 'resnet', 'bottleneck-d3w64-d4w128-d6w256-d3w512', 25_557_032, 4.1],
    ['MobileNetV2', 'mobilenet', 'relu6-d2k3e6p-d3k3e6p-d4k3e6p-d3k3e6p-d3k3e6p-d1k3e6p', 3_504_872, 0.3],
  ] as const) {
    it(`have their sizes: ${name}`, () => {
      const found = findSpace(space);
      const { params: count, flops } = networkCounts(found, found.parse(architecture), imagenet);
      assert.equal(count, parameters);
      assert.equal(Math.round(flops / 1e8) / 10, gigaFlops);
    });
  }

  it('have the stem that suits the images, unless told otherwise', () => {
    for (const name of ['resnet', 'mobilenet']) {
      const space = findSpace(name) as ReturnType<typeof findSpace> & { architecture(index: number): unknown };
      const flops = (options: NetworkOptions) => networkCounts(space, space.architecture(0), options).flops;
      assert.equal(flops({ resolution: 224 }), flops({ resolution: 224, stem: 'imagenet' }));
      assert.equal(flops({ resolution: 32 }), flops({ resolution: 32, stem: 'cifar' }));
      assert.ok(flops({ resolution: 32 }) > 4 * flops({ resolution: 32, stem: 'imagenet' }));
      assert.throws(() => space.build(space.architecture(0), { stem: 'large' as never }), { code: 'INVALID_ARGUMENT' });
    }
  });
});
