import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type Measured, measureNetworks } from '../../lib/engine/measures.ts';
import type { Inputs, Network } from '../../lib/engine/networks.ts';
import { GraphBuilder } from '../../lib/graph/builder.ts';
import { MEASURES, type MeasureName } from '../../lib/proxies/measures.ts';
import { nasbench201 } from '../../lib/spaces/nasbench201.ts';
import { goldenFolders } from '../golden/fixture.ts';

interface Fixture {
  readonly batch: number;
  readonly resolution: number;
  readonly labels: readonly number[];
  readonly data: string;
  readonly noise: string;
  readonly perturbed: string;
  readonly mixed: readonly string[];
  readonly gated: readonly string[];
  readonly scores: Readonly<Record<string, Readonly<Record<MeasureName, number | null>>>>;
}

/** What PyTorch computes in float64: test/oracle/measures.py. */
const fixture = JSON.parse(readFileSync(new URL('../fixtures/measures.json', import.meta.url), 'utf8')) as Fixture;

function floats(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

const inputs: Inputs = {
  batch: fixture.batch,
  shape: [3, fixture.resolution, fixture.resolution],
  data: floats(fixture.data),
  noise: floats(fixture.noise),
  perturbed: floats(fixture.perturbed),
  labels: Int32Array.from(fixture.labels),
};

/** Biases, groups, strides, concatenation and both pools, as the class Mixed of the oracle. */
function mixedNetwork(): Network {
  const builder = new GraphBuilder([3, fixture.resolution, fixture.resolution]);
  const stem = builder.conv2d(builder.input, 6, { kernel: 3, bias: true });
  const relu = builder.block(builder.relu(builder.batchNorm(stem)));
  const depthwise = builder.conv2d(relu, 6, { kernel: 3, groups: 6, bias: true });
  const branch = builder.batchNorm(builder.conv2d(depthwise, 6, { kernel: 1 }));
  const joined = builder.block(builder.concat([builder.maxPool(relu, { kernel: 3, padding: 1 }), branch]));
  const down = builder.conv2d(joined, 20, { kernel: 3, stride: 2, groups: 2, bias: true });
  const pooled = builder.block(builder.avgPool(builder.relu(down), { kernel: 2, stride: 2 }));
  const graph = builder.finish(builder.linear(builder.globalAvgPool(pooled), 10));
  return { graph, key: 0, parameters: fixture.mixed.map(floats) };
}

/** ReLU6, hard swish, squeeze and excite, a value times its sigmoid, as the class Gated of the oracle. */
function gatedNetwork(): Network {
  const builder = new GraphBuilder([3, fixture.resolution, fixture.resolution]);
  const stem = builder.conv2d(builder.input, 6, { kernel: 3 });
  const first = builder.block(builder.hardSwish(builder.batchNorm(stem)));
  const filtered = builder.relu6(builder.batchNorm(builder.conv2d(first, 6, { kernel: 3, groups: 6 })));
  const squeezed = builder.relu(builder.conv2d(builder.globalAvgPool(filtered), 3, { kernel: 1, bias: true }));
  const gate = builder.hardSigmoid(builder.conv2d(squeezed, 6, { kernel: 1, bias: true }));
  const gated = builder.block(builder.add([first, builder.multiply(filtered, gate)]));
  const halved = builder.batchNorm(builder.conv2d(gated, 12, { kernel: 3, stride: 2 }));
  const swished = builder.multiply(halved, builder.sigmoid(halved));
  const pooled = builder.block(builder.avgPool(swished, { kernel: 2, stride: 2 }));
  const graph = builder.finish(builder.linear(builder.globalAvgPool(pooled), 10));
  return { graph, key: 0, parameters: fixture.gated.map(floats) };
}

const golden = goldenFolders().find(({ name }) => name === 'small')!;
const networks = new Map<string, Network>([
  ['mixed', mixedNetwork()],
  ['gated', gatedNetwork()],
  ...golden.networks.map((network): [string, Network] => {
    const { index, channels: initialChannels, cellsPerStage, classes, resolution } = network;
    const architecture = nasbench201.architecture(index);
    const graph = nasbench201.build(architecture, { initialChannels, cellsPerStage, classes, resolution });
    return [network.name, { graph, key: index, parameters: network.parameters().map(({ values }) => values) }];
  }),
]);

/**
 * How far float32 may be from float64, relative to the size of the terms that are added: those of plain cancel, so its size is snip's.
 * A second derivative loses digits, and zico divides by differences of gradients, some of which almost vanish: in float64, noise of 2⁻²³ of a gradient's
 * root mean square moves it by up to 10⁻² on these networks.
 */
const TOLERANCE: Partial<Record<MeasureName, number>> = { grasp: 2e-3, fisher: 1e-3, zico: 1e-2 };

describe('native proxies', () => {
  let found: Map<MeasureName, Measured>;
  const names = [...networks.keys()];

  before(async () => {
    found = await measureNetworks([...networks.values()], MEASURES, inputs);
  });

  for (const measure of MEASURES) {
    it(`${measure} is PyTorch's`, () => {
      for (const [at, name] of names.entries()) {
        const expected = fixture.scores[name]![measure];
        const score = found.get(measure)!.scores[at]!;
        if (expected === null) {
          assert.ok(!Number.isFinite(score), `${name}: ${score} where PyTorch has no number`);
          continue;
        }
        const size = measure === 'plain' ? fixture.scores[name]!.snip! : Math.abs(expected);
        const tolerance = (TOLERANCE[measure] ?? 1e-4) * size;
        assert.ok(Math.abs(score - expected) <= tolerance, `${name}: ${score}, PyTorch ${expected}`);
      }
    });
  }
});
