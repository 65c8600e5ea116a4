import assert from 'node:assert/strict';
import { collectStatistics, evaluatePrograms } from '../../lib/engine/run.ts';
import type { Statistics } from '../../lib/engine/statistics.ts';
import { parseProgram } from '../../lib/programs/parse.ts';
import { TENSORS, type TensorName } from '../../lib/programs/tensors.ts';
import { Random } from '../../lib/random.ts';
import { nasbench201 } from '../../lib/spaces/nasbench201.ts';
import { isIllConditioned } from './conditioning.ts';
import { type GoldenFolder, type GoldenNetwork, type GoldenScore, goldenFolders } from './fixture.ts';
import { MovedRuns } from './moved.ts';

const TENSOR_TOLERANCE = 1e-4;
const SCORE_TOLERANCE = 1e-3;
/** Most programs must count: a rule that excused everything would prove nothing. */
const MOST_ILL_CONDITIONED = 0.12;
const MOST_UNDECIDED = 0.4;
/** Twelve runs are few: a difference may exceed their largest by this factor. */
const FEW_RUNS = 3;

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
}

/** ‖a − b‖ / ‖b‖, 0 where both are zero. */
function relativeDifference(a: Float32Array, b: Float32Array): number {
  const difference = norm(a.map((x, i) => x - b[i]!));
  return difference === 0 ? 0 : difference / norm(b);
}

/** Runs a network on its inputs and parameters, each element moved by up to `noise` of itself. */
async function run(network: GoldenNetwork, noise = 0, seed = 0): Promise<Statistics> {
  const random = new Random(seed);
  const move = (values: Float32Array) => values.map((x) => x * (1 + noise * (2 * random.uniform() - 1)));
  const input = (name: string) => move(network.values(name)!);
  const graph = nasbench201.build(nasbench201.parse(network.architecture), {
    classes: network.classes,
    resolution: network.resolution,
    initialChannels: network.channels,
    cellsPerStage: network.cellsPerStage,
  });
  const parameters = network.parameters().map(({ values }) => move(values));
  return collectStatistics(
    [{ graph, key: network.index, parameters }],
    {
      batch: network.batch,
      shape: [3, network.resolution, network.resolution],
      data: input('input.data'),
      noise: input('input.noise'),
      perturbed: input('input.perturbed'),
    },
    { logits: true },
  );
}

/** Reads a recorded tensor, or the logits of a pass, by its name in the fixtures. */
function recorded(statistics: Statistics, name: string): Float32Array | undefined {
  const pass = { 'logits.data': 'D', 'logits.noise': 'N', 'logits.perturbed': 'P' }[name] as
    | 'D'
    | 'N'
    | 'P'
    | undefined;
  if (pass !== undefined) return statistics.logits(0, pass);
  const [, unit, tensor] = /^unit(\d+)\.(\w+)$/.exec(name)!;
  return statistics.tensor(0, Number(unit), tensor as TensorName);
}

function namesOf(network: GoldenNetwork): string[] {
  const tensors = Array.from({ length: network.units }, (_, unit) => TENSORS.map((tensor) => `unit${unit}.${tensor}`));
  return ['logits.data', 'logits.noise', 'logits.perturbed', ...tensors.flat()].filter((name) => network.entry(name));
}

/** How far a tensor is from what PyTorch recorded: of the values where they are kept, else of the norms. */
function distance(network: GoldenNetwork, name: string, got: Float32Array | undefined): number {
  const entry = network.entry(name)!;
  const expected = network.values(name);
  if (got === undefined) return Number.NaN;
  if (expected !== undefined) return relativeDifference(got, expected);
  return Math.abs(norm(got) - entry.norm) / (entry.norm || 1);
}

/** Compares every tensor; gradients that the moved runs leave undecided are counted apart, activations never. */
async function compareTensors(network: GoldenNetwork, statistics: Statistics, moved: MovedRuns) {
  const differences: string[] = [];
  let undecided = 0;
  for (const name of namesOf(network)) {
    const got = recorded(statistics, name);
    const difference = distance(network, name, got);
    if (difference < TENSOR_TOLERANCE) continue;
    const others = /T[1-4]G/.test(name) ? await moved.all() : [];
    const least = Math.max(TENSOR_TOLERANCE, difference / FEW_RUNS);
    if (others.some((other) => relativeDifference(recorded(other, name)!, got!) > least)) undecided++;
    else differences.push(`network ${network.name} ${name}: relative difference ${difference}`);
  }
  return { differences, undecided };
}

function agrees(got: GoldenScore, expected: GoldenScore): boolean {
  if (got.status !== expected.status) return false;
  if (got.status !== 'ok' || got.score === expected.score) return true;
  return Math.abs(got.score! - expected.score!) <= SCORE_TOLERANCE * Math.abs(expected.score!);
}

/** Whether the moved runs differ beyond the tolerance, and by as much as the outcome expected does. */
function isUndecided(own: GoldenScore, expected: GoldenScore, moved: readonly GoldenScore[]): boolean {
  if (moved.every((run) => agrees(run, own))) return false;
  if (moved.some((run) => run.status !== own.status)) return true;
  const spread = Math.max(...moved.map((run) => Math.abs(run.score! - own.score!)));
  return own.status === expected.status && Math.abs(expected.score! - own.score!) <= FEW_RUNS * spread;
}

/** Outcomes of programs on a network. */
async function outcomes(statistics: Statistics, texts: readonly string[]): Promise<GoldenScore[]> {
  const scores = await evaluatePrograms(statistics, texts.map(parseProgram));
  return texts.map((_, program) => ({ status: scores.status(program, 0), score: scores.score(program, 0) }));
}

/** Compares every program's outcome; mismatches that float32 cannot decide are counted, by the rule that says so. */
async function compareScores(folder: GoldenFolder, network: GoldenNetwork, statistics: Statistics, moved: MovedRuns) {
  const texts = Object.keys(folder.programs).filter((text) => folder.programs[text]![network.name] !== undefined);
  const expected = texts.map((text) => folder.programs[text]![network.name]!);
  const got = await outcomes(statistics, texts);
  const differing = texts.flatMap((_, program) => (agrees(got[program]!, expected[program]!) ? [] : [program]));
  const differingTexts = differing.map((program) => texts[program]!);
  const movedOutcomes =
    differing.length === 0 ? [] : await Promise.all((await moved.all()).map((run) => outcomes(run, differingTexts)));
  const leaves = (unit: number) => (name: string) => {
    const shapes = statistics.units(0)[unit]!;
    const shape = name.startsWith('T3') ? shapes.weight : name.startsWith('T4') ? shapes.after : shapes.before;
    return { shape, data: Float64Array.from(statistics.tensor(0, unit, name as TensorName)!) };
  };
  const differences: string[] = [];
  let undecided = 0;
  let illConditioned = 0;
  for (const [row, program] of differing.entries()) {
    const text = texts[program]!;
    const [own, other] = [got[program]!, expected[program]!];
    const shapesAgree = own.status !== 'invalid' && other.status !== 'invalid';
    if (
      shapesAgree &&
      isUndecided(
        own,
        other,
        movedOutcomes.map((run) => run[row]!),
      )
    )
      undecided++;
    else if (shapesAgree && isIllConditioned(text, network.units, leaves, SCORE_TOLERANCE)) illConditioned++;
    else
      differences.push(
        `network ${network.name} ${text}: ${own.status} ${own.score}, expected ${other.status} ${other.score}`,
      );
  }
  return { differences, undecided, illConditioned, compared: texts.length };
}

describe('golden fixtures', function () {
  this.timeout(600_000);
  for (const folder of goldenFolders()) {
    describe(folder.name, () => {
      for (const network of folder.networks) {
        it(`network ${network.name}: every tensor within ${TENSOR_TOLERANCE}, every program within ${SCORE_TOLERANCE}`, async () => {
          using statistics = await run(network);
          await using moved = new MovedRuns((noise, seed) => run(network, noise, seed));
          assert.equal(statistics.units(0).length, network.units);
          const tensors = await compareTensors(network, statistics, moved);
          const scores = await compareScores(folder, network, statistics, moved);
          const { compared, undecided, illConditioned } = scores;
          console.log(
            `        ${namesOf(network).length} tensors, ${tensors.undecided} undecided; ` +
              `${compared} programs, ${undecided} undecided, ${illConditioned} ill-conditioned`,
          );
          assert.deepEqual(tensors.differences, []);
          assert.deepEqual(scores.differences, []);
          assert.ok(
            illConditioned <= MOST_ILL_CONDITIONED * compared,
            `${illConditioned} of ${compared} ill-conditioned`,
          );
          assert.ok(undecided <= MOST_UNDECIDED * compared, `${undecided} of ${compared} undecided`);
        });
      }
    });
  }
});
