import assert from 'node:assert/strict';
import fc from 'fast-check';
import { kendallTauB } from '../../lib/correlation/index.ts';
import { dominates } from '../../lib/dominance.ts';
import { Assessor, type Evaluator } from '../../lib/evolution/assessment.ts';
import { Behaviours } from '../../lib/evolution/behaviour.ts';
import { fitnessRule } from '../../lib/evolution/fitness-rule.ts';
import { byDominance, lexicase, tournamentInOrder } from '../../lib/evolution/selection.ts';
import type { FitnessTask } from '../../lib/evolution/task.ts';
import { parseFormula } from '../../lib/formulas/parse.ts';
import { canonicalFormula } from '../../lib/formulas/print.ts';
import type { Term } from '../../lib/formulas/tree.ts';
import { Random } from '../../lib/random.ts';
import { fakeProblem, hash } from './fixtures/fake-search.ts';

const [first, second, third] = fakeProblem({ networksPerTask: 12 }).tasks as [FitnessTask, FitnessTask, FitnessTask];
const tasks = [first, second, third];
const term = (text: string) => parseFormula(text) as Term;
const formulas = ['T1D', 'T2D', 'T3', 'T4D', 'abs(T1D)', 'abs(T2D)', 'abs(T3)', 'abs(T4D)'].map(term);

const noise = (text: string, key: number) => hash(`${text} ${key}`);
const evaluatorOf =
  (score: (text: string, key: number) => number, asked: string[] = []): Evaluator =>
  async (programs, { networks, name }) => {
    asked.push(...programs.map((program) => `${canonicalFormula(program)} on ${name}`));
    return {
      row: (index) => Float64Array.from(networks, ({ key }) => score(canonicalFormula(programs[index]!), key)),
    };
  };

const scores = (label: string, task: FitnessTask) => Float64Array.from(task.networks, ({ key }) => noise(label, key));
const result = (label: string, task: FitnessTask) => {
  const of = scores(label, task);
  return { tau: kendallTauB(of, task.accuracies), scores: of };
};

describe('fitness rules', () => {
  const results = tasks.map((task) => result('a formula', task));
  const taus = results.map(({ tau }) => tau);

  it('mean: of τ over the tasks, in the better direction', () => {
    const mean = taus.reduce((sum, tau) => sum + tau, 0) / 3;
    const rule = fitnessRule({ seed: 0, sign: 'shared', fitness: 'mean' });
    const { fitness, sign } = rule.of(results, tasks);
    assert.ok(Math.abs(fitness - Math.abs(mean)) < 1e-12);
    assert.equal(sign, mean < 0 ? -1 : 1);
    const perTask = fitnessRule({ seed: 0, sign: 'per-task', fitness: 'mean' }).of(results, tasks);
    assert.ok(Math.abs(perTask.fitness - taus.reduce((sum, tau) => sum + Math.abs(tau), 0) / 3) < 1e-12);
  });

  it('pooled: τ of the networks of all tasks of a pool together, whatever their order', () => {
    const rule = fitnessRule({ seed: 0, sign: 'shared', fitness: 'pooled' });
    const together = kendallTauB(
      results.flatMap((one) => [...one.scores]),
      tasks.flatMap(({ accuracies }) => [...accuracies]),
    );
    assert.equal(rule.of(results, tasks).fitness, Math.abs(together));
    assert.deepEqual(rule.of(results.toReversed(), tasks.toReversed()), rule.of(results, tasks));
  });

  it('pooled: the least over pools, in one direction', () => {
    const rule = fitnessRule({ seed: 0, sign: 'shared', fitness: 'pooled' });
    const apart = tasks.map((task, at) => ({ ...task, pool: `pool ${at}` }));
    const least = Math.min(...taus);
    assert.equal(rule.of(results, apart).fitness, Math.max(least, -Math.max(...taus)));
  });

  it('resampled: between the extremes, lower for a lower quantile, turned with the scores', () => {
    const at = (quantile: number, given = results) =>
      fitnessRule({ seed: 3, sign: 'shared', fitness: 'resampled', resamples: 40, quantile }).of(given, tasks);
    assert.ok(at(0).fitness < at(0.5).fitness && at(0.5).fitness < at(1).fitness);
    const turned = results.map((one) => ({ tau: -one.tau, scores: one.scores.map((score) => -score) }));
    assert.deepEqual(at(0.25, turned), { ...at(0.25), sign: -at(0.25).sign });
    assert.deepEqual(at(0.25, results), at(0.25, results));
  });

  it('all: −1 where a formula is invalid', () => {
    for (const fitness of ['minimum', 'mean', 'pooled', 'resampled'] as const) {
      const rule = fitnessRule({ seed: 0, sign: 'shared', fitness });
      assert.equal(rule.of([results[0]!, { ...results[1]!, tau: null }], tasks).fitness, -1);
    }
  });
});

describe('assessment', () => {
  it('with a penalty, larger formulas lose by their nodes', async () => {
    const evaluator = evaluatorOf((_, key) => hash(`same ${key}`));
    const assessor = new Assessor(evaluator, { seed: 0, sign: 'shared', nodePenalty: 0.01 });
    const { assessments } = await assessor.assess([term('T1D'), term('abs(abs(T1D))')], tasks);
    assert.ok(Math.abs(assessments[0]!.fitness - assessments[1]!.fitness - 0.02) < 1e-12);
  });

  it('tries only the best by the first tasks on the others, and ranks no other above them', async () => {
    const asked: string[] = [];
    const evaluator = evaluatorOf(noise, asked);
    const assessor = new Assessor(evaluator, { seed: 0, sign: 'shared', hurdleTasks: 1, hurdleShare: 0.25 });
    const { assessments } = await assessor.assess(formulas, tasks);
    const byFirst = formulas
      .map((formula) => ({ formula, tau: Math.abs(result(canonicalFormula(formula), first).tau) }))
      .sort((a, b) => b.tau - a.tau);
    const passing = byFirst.slice(0, 2).map(({ formula }) => canonicalFormula(formula));
    for (const task of [second, third]) {
      const tried = asked.filter((one) => one.endsWith(` on ${task.name}`)).map((one) => one.split(' on ')[0]!);
      assert.deepEqual(new Set(tried), new Set(passing));
    }
    const fitness = (passed: boolean) =>
      assessments
        .filter((_, at) => passing.includes(canonicalFormula(formulas[at]!)) === passed)
        .map((one) => one.fitness);
    assert.ok(Math.max(...fitness(false)) <= Math.min(...fitness(true)));
  });

  it('of a group takes the fittest, the first among equals', async () => {
    const assessor = new Assessor(evaluatorOf(noise), { seed: 0, sign: 'shared' });
    const { chosen } = await assessor.choose([formulas, [formulas[0]!, formulas[0]!]], tasks);
    const { assessments } = await assessor.assess(formulas, tasks);
    const fitness = assessments.map((one) => one.fitness);
    assert.equal(chosen[0]!.formula, formulas[fitness.indexOf(Math.max(...fitness))]);
    assert.equal(chosen[1]!.fitness, fitness[0]);
  });

  it('runs no formula further that ranks as another, and gives what running it would', async () => {
    const asked: string[] = [];
    // abs(x) ranks as x does, for T1D the other way round.
    const alike = (text: string, key: number) => {
      const inner = /T\w+/.exec(text)![0];
      const score = noise(inner, key);
      if (!text.startsWith('abs')) return score;
      return inner === 'T1D' ? -2 * score : Math.exp(score);
    };
    const settings = { seed: 0, sign: 'shared', fitness: 'pooled' } as const;
    const assessor = new Assessor(evaluatorOf(alike, asked), { ...settings, sameBehaviour: true });
    const { assessments, evaluations } = await assessor.assess(formulas, tasks);
    assert.deepEqual(
      asked.filter((one) => !one.endsWith(first.name) && one.startsWith('abs')),
      [],
    );
    const whole = await new Assessor(evaluatorOf(alike), settings).assess(formulas, tasks);
    for (const [at, { fitness, sign, taus }] of assessments.entries()) {
      const expected = whole.assessments[at]!;
      assert.ok(Math.abs(fitness - expected.fitness) < 1e-12);
      assert.equal(sign, expected.sign);
      for (const [task, tau] of taus.entries()) assert.ok(Math.abs(tau! - expected.taus[task]!) < 1e-12);
    }
    // What was taken from another is kept with it.
    assert.equal(evaluations.length, formulas.length * tasks.length);
    const again = new Assessor(() => assert.fail('all is known'), { ...settings, sameBehaviour: true }, [evaluations]);
    assert.deepEqual((await again.assess(formulas, tasks)).assessments, assessments);
  });
});

describe('behaviours', () => {
  it('formulas that differ in one pair are no twins', () => {
    const base = Float64Array.from({ length: 12 }, (_, at) => at);
    const swapped = base.map((_, at) => (at === 3 ? 4 : at === 4 ? 3 : at));
    const evaluation = (program: string, of: Float64Array) => ({ program, task: 'task', tau: 0.5, scores: of });
    const behaviours = new Behaviours();
    const known = new Map([['known', base]]);
    behaviours.learn([evaluation('known', base)]);
    const twins = behaviours.twins(
      [
        evaluation(
          'cubed',
          base.map((score) => score ** 3),
        ),
        evaluation(
          'reversed',
          base.map((score) => -score),
        ),
        evaluation('swapped', swapped),
        evaluation(
          'constant',
          base.map(() => 1),
        ),
      ],
      () => true,
      (text) => known.get(text)!,
    );
    assert.deepEqual(
      [...twins],
      [
        ['cubed', { of: 'known', direction: 1 }],
        ['reversed', { of: 'known', direction: -1 }],
      ],
    );
  });
});

describe('selection past the paper', () => {
  const merits = fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 5 })), {
    minLength: 1,
    maxLength: 12,
  });

  it('lexicase: with one task, only those within ε of the best; a candidate best on every task wins', () => {
    const candidates = [0.1, 0.2, 0.7, 0.71, 0.72];
    // The median absolute deviation is 0.02.
    const picked = lexicase(candidates, (merit) => [merit], 200, new Random(1));
    assert.deepEqual([...new Set(picked)].sort(), [0.7, 0.71, 0.72]);
    const best = [9, 9, 9];
    const others = Array.from({ length: 8 }, (_, at) => [at % 3, at % 2, at % 4]);
    assert.ok(lexicase([...others, best], (row) => row, 50, new Random(2)).every((row) => row === best));
  });

  it('lexicase: every specialist has its share', () => {
    const specialists = Array.from({ length: 3 }, (_, at) => [0, 1, 2].map((task) => (task === at ? 1 : 0)));
    const counts = specialists.map(
      (one) => lexicase(specialists, (row) => row, 900, new Random(3)).filter((row) => row === one).length,
    );
    for (const count of counts) assert.ok(Math.abs(count - 300) < 75, `${counts}`);
  });

  it('by dominance: none comes after one that it dominates', () => {
    fc.assert(
      fc.property(merits, (rows) => {
        const order = byDominance(rows, (row) => row);
        assert.deepEqual(new Set(order), new Set(rows));
        for (const [at, row] of order.entries()) {
          for (const before of order.slice(0, at)) assert.ok(!dominates(row, before));
        }
      }),
    );
  });

  it('tournaments in order: the earlier wins more often', () => {
    const picked = tournamentInOrder([0, 1, 2, 3], { size: 3, kept: 4000 }, new Random(4));
    for (const place of [0, 1, 2, 3]) {
      const chance = ((4 - place) / 4) ** 3 - ((3 - place) / 4) ** 3;
      const share = picked.filter((one) => one === place).length / 4000;
      assert.ok(Math.abs(share - chance) < 5 * Math.sqrt((chance * (1 - chance)) / 4000));
    }
  });
});
