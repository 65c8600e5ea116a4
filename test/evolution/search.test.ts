import assert from 'node:assert/strict';
import { kendallTauB } from '../../lib/correlation/index.ts';
import { EznasError } from '../../lib/errors.ts';
import { Assessor, type Evaluator } from '../../lib/evolution/assessment.ts';
import { parseCheckpoint, printCheckpoint } from '../../lib/evolution/checkpoint.ts';
import { evolve, type GenerationEvent } from '../../lib/evolution/evolve.ts';
import {
  finalChoice,
  type Generation,
  generations,
  type Individual,
  type SearchProblem,
  type SearchState,
} from '../../lib/evolution/search.ts';
import { canonicalFormula } from '../../lib/formulas/print.ts';
import { formulaSize, type Term, termHeight } from '../../lib/formulas/tree.ts';
import { fakeEvaluator, fakeProblem, fakeScore } from './fixtures/fake-search.ts';

async function run(problem: SearchProblem, from?: SearchState, signal?: AbortSignal): Promise<Generation[]> {
  const assessor = new Assessor(problem.evaluator, problem.config);
  const steps: Generation[] = [];
  for await (const step of generations(problem, assessor, from, signal)) steps.push(step);
  return steps;
}

const individualsOf = ({ candidates }: Generation) => candidates as readonly Individual[];

const rejects = (work: Promise<unknown>, code: string, ...patterns: RegExp[]) =>
  assert.rejects(work, (error) => {
    assert.ok(error instanceof EznasError && error.code === code, String(error));
    for (const pattern of patterns) assert.match(error.message, pattern);
    return true;
  });

describe('search of the paper', () => {
  const { evaluator, calls } = fakeEvaluator();
  const problem = fakeProblem({}, evaluator);
  let steps: Generation[];

  before(async () => {
    steps = await run(problem);
  });

  it('begins with 50 new programs of height 2 to 6, not assessed', () => {
    const { candidates, evaluations, tasks, state } = steps[0]!;
    assert.equal(candidates.length, 50);
    for (const candidate of candidates) {
      assert.equal(candidate.operation, 'initial');
      assert.deepEqual(candidate.parents, []);
      assert.ok(termHeight(candidate.formula) >= 2 && termHeight(candidate.formula) <= 6);
      assert.ok(!('fitness' in candidate));
    }
    assert.deepEqual([evaluations, tasks], [[], []]);
    assert.equal(state.generation, 0);
    assert.deepEqual(state.islands, [{ parents: candidates.map(({ formula }) => formula), pool: [] }]);
  });

  it('has 15 generations of 50: 25 by variation, 25 immigrants', () => {
    assert.deepEqual(
      steps.map(({ state }) => state.generation),
      Array.from({ length: 16 }, (_, index) => index),
    );
    for (const step of steps.slice(1)) {
      const operations = step.candidates.map(({ operation }) => operation);
      assert.equal(operations.length, 50);
      assert.ok(operations.slice(0, 25).every((name) => ['crossover', 'mutation', 'reproduction'].includes(name)));
      assert.ok(operations.slice(25).every((name) => name === 'immigrant'));
    }
  });

  it('keeps immigrants to heights 2 to 6, and children to 10', () => {
    for (const { candidates } of steps.slice(1)) {
      for (const { formula, operation, parents } of candidates) {
        assert.ok(termHeight(formula) <= 10);
        if (operation !== 'immigrant') continue;
        assert.ok(termHeight(formula) >= 2 && termHeight(formula) <= 6);
        assert.deepEqual(parents, []);
      }
    }
  });

  it('makes children of the parents that the generation before left', () => {
    for (const [index, { candidates }] of steps.slice(1).entries()) {
      const { parents } = steps[index]!.state.islands[0]!;
      for (const candidate of candidates.slice(0, 25)) {
        assert.equal(candidate.parents.length, candidate.operation === 'crossover' ? 2 : 1);
        assert.ok(candidate.parents.every((parent) => parents.includes(parent)));
        if (candidate.operation === 'reproduction') assert.equal(candidate.formula, candidate.parents[0]);
      }
    }
  });

  it('draws 4 different tasks of 20 networks for each generation', () => {
    const byName = new Map(problem.tasks.map((task) => [task.name, task]));
    const drawn = steps.slice(1).map(({ tasks }) => tasks);
    for (const tasks of drawn) {
      assert.equal(new Set(tasks).size, 4);
      assert.ok(tasks.every((name) => byName.get(name)!.networks.length === 20));
    }
    assert.equal(new Set(drawn.flat()).size, problem.tasks.length);
  });

  it('gives every program the least |τ| over the 4 tasks, -1 where a score is not finite', () => {
    let invalid = 0;
    for (const step of steps.slice(1)) {
      const tasks = step.tasks.map((name) => problem.tasks.find((task) => task.name === name)!);
      for (const { formula, fitness, taus } of individualsOf(step)) {
        const expected = tasks.map(({ networks, accuracies }) =>
          kendallTauB(
            networks.map(({ key }) => fakeScore(formula, key)),
            accuracies,
          ),
        );
        const broken = tasks.findIndex(({ networks }) =>
          networks.some(({ key }) => !Number.isFinite(fakeScore(formula, key))),
        );
        if (broken >= 0) {
          invalid++;
          assert.equal(fitness, -1);
          assert.deepEqual(taus, [...expected.slice(0, broken), ...new Array(4 - broken).fill(null)]);
        } else {
          assert.equal(fitness, Math.min(...expected.map(Math.abs)));
          assert.deepEqual(taus, expected);
        }
      }
    }
    assert.ok(invalid > 0, 'the fake search must have programs that fail after the probe');
  });

  it('selects at most 25 parents among the generation, no two of equal fitness', () => {
    for (const step of steps.slice(1)) {
      const fitness = step.state.islands[0]!.parents.map(
        (parent) => individualsOf(step).find(({ formula }) => formula === parent)!.fitness,
      );
      assert.ok(fitness.length <= 25 && fitness.length > 5);
      assert.equal(new Set(fitness).size, fitness.length);
      assert.equal(step.state.lastBest!.fitness, Math.max(...fitness));
    }
  });

  it('remembers the two fittest ever met', () => {
    const met: number[] = [];
    for (const step of steps.slice(1)) {
      met.push(...individualsOf(step).map(({ fitness }) => fitness));
      const best = [...new Set(met)].sort((a, b) => b - a).slice(0, 2);
      assert.deepEqual(
        step.state.bestEver.map(({ fitness }) => fitness),
        best,
      );
    }
  });

  it('never evaluates a program twice on a task', () => {
    const asked = calls.flatMap(({ programs, task }) => programs.map((program) => `${program} on ${task}`));
    assert.equal(new Set(asked).size, asked.length);
    assert.ok(asked.length > 15 * 4 * 25);
  });

  it('finds better programs than chance', () => {
    const initial = Math.max(...individualsOf(steps[1]!).map(({ fitness }) => fitness));
    assert.ok(steps.at(-1)!.state.bestEver[0]!.fitness >= initial);
  });
});

describe('search', () => {
  it('varies by crossover, mutation and reproduction in shares of 0.4, 0.4 and 0.2', async () => {
    // Every program is valid here, so that the probe favours none of them.
    const evaluator: Evaluator = async (programs, { networks }) => ({
      row: (index) => Float64Array.from(networks, ({ key }) => Math.sin(formulaSize(programs[index]!) * (key + 1))),
    });
    const steps = await run(fakeProblem({ population: 1000, generations: 4 }, evaluator));
    const counts: Record<string, number> = {};
    for (const { candidates } of steps.slice(1)) {
      for (const { operation } of candidates) counts[operation] = (counts[operation] ?? 0) + 1;
    }
    assert.equal(counts['immigrant'], 2000);
    for (const [operation, chance] of [
      ['crossover', 0.4],
      ['mutation', 0.4],
      ['reproduction', 0.2],
    ] as const) {
      const deviation = Math.sqrt(2000 * chance * (1 - chance));
      assert.ok(Math.abs(counts[operation]! - 2000 * chance) < 5 * deviation, `${operation}: ${counts[operation]}`);
    }
  });

  it('gives the same generations for the same seed, others for another', async () => {
    const small = { population: 10, generations: 3 };
    assert.deepEqual(await run(fakeProblem(small)), await run(fakeProblem(small)));
    const other = await run(fakeProblem({ ...small, seed: 1 }));
    assert.notDeepEqual(other.at(-1)!.state.islands, (await run(fakeProblem(small))).at(-1)!.state.islands);
  });

  it('continues from the state after any generation, kept as text, as if undisturbed', async () => {
    const problem = fakeProblem({ population: 12, generations: 6 });
    const steps = await run(problem);
    for (const [index, { state }] of steps.entries()) {
      const restored = parseCheckpoint(printCheckpoint(state), 'checkpoint.json');
      assert.deepEqual(restored, state);
      const rest = await run(problem, restored);
      const forget = (step: Generation) => ({ ...step, evaluations: [] });
      assert.deepEqual(rest.map(forget), steps.slice(index + 1).map(forget));
    }
  });

  it('works at the smallest size, and without immigrants or with nothing else', async () => {
    const smallest = {
      population: 2,
      kept: 1,
      tournament: 1,
      generations: 3,
      tasksPerGeneration: 1,
      networksPerTask: 2,
    };
    for (const changes of [smallest, { ...smallest, immigrants: 0 }, { ...smallest, immigrants: 1 }]) {
      const steps = await run(fakeProblem(changes));
      assert.ok(steps.every(({ candidates }) => candidates.length === 2));
    }
  });

  it('takes only programs with finite scores on two networks of two tasks, and says how many were drawn', async () => {
    const problem = fakeProblem({ generations: 2 });
    const probe = problem.tasks.slice(0, 2).flatMap((task) => task.indices.slice(0, 2));
    for (const { candidates, drawn } of await run(problem)) {
      assert.ok(drawn > candidates.length);
      for (const { formula } of candidates) {
        assert.ok(probe.every((network) => Number.isFinite(fakeScore(formula, network))));
      }
    }
  });

  it('gives up when no program is valid', async () => {
    const evaluator: Evaluator = async (_programs, { networks }) => ({
      row: () => new Float64Array(networks.length).fill(Number.NaN),
    });
    await rejects(run(fakeProblem({ population: 3 }, evaluator)), 'INVALID_ARGUMENT', /only 0 of 600/, /3 are needed/);
  });

  it('gives up when programs tell no networks apart', async () => {
    const evaluator: Evaluator = async (_programs, { networks }) => ({
      row: () => new Float64Array(networks.length).fill(7),
    });
    await rejects(run(fakeProblem({ population: 2 }, evaluator)), 'INVALID_ARGUMENT', /differ between networks/);
  });

  it('refuses tasks it cannot use, naming them', async () => {
    const problem = fakeProblem({ population: 2, generations: 1 });
    const [first, ...others] = problem.tasks;
    await rejects(run({ ...problem, tasks: problem.tasks.slice(0, 3) }), 'INVALID_ARGUMENT', /4 tasks.*only 3/);
    await rejects(run({ ...problem, tasks: [first!, first!, ...others] }), 'INVALID_ARGUMENT', /names must differ/);
    const unknown = { ...first!, accuracies: first!.accuracies.map(() => Number.NaN) };
    await rejects(
      run({ ...problem, tasks: [unknown, ...others] }),
      'INVALID_ARGUMENT',
      /fake\/data\/0/,
      /finite accuracy/,
    );
    const empty = { ...first!, networks: [], accuracies: new Float64Array(0) };
    await rejects(run({ ...problem, tasks: [empty, ...others] }), 'INVALID_ARGUMENT', /got 0 networks/);
  });

  it('stops when its signal fires', async () => {
    const controller = new AbortController();
    const problem = fakeProblem({ population: 4 });
    controller.abort();
    await rejects(run(problem, undefined, controller.signal), 'ABORTED');

    const later = new AbortController();
    const done: number[] = [];
    const stopAfterTwo = ({ generation }: GenerationEvent) => {
      done.push(generation);
      if (generation === 2) later.abort();
    };
    await rejects(evolve(problem, { signal: later.signal, onGeneration: stopAfterTwo }), 'ABORTED');
    assert.deepEqual(done, [0, 1, 2]);
  });

  it('lets errors of the evaluator through', async () => {
    const failure = new EznasError('OUT_OF_MEMORY', 'no room');
    const evaluator: Evaluator = () => Promise.reject(failure);
    await rejects(run(fakeProblem({}, evaluator)), 'OUT_OF_MEMORY', /no room/);
  });
});

describe('final choice', () => {
  it('judges the best of the last selection and the two best ever met on all tasks', async () => {
    const problem = fakeProblem({ sign: 'shared' });
    const { state } = (await run(problem)).at(-1)!;
    const assessor = new Assessor(problem.evaluator, problem.config);
    const { finalists } = await finalChoice(state, problem, assessor);
    const expected = [state.lastBest!, ...state.bestEver].map(({ formula }) => canonicalFormula(formula));
    assert.deepEqual(new Set(finalists.map(({ formula }) => canonicalFormula(formula))), new Set(expected));
    for (const { formula, fitness, sign, taus } of finalists) {
      const all = problem.tasks.map((task) => tauOn(formula, task));
      assert.deepEqual(taus, all);
      assert.equal(fitness, Math.min(...all.map((tau) => sign * tau)));
    }
    for (const [index, { fitness }] of finalists.slice(1).entries()) assert.ok(fitness <= finalists[index]!.fitness);
    assert.deepEqual((await evolve(problem)).finalists, finalists);
  });

  const tauOn = (formula: Term, task: SearchProblem['tasks'][number]) =>
    kendallTauB(
      task.networks.map(({ key }) => fakeScore(formula, key)),
      task.accuracies,
    );
});

describe('progress of a search', () => {
  it('tells best, median, validity and distinct programs of every generation', async () => {
    const problem = fakeProblem({ population: 9, generations: 3 });
    const steps = await run(problem);
    const events: GenerationEvent[] = [];
    await evolve(problem, { onGeneration: (event) => events.push(event) });
    assert.equal(events.length, steps.length);
    let evaluated = 0;
    for (const [index, event] of events.entries()) {
      const { candidates, drawn, evaluations } = steps[index]!;
      evaluated += evaluations.length;
      assert.equal(event.generation, index);
      assert.equal(event.generations, 3);
      assert.equal(event.evaluated, evaluated);
      assert.equal(event.distinct, new Set(candidates.map(({ formula }) => canonicalFormula(formula))).size);
      assert.ok(event.seconds >= 0);
      if (index === 0) {
        assert.ok(Number.isNaN(event.best) && Number.isNaN(event.median));
        assert.equal(event.validity, 9 / drawn);
        continue;
      }
      const fitness = individualsOf(steps[index]!)
        .map((individual) => individual.fitness)
        .sort((a, b) => a - b);
      assert.equal(event.best, fitness[8]);
      assert.equal(event.median, fitness[4]);
      assert.equal(event.validity, fitness.filter((value) => value > -1).length / drawn);
    }
  });
});
