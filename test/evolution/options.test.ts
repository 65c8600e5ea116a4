import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Archive } from '../../lib/evolution/archive.ts';
import { Assessor, type Evaluator } from '../../lib/evolution/assessment.ts';
import { parseCheckpoint, printCheckpoint } from '../../lib/evolution/checkpoint.ts';
import type { SearchConfig } from '../../lib/evolution/config.ts';
import { evolve } from '../../lib/evolution/evolve.ts';
import { withPruned } from '../../lib/evolution/pruning.ts';
import { type Generation, generations, type Individual, type SearchProblem } from '../../lib/evolution/search.ts';
import { AGGREGATORS } from '../../lib/formulas/aggregators.ts';
import { canonicalFormula } from '../../lib/formulas/print.ts';
import { formulaSize, unitPrograms } from '../../lib/formulas/tree.ts';
import { checkProgram } from '../../lib/programs/typing.ts';
import { type Call, fakeEvaluator, fakeProblem, hash } from './fixtures/fake-search.ts';

const SMALL = { population: 12, generations: 5, kept: 6 } satisfies Partial<SearchConfig>;
const SURVIVING = { ...SMALL, replacement: 'plus', survivors: 8, finalists: 5 } satisfies Partial<SearchConfig>;
const aggregators = AGGREGATORS.map(({ name }) => name);

/** Every option somewhere, and those that work together, together. */
const SEARCHES: Readonly<Record<string, Partial<SearchConfig>>> = {
  'the fittest survive': SURVIVING,
  'the youngest survive, by lexicase': { ...SURVIVING, replacement: 'aging', selection: 'lexicase' },
  'fronts of fitness, size and cost': { ...SURVIVING, selection: 'nsga2', nodePenalty: 0.001 },
  'islands with migration': { ...SURVIVING, islands: 3, migrationInterval: 2, migrants: 2, initialTimes: 2 },
  'islands, a generation replacing the last': { ...SMALL, islands: 2, migrationInterval: 1 },
  'every aggregator and structure': { ...SMALL, aggregators, structure: 0.4, operators: 'all', simplified: true },
  'the best aggregator': { ...SURVIVING, aggregators, aggregatorChoice: 'best', fitness: 'pooled', sign: 'shared' },
  'a hurdle and equal behaviour': { ...SURVIVING, hurdleTasks: 1, hurdleShare: 0.5, sameBehaviour: true },
  'a bound of resamples': { ...SURVIVING, fitness: 'resampled', resamples: 8, sign: 'shared' },
  'the mean over tasks, seeds': { ...SURVIVING, fitness: 'mean', seeds: 'catalogue' },
  'beginning anew': { ...SMALL, generations: 9, patience: 2, whenStuck: 'restart' },
  'beginning anew where programs survive': { ...SURVIVING, generations: 9, patience: 2, whenStuck: 'restart' },
  'stopping early': { ...SURVIVING, generations: 40, patience: 3, whenStuck: 'stop' },
};

/** Few different rankings, so that many formulas behave alike. */
function coarse(): { evaluator: Evaluator; calls: Call[] } {
  const calls: Call[] = [];
  const evaluator: Evaluator = async (formulas, task) => {
    calls.push({ programs: formulas.map(canonicalFormula), task: task.name });
    return {
      row: (index) => {
        const kind = Math.floor(40 * hash(canonicalFormula(formulas[index]!)));
        const scale = kind % 2 === 0 ? 1 : -3;
        return Float64Array.from(task.networks, ({ key }) => scale * hash(`${kind >> 1} on ${key}`));
      },
    };
  };
  return { evaluator, calls };
}

async function run(problem: SearchProblem, assessor = new Assessor(problem.evaluator, problem.config)) {
  const steps: Generation[] = [];
  for await (const step of generations(problem, assessor)) steps.push(step);
  return steps;
}

const individualsOf = ({ candidates }: Generation) => candidates as readonly Individual[];

describe('search options', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'eznas-options-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const [name, changes] of Object.entries(SEARCHES)) {
    describe(name, () => {
      const { evaluator, calls } = changes.sameBehaviour ? coarse() : fakeEvaluator();
      const problem = fakeProblem(changes, evaluator);
      let steps: Generation[];
      let asked: string[];
      before(async () => {
        steps = await run(problem);
        asked = calls.flatMap(({ programs, task }) => programs.map((program) => `${program} on ${task}`));
      });

      it('continues from every generation as if undisturbed, from what a folder keeps', async () => {
        const path = join(folder, `${Object.keys(SEARCHES).indexOf(name)}.sqlite`);
        const kept = new Archive(path);
        kept.recordTasks(problem.tasks);
        for (const [index, step] of steps.entries()) {
          kept.recordGeneration(step);
          const state = parseCheckpoint(printCheckpoint(step.state), 'checkpoint.json');
          assert.deepEqual(state, step.state);
          const next = steps[index + 1];
          const assessor = new Assessor(problem.evaluator, problem.config, kept.evaluationsByGeneration());
          const resumed = await generations(problem, assessor, state).next();
          assert.deepEqual(resumed.value, next);
        }
        kept.close();
      });

      it('makes generations of the size asked for, of valid formulas', () => {
        const { population, initialTimes = 1 } = problem.config;
        for (const { candidates } of steps) {
          const began = candidates.every(({ operation }) => operation === 'initial');
          assert.equal(candidates.length, began ? initialTimes * population : population);
          for (const { formula } of candidates) {
            for (const program of unitPrograms(formula)) {
              assert.equal(checkProgram(program, [problem.signature]), undefined);
            }
          }
        }
      });

      it('evaluates nothing twice on a task', () => {
        assert.ok(asked.length > 0);
        assert.equal(new Set(asked).size, asked.length);
      });
    });
  }

  it('the fittest of a generation and its pool survive, no two of equal fitness', async () => {
    // All tasks are drawn, so that fitness compares between generations.
    const problem = fakeProblem({ ...SURVIVING, tasksPerGeneration: 4, generations: 6 });
    const steps = await run({ ...problem, tasks: problem.tasks.slice(0, 4) });
    let known: { formula: string; fitness: number }[] = [];
    for (const step of steps.slice(1)) {
      const made = individualsOf(step).map(({ formula, fitness }) => ({ formula: canonicalFormula(formula), fitness }));
      known = [...known, ...made].filter(({ fitness }) => fitness > -1);
      const best = [...new Set(known.map(({ fitness }) => fitness))].sort((a, b) => b - a).slice(0, 8);
      const pool = step.state.islands[0]!.pool.map(
        (formula) => known.find((one) => one.formula === canonicalFormula(formula))!.fitness,
      );
      assert.deepEqual(
        pool.toSorted((a, b) => b - a),
        best,
      );
    }
  });

  it('the youngest survive with aging, whatever their fitness', async () => {
    const [, ...steps] = await run(fakeProblem({ ...SURVIVING, replacement: 'aging' }));
    for (const [index, step] of steps.entries()) {
      const born = steps
        .slice(0, index + 1)
        .flatMap(individualsOf)
        .filter(({ fitness }) => fitness > -1);
      const young = new Set(born.slice(-8).map(({ formula }) => canonicalFormula(formula)));
      for (const formula of step.state.islands[0]!.pool) assert.ok(young.has(canonicalFormula(formula)));
    }
  });

  it('makes no formula again that competes already', async () => {
    const steps = await run(fakeProblem(SURVIVING));
    for (const [index, { candidates }] of steps.slice(2).entries()) {
      const before = new Set(steps[index + 1]!.state.islands[0]!.pool.map(canonicalFormula));
      const texts = candidates.map(({ formula }) => canonicalFormula(formula));
      assert.equal(new Set(texts).size, texts.length);
      assert.ok(texts.every((text) => !before.has(text)));
    }
  });

  it('stops when nothing fitter comes, and not before', async () => {
    const problem = fakeProblem(SEARCHES['stopping early']!);
    const steps = await run(problem);
    const best = steps.slice(1).map((step) => Math.max(...individualsOf(step).map(({ fitness }) => fitness)));
    const last = steps.at(-1)!.state.generation;
    assert.ok(last < problem.config.generations);
    const highest = Math.max(...best);
    assert.equal(last, 1 + best.indexOf(highest) + problem.config.patience!);
  });

  it('begins anew from new programs, and keeps what it has found', async () => {
    const steps = await run(fakeProblem(SEARCHES['beginning anew']!));
    const restarts = steps.slice(1).filter(({ candidates }) => candidates.every((one) => one.operation === 'initial'));
    assert.ok(restarts.length > 0);
    for (const [index, { state }] of steps.slice(1).entries()) {
      const before = steps[index]!.state.bestEver[0]?.fitness ?? -1;
      assert.ok(state.bestEver[0]!.fitness >= before);
    }
  });

  it('gives islands their fittest neighbours when it is time', async () => {
    const steps = await run(fakeProblem(SEARCHES['islands with migration']!));
    const { islands } = steps[2]!.state;
    const sets = islands.map(({ pool }) => new Set(pool.map(canonicalFormula)));
    for (const [at, pool] of sets.entries()) {
      const neighbour = sets[(at + islands.length - 1) % islands.length]!;
      assert.ok([...pool].some((text) => neighbour.has(text)));
    }
    const apart = steps[1]!.state.islands.map(({ pool }) => pool.map(canonicalFormula));
    assert.equal(new Set(apart.flat()).size, apart.flat().length);
  });

  it('chooses on tasks that no generation saw, where there are any', async () => {
    const problem = fakeProblem(SURVIVING);
    const [first, ...others] = problem.tasks;
    const { finalists } = await evolve({ ...problem, tasks: others, choiceTasks: [first!] });
    const assessor = new Assessor(problem.evaluator, problem.config);
    const { assessments } = await assessor.assess(
      finalists.map(({ formula }) => formula),
      [first!],
    );
    const fitness = assessments.map((one) => one.fitness);
    assert.deepEqual(
      finalists.map((one) => one.fitness),
      fitness,
    );
    assert.deepEqual(
      fitness.toSorted((a, b) => b - a),
      fitness,
    );
  });

  it('reports the front: each smaller than the next, and less fit', async () => {
    const { front, finalists } = await evolve(fakeProblem(SURVIVING));
    assert.ok(front.length > 0);
    for (const [index, { formula, fitness }] of front.slice(1).entries()) {
      assert.ok(formulaSize(formula) > formulaSize(front[index]!.formula) && fitness > front[index]!.fitness);
    }
    for (const { formula, fitness } of finalists) {
      assert.ok(front.some((one) => one.fitness >= fitness && formulaSize(one.formula) <= formulaSize(formula)));
    }
  });

  it('cuts the winner down without losing fitness', async () => {
    // A formula ranks by the tensors that it reads, so what is around them can go.
    const evaluator: Evaluator = async (formulas, { networks }) => ({
      row: (index) => {
        const [first] = canonicalFormula(formulas[index]!).match(/T\w+/)!;
        return Float64Array.from(networks, ({ key }) => hash(`${first} ${key}`));
      },
    });
    const problem = fakeProblem({ ...SMALL, seed: 5 }, evaluator);
    const { finalists } = await evolve(problem);
    const assessor = new Assessor(evaluator, problem.config);
    const cut = await withPruned({ finalists, evaluations: [] }, problem, assessor);
    const [winner] = cut.finalists;
    assert.ok(formulaSize(finalists[0]!.formula) > 1);
    assert.equal(formulaSize(winner!.formula), 1);
    assert.ok(winner!.fitness >= finalists[0]!.fitness);
  });
});
