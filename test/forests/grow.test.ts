import assert from 'node:assert/strict';
import { kendallTauB } from '../../lib/correlation/kendall.ts';
import { candidatesOf, numberCandidates } from '../../lib/forests/candidates.ts';
import { FOREST_DEFAULTS, resolveForestConfig } from '../../lib/forests/config.ts';
import { type ForestProblem, type ForestTask, growForest } from '../../lib/forests/grow.ts';
import { ResampledTau } from '../../lib/forests/resampled-tau.ts';
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

const TASK: ForestTask = { name: 'task', graphs: GRAPHS, accuracies: ACCURACIES };

function problem(changes: Partial<ForestProblem> = {}): ForestProblem {
  return {
    config: resolveForestConfig({
      terms: 3,
      initial: 40,
      population: 20,
      generations: 2,
      resamples: 8,
      heightLimit: 4,
    }),
    tasks: [TASK],
    signature: symbolicSignature(),
    evaluate: (programs) => Promise.resolve(programs.map(plantedValues)),
    ...changes,
  };
}

describe('τ over resamples', () => {
  it('is the quantile of τ on the resampled networks', () => {
    const random = new Random(3);
    const accuracies = Float64Array.from({ length: 15 }, () => random.normal());
    const scores = Float64Array.from({ length: 15 }, () => random.integer(6));
    const options = { resamples: 9, quantile: 0.5 };
    const tau = new ResampledTau(accuracies, options, new Random(5));
    const draws = new Random(5);
    const taus = Array.from({ length: 9 }, () => {
      const at = Array.from({ length: 15 }, () => draws.integer(15));
      return kendallTauB(
        at.map((i) => scores[i]!),
        at.map((i) => accuracies[i]!),
      );
    }).sort((a, b) => a - b);
    assert.ok(Math.abs(tau.quantile(scores) - taus[4]!) < 1e-6);
    assert.equal(tau.tau(scores), kendallTauB(scores, accuracies));
    assert.equal(tau.quantile(accuracies), 1);
    assert.equal(tau.quantile(accuracies.map((x) => -x)), -1);
    assert.equal(tau.quick(accuracies), 1);
    assert.equal(tau.quantile(new Float64Array(15)), 0);
  });

  it('is 0 where accuracies are all equal', () => {
    const tau = new ResampledTau(Float64Array.of(1, 1), { resamples: 3, quantile: 0 }, new Random(0));
    assert.equal(tau.quantile(Float64Array.of(1, 2)), 0);
    assert.equal(tau.quick(Float64Array.of(1, 2)), 0);
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
    assert.deepEqual(byParams.parts[0], combineTerms('rank_sum', [Float64Array.from(GRAPHS, params)]));
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
    const evaluate = (programs: readonly Program[]) => {
      for (const program of programs) values.set(canonicalText(program), pseudoValues(program));
      return Promise.resolve(programs.map(pseudoValues));
    };
    const { forest, taus, growth, programs } = await growForest(problem({ evaluate }));
    const rows = forest.terms.map((term) =>
      Float64Array.from(GRAPHS, (graph, n) =>
        termValue(term, graph, (program) => values.get(canonicalText(program))![n]!),
      ),
    );
    assert.ok(Math.abs(taus[0]! - kendallTauB(combineTerms('rank_sum', rows), ACCURACIES)) < 1e-12);
    assert.ok(growth.every(({ fitness }, i) => i === 0 || fitness > growth[i - 1]!.fitness));
    assert.equal(programs, values.size);
  });

  it('is the same for the same problem, and another for another seed', async () => {
    const run = async (changes: Partial<ForestProblem> = {}) =>
      printFormula(
        (await growForest(problem({ evaluate: (ps) => Promise.resolve(ps.map(pseudoValues)), ...changes }))).forest,
      );
    const config = problem().config;
    assert.equal(await run(), await run());
    assert.notEqual(await run(), await run({ config: { ...config, seed: 1 } }));
  });

  it('evaluates no program twice, and lives with programs that give nothing', async () => {
    const seen = new Set<string>();
    const evaluate = (programs: readonly Program[]) => {
      for (const program of programs) {
        assert.ok(!seen.has(canonicalText(program)), canonicalText(program));
        seen.add(canonicalText(program));
      }
      return Promise.resolve(programs.map((program, i) => (i % 3 === 0 ? undefined : pseudoValues(program))));
    };
    await growForest(problem({ evaluate }));
    const numbersAlone = await growForest(problem({ evaluate: (ps) => Promise.resolve(ps.map(() => undefined)) }));
    assert.ok(numbersAlone.forest.terms.every(({ kind }) => kind === 'number' || kind === 'operation'));
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
    const same: ForestTask = { name: 'same', graphs: [GRAPHS[0]!, GRAPHS[0]!], accuracies: Float64Array.of(1, 2) };
    const nothing = problem({ tasks: [same], evaluate: (ps) => Promise.resolve(ps.map(() => undefined)) });
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
    assert.throws(() => resolveForestConfig({ quantile: Number.NaN }), { message: /quantile/ });
    assert.throws(() => resolveForestConfig({ trees: 3 } as object), { message: /unknown option 'trees'.*terms/ });
  });
});
