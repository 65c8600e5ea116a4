import assert from 'node:assert/strict';
import { kendallTauB } from '../../lib/correlation/kendall.ts';
import { candidatesOf, numberCandidates } from '../../lib/forests/candidates.ts';
import { FOREST_DEFAULTS, resolveForestConfig } from '../../lib/forests/config.ts';
import { type ForestProblem, type ForestTask, growForest, type UnitEvaluator } from '../../lib/forests/grow.ts';
import { KnownOrder } from '../../lib/forests/known-order.ts';
import { combineTerms } from '../../lib/formulas/combine.ts';
import { termValue } from '../../lib/formulas/evaluate.ts';
import { printFormula } from '../../lib/formulas/print.ts';
import { params } from '../../lib/graph/counts.ts';
import { parseProgram } from '../../lib/programs/parse.ts';
import { symbolicSignature } from '../../lib/programs/symbols.ts';
import { canonicalText, type Program, tensorsRead } from '../../lib/programs/tree.ts';
import { Random } from '../../lib/random.ts';
import { smallNetworks } from '../engine/support.ts';

const GRAPHS = smallNetworks(Array.from({ length: 24 }, (_, i) => 600 * i + 7)).map(({ graph }) => graph);
const UNITS = 4;

/** Values that a program's text alone decides, different on every network and unit. */
function pseudoValues(program: Program): Float64Array[] {
  const random = new Random(0).fork(canonicalText(program));
  return GRAPHS.map(() => Float64Array.from({ length: UNITS }, () => random.normal()));
}

/** A program whose unit values are the accuracy's: the one worth finding. */
const isPlanted = (program: Program) =>
  canonicalText(program).startsWith('std(') && tensorsRead(program) === tensorsRead(parseProgram('T4D'));

const ACCURACIES = Float64Array.from(GRAPHS, (_, i) => ((i * 7) % 24) + 0.5);

function plantedValues(program: Program): Float64Array[] {
  return isPlanted(program)
    ? GRAPHS.map((_, i) => new Float64Array(UNITS).fill(-ACCURACIES[i]!))
    : pseudoValues(program);
}

/** An evaluator that gives each program's values on the networks asked for. */
const ofNetworks =
  (values: (program: Program) => Float64Array[] | undefined): UnitEvaluator =>
  (programs, _task, { from, to }) =>
    Promise.resolve(programs.map((program) => values(program)?.slice(from, to)));

const TASK: ForestTask = { name: 'task', graphs: GRAPHS, accuracies: ACCURACIES };

function problem(changes: Partial<ForestProblem> = {}): ForestProblem {
  return {
    config: resolveForestConfig({
      terms: 3,
      initial: 40,
      population: 20,
      generations: 2,
      heightLimit: 4,
    }),
    tasks: [TASK],
    signature: symbolicSignature(),
    evaluate: ofNetworks(plantedValues),
    ...changes,
  };
}

describe('agreement with a known order', () => {
  it('is τ where nothing is tied', () => {
    const random = new Random(3);
    const draw = () => Float64Array.from({ length: 15 }, () => random.normal());
    const accuracies = draw();
    const scores = draw();
    const order = new KnownOrder(accuracies);
    assert.ok(Math.abs(order.agreement(scores) - kendallTauB(scores, accuracies)) < 1e-12);
    assert.equal(order.agreement(accuracies), 1);
    assert.equal(order.agreement(accuracies.map((x) => -x)), -1);
    assert.equal(order.agreement(new Float64Array(15)), 0);
  });

  it('is 0 where accuracies are all equal', () => {
    assert.equal(new KnownOrder(Float64Array.of(1, 1)).agreement(Float64Array.of(1, 2)), 0);
  });
});

describe('candidates', () => {
  const program = parseProgram('mean(T1D)');

  it('are the aggregates and their negatives, without those that rank alike', () => {
    const values = [[Float64Array.of(1, 5), Float64Array.of(2, 3), Float64Array.of(0, 9)]];
    const terms = candidatesOf(program, values).map(({ term }) => printFormula(term));
    assert.ok(terms.includes('mean(T1D)') && terms.includes('unit_logsum(mean(T1D))'));
    assert.ok(!terms.includes('unit_sum(mean(T1D))'), 'with two units everywhere, the sum ranks as the mean does');
    const behaviours = candidatesOf(program, values).map(({ parts }) => parts[0]!.join());
    assert.equal(new Set(behaviours).size, behaviours.length);
  });

  it('leave out what has no value or ranks nothing on some task', () => {
    const some = [Float64Array.of(1), Float64Array.of(2)];
    assert.deepEqual(candidatesOf(program, [some, [Float64Array.of(Number.NaN), Float64Array.of(1)]]), []);
    assert.deepEqual(candidatesOf(program, [some, [Float64Array.of(3), Float64Array.of(3)]]), []);
    assert.deepEqual(candidatesOf(program, [[new Float64Array(0), new Float64Array(0)]]), []);
    assert.ok(candidatesOf(program, [[Float64Array.of(Infinity), Float64Array.of(1)]]).length > 0);
  });

  it('of networks are their numbers', () => {
    const candidates = numberCandidates([GRAPHS]);
    const byParams = candidates.find(({ term }) => printFormula(term) === 'params')!;
    assert.deepEqual(byParams.parts[0], combineTerms('share_sum', [Float64Array.from(GRAPHS, params)]));
    assert.ok(!candidates.some(({ term }) => printFormula(term) === 'stages'), 'all networks have three stages');
  });
});

describe('growing a forest', () => {
  it('finds what ranks perfectly, turned the right way', async () => {
    const grown = await growForest(problem({ seeds: [parseProgram('std(T4D)')] }));
    assert.match(printFormula(grown.forest), /neg\(unit_\w+\(std\(T4D\)\)\)/);
    assert.deepEqual(grown.taus, [1]);
    assert.equal(grown.forest.terms.length, 1, 'nothing gains beside it');
  });

  it('reports what its formula gives', async () => {
    const values = new Map<string, Float64Array[]>();
    const evaluate = ofNetworks((program) => {
      values.set(canonicalText(program), pseudoValues(program));
      return pseudoValues(program);
    });
    const { forest, taus, growth, programs } = await growForest(problem({ evaluate }));
    const rows = forest.terms.map((term) =>
      Float64Array.from(GRAPHS, (graph, n) =>
        termValue(term, graph, {
          means: (program) => values.get(canonicalText(program))![n]!,
          elements: () => [],
        }),
      ),
    );
    assert.ok(Math.abs(taus[0]! - kendallTauB(combineTerms('share_sum', rows), ACCURACIES)) < 1e-12);
    assert.ok(growth.every(({ fitness }, i) => i === 0 || fitness > growth[i - 1]!.fitness));
    assert.equal(programs, values.size);
  });

  it('is the same for the same problem, and another for another seed', async () => {
    const run = async (changes: Partial<ForestProblem> = {}) =>
      printFormula((await growForest(problem({ evaluate: ofNetworks(pseudoValues), ...changes }))).forest);
    const config = problem().config;
    assert.equal(await run(), await run());
    assert.notEqual(await run(), await run({ config: { ...config, seed: 1 } }));
  });

  it('runs no program twice on a network, and lives with programs that give nothing', async () => {
    const seen = new Set<string>();
    const evaluate: UnitEvaluator = (programs, task, range) => {
      for (const program of programs) {
        for (let network = range.from; network < range.to; network++) {
          const run = `${canonicalText(program)} ${network}`;
          assert.ok(!seen.has(run), run);
          seen.add(run);
        }
      }
      return ofNetworks((program) => (canonicalText(program).length % 3 === 0 ? undefined : pseudoValues(program)))(
        programs,
        task,
        range,
      );
    };
    await growForest(problem({ evaluate }));
    const numbersAlone = await growForest(problem({ evaluate: ofNetworks(() => undefined) }));
    assert.ok(numbersAlone.forest.terms.every(({ kind }) => kind === 'number' || kind === 'operation'));
  });

  it('runs what ranks the first networks as others do no further, and the others only on the list of the best', async () => {
    const ran = new Map<string, number>();
    const evaluate: UnitEvaluator = (programs, task, range) => {
      for (const program of programs) ran.set(canonicalText(program), range.to);
      return ofNetworks((program) =>
        isAlike(program) ? plantedValues(parseProgram('std(T4D)')) : pseudoValues(program),
      )(programs, task, range);
    };
    const isAlike = (program: Program) => ['mean(T4D)', 'std(T4D)'].includes(canonicalText(program));
    const unknown: ForestTask = { ...TASK, accuracies: ACCURACIES.slice(0, 22) };
    const seeds = ['std(T4D)', 'mean(T4D)', 'max(T4D)', 'min(T4D)'].map(parseProgram);
    const config = { ...problem().config, initial: 1, generations: 0, shortlist: 1 };
    await growForest(problem({ evaluate, seeds, tasks: [unknown], config }));
    assert.deepEqual(
      seeds.map((program) => ran.get(canonicalText(program))),
      [24, 20, 22, 22],
    );
  });

  it('is as fit as on the task it ranks worst', async () => {
    const reversed: ForestTask = { ...TASK, name: 'reversed', accuracies: ACCURACIES.map((x) => -x) };
    const { taus } = await growForest(problem({ tasks: [TASK, reversed], seeds: [parseProgram('std(T4D)')] }));
    assert.ok(Math.min(...taus) <= 0.5, 'no formula ranks one task both ways');
  });

  it('stops when it is told to, and says what is wrong with a problem', async () => {
    const controller = new AbortController();
    let reports = 0;
    const aborted = growForest(problem(), {
      signal: controller.signal,
      onProgress: ({ done, total }) => {
        assert.ok(done <= total);
        reports += 1;
        if (reports === 2) controller.abort();
      },
    });
    await assert.rejects(aborted, { code: 'ABORTED' });
    assert.equal(reports, 2);
    await assert.rejects(growForest(problem({ tasks: [] })), { code: 'INVALID_ARGUMENT' });
    const one: ForestTask = { name: 'one', graphs: GRAPHS.slice(0, 1), accuracies: Float64Array.of(1) };
    await assert.rejects(growForest(problem({ tasks: [one] })), { code: 'INVALID_ARGUMENT' });
    const more: ForestTask = { ...TASK, accuracies: new Float64Array(25) };
    await assert.rejects(growForest(problem({ tasks: [more] })), { code: 'INVALID_ARGUMENT' });
    const same: ForestTask = { name: 'same', graphs: [GRAPHS[0]!, GRAPHS[0]!], accuracies: Float64Array.of(1, 2) };
    const nothing = problem({ tasks: [same], evaluate: ofNetworks(() => undefined) });
    await assert.rejects(growForest(nothing), { code: 'INVALID_ARGUMENT', message: /no program/ });
  });
});

describe('configuration of a forest search', () => {
  it('is checked field by field', () => {
    assert.deepEqual(resolveForestConfig(), FOREST_DEFAULTS);
    assert.equal(resolveForestConfig({ terms: 2, seed: undefined }).terms, 2);
    assert.throws(() => resolveForestConfig({ terms: 0 }), {
      code: 'INVALID_ARGUMENT',
      message: /terms .*1 to 32, got 0/,
    });
    assert.throws(() => resolveForestConfig({ nodePenalty: Number.NaN }), { message: /nodePenalty/ });
    assert.throws(() => resolveForestConfig({ trees: 3 } as object), { message: /unknown option 'trees'.*terms/ });
  });
});
