import assert from 'node:assert/strict';
import { collectStatistics, evaluatePrograms } from '../../lib/engine/run.ts';
import type { Statistics } from '../../lib/engine/statistics.ts';
import { parseProgram } from '../../lib/programs/parse.ts';
import { TENSORS } from '../../lib/programs/tensors.ts';
import { nasbench201 } from '../../lib/spaces/nasbench201.ts';
import { isIllConditioned } from './conditioning.ts';
import { type GoldenFolder, type GoldenNetwork, goldenFolders } from './fixture.ts';

const TENSOR_TOLERANCE = 1e-4;
const SCORE_TOLERANCE = 1e-3;

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
}

/** ‖a − b‖ / ‖b‖, 0 where both are zero. */
function relativeDifference(a: Float32Array, b: Float32Array): number {
  const difference = norm(a.map((x, i) => x - b[i]!));
  return difference === 0 ? 0 : difference / norm(b);
}

async function run(network: GoldenNetwork): Promise<Statistics> {
  const graph = nasbench201.build(nasbench201.parse(network.architecture), {
    classes: network.classes,
    resolution: network.resolution,
    initialChannels: network.channels,
    cellsPerStage: network.cellsPerStage,
  });
  const parameters = network.parameters().map(({ values }) => values);
  return collectStatistics(
    [{ graph, key: network.index, parameters }],
    {
      batch: network.batch,
      shape: [3, network.resolution, network.resolution],
      data: network.values('input.data')!,
      noise: network.values('input.noise')!,
      perturbed: network.values('input.perturbed')!,
    },
    { logits: true },
  );
}

/** Differences between what ran and what PyTorch recorded, one line each. */
function tensorDifferences(network: GoldenNetwork, statistics: Statistics): string[] {
  const differences: string[] = [];
  const compare = (name: string, got: Float32Array | undefined) => {
    const entry = network.entry(name);
    if (entry === undefined) return;
    const expected = network.values(name);
    const difference =
      got === undefined
        ? Number.NaN
        : expected === undefined
          ? Math.abs(norm(got) - entry.norm) / (entry.norm || 1)
          : relativeDifference(got, expected);
    if (!(difference < TENSOR_TOLERANCE))
      differences.push(`network ${network.name} ${name}: relative difference ${difference}`);
  };
  compare('logits.data', statistics.logits(0, 'D'));
  compare('logits.noise', statistics.logits(0, 'N'));
  compare('logits.perturbed', statistics.logits(0, 'P'));
  for (let unit = 0; unit < network.units; unit++) {
    for (const name of TENSORS) compare(`unit${unit}.${name}`, statistics.tensor(0, unit, name));
  }
  return differences;
}

/** Compares every program's outcome on one network; ill-conditioned mismatches are counted apart. */
async function scoreDifferences(folder: GoldenFolder, network: GoldenNetwork, statistics: Statistics) {
  const texts = Object.keys(folder.programs);
  const scores = await evaluatePrograms(statistics, texts.map(parseProgram));
  const units = statistics.units(0).length;
  const differences: string[] = [];
  let illConditioned = 0;
  for (const [index, text] of texts.entries()) {
    const expected = folder.programs[text]![network.name];
    if (expected === undefined) continue;
    const got = { status: scores.status(index, 0), score: scores.score(index, 0) };
    const close =
      got.status === expected.status &&
      (got.status !== 'ok' ||
        got.score === expected.score ||
        Math.abs(got.score - expected.score!) <= SCORE_TOLERANCE * Math.abs(expected.score!));
    if (close) continue;
    const leaves = (unit: number) => (name: string) => {
      const shapes = statistics.units(0)[unit]!;
      const shape = name.startsWith('T3') ? shapes.weight : name.startsWith('T4') ? shapes.after : shapes.before;
      return { shape, data: Float64Array.from(statistics.tensor(0, unit, name as (typeof TENSORS)[number])!) };
    };
    const shapesAgree = got.status !== 'invalid' && expected.status !== 'invalid';
    if (shapesAgree && isIllConditioned(text, units, leaves, SCORE_TOLERANCE)) illConditioned++;
    else
      differences.push(
        `network ${network.name} ${text}: ${got.status} ${got.score}, expected ${JSON.stringify(expected)}`,
      );
  }
  return { differences, illConditioned, compared: texts.length };
}

describe('golden fixtures', function () {
  this.timeout(600_000);
  for (const folder of goldenFolders()) {
    describe(folder.name, () => {
      for (const network of folder.networks) {
        it(`network ${network.name}: every tensor within ${TENSOR_TOLERANCE}, every program within ${SCORE_TOLERANCE}`, async () => {
          using statistics = await run(network);
          assert.equal(statistics.units(0).length, network.units);
          assert.deepEqual(tensorDifferences(network, statistics), []);
          const { differences, illConditioned, compared } = await scoreDifferences(folder, network, statistics);
          console.log(`        ${compared} programs, ${illConditioned} ill-conditioned`);
          assert.deepEqual(differences, []);
          // Most programs must count: a rule that excused everything would prove nothing.
          assert.ok(illConditioned < 0.12 * compared, `${illConditioned} of ${compared} ill-conditioned`);
        });
      }
    });
  }
});
