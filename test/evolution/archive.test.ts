import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { EznasError } from '../../lib/errors.ts';
import { Archive } from '../../lib/evolution/archive.ts';
import { Assessor } from '../../lib/evolution/assessment.ts';
import { type Generation, generations, type Individual } from '../../lib/evolution/search.ts';
import { canonicalFormula } from '../../lib/formulas/print.ts';
import { formulaSize, termHeight } from '../../lib/formulas/tree.ts';
import { openDatabase } from '../../lib/runs/database.ts';
import { dump } from './fixtures/dump.ts';
import { fakeProblem } from './fixtures/fake-search.ts';

function refuses(work: () => unknown, ...patterns: RegExp[]): void {
  assert.throws(work, (error) => {
    assert.ok(error instanceof EznasError && error.code === 'INVALID_RUN', String(error));
    for (const pattern of patterns) assert.match(error.message, pattern);
    return true;
  });
}

describe('archive', () => {
  const problem = fakeProblem({ population: 10, generations: 3 });
  let root: string;
  let path: string;
  let steps: Generation[];
  let count = 0;

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'eznas-archive-'));
    steps = [];
    const assessor = new Assessor(problem.evaluator, problem.config);
    for await (const step of generations(problem, assessor)) steps.push(step);
  });

  beforeEach(() => {
    path = join(root, `archive-${count++}.sqlite`);
  });

  after(() => rmSync(root, { recursive: true }));

  function filled(): Archive {
    const archive = new Archive(path);
    archive.recordTasks(problem.tasks);
    for (const step of steps) archive.recordGeneration(step);
    return archive;
  }

  it('tells every individual with its program, origin and fitness', () => {
    const archive = filled();
    const expected = steps.flatMap(({ state: { generation }, candidates }) =>
      candidates.map((candidate, slot) => ({
        generation,
        slot,
        program: canonicalFormula(candidate.formula),
        size: formulaSize(candidate.formula),
        height: termHeight(candidate.formula),
        operation: candidate.operation,
        parents: candidate.parents.map(canonicalFormula),
        fitness: 'fitness' in candidate ? candidate.fitness : null,
        sign: 'fitness' in candidate ? candidate.sign : null,
      })),
    );
    assert.deepEqual(archive.individuals(), expected);
    assert.deepEqual(
      archive.individuals(2),
      expected.filter(({ generation }) => generation === 2),
    );
    assert.deepEqual(archive.individuals(9), []);
    assert.equal(archive.lastGeneration(), 3);
    archive.close();
  });

  it('keeps every evaluation: τ, and the scores bit for bit', () => {
    const archive = filled();
    const made = steps.flatMap(({ evaluations }) => evaluations);
    const byKey = (a: { program: string; task: string }, b: { program: string; task: string }) =>
      a.program < b.program ? -1 : a.program > b.program ? 1 : a.task < b.task ? -1 : 1;
    assert.deepEqual(
      archive.evaluations().sort(byKey),
      made.map(({ program, task, tau }) => ({ program, task, tau })).sort(byKey),
    );
    for (const { program, task, scores } of made) assert.deepEqual(archive.scores(program, task), scores);
    assert.ok(made.some(({ tau }) => tau === null));
    assert.equal(archive.scores('T1D', 'fake/data/0'), undefined);
    archive.close();
  });

  it('has everything that later assessments need', async () => {
    const archive = filled();
    const evaluator = () => assert.fail('all is known already');
    const assessor = new Assessor(evaluator, problem.config, archive.evaluationsByGeneration());
    for (const { tasks, candidates } of steps.slice(1)) {
      const { assessments } = await assessor.assess(
        candidates.map(({ formula }) => formula),
        tasks.map((name) => problem.tasks.find((task) => task.name === name)!),
      );
      assert.deepEqual(
        assessments.map(({ fitness }) => fitness),
        (candidates as Individual[]).map(({ fitness }) => fitness),
      );
    }
    archive.close();
  });

  it('truncates to a generation as if the later ones had never been', () => {
    for (let last = -1; last <= 3; last++) {
      path = join(root, `truncated-${last}.sqlite`);
      const archive = filled();
      archive.truncate(last);
      archive.close();
      const truncated = dump(path);
      path = join(root, `never-${last}.sqlite`);
      const other = new Archive(path);
      other.recordTasks(problem.tasks);
      for (const step of steps.slice(0, last + 1)) other.recordGeneration(step);
      assert.equal(other.lastGeneration(), last);
      other.close();
      assert.deepEqual(truncated, dump(path));
    }
  });

  it('records a generation wholly or not at all', () => {
    const archive = new Archive(path);
    archive.recordTasks(problem.tasks);
    archive.recordGeneration(steps[0]!);
    const evaluations = steps[1]!.evaluations.map((evaluation) => ({ ...evaluation, task: 'fake/data/none' }));
    refuses(() => archive.recordGeneration({ ...steps[1]!, evaluations }), /FOREIGN KEY/);
    assert.equal(archive.lastGeneration(), 0);
    assert.deepEqual(archive.individuals(1), []);
    archive.recordGeneration(steps[1]!);
    assert.equal(archive.lastGeneration(), 1);
    archive.close();
  });

  it('can be read while it is written', () => {
    const archive = filled();
    const reader = new Archive(path, { readonly: true });
    archive.truncate(1);
    assert.equal(reader.lastGeneration(), 1);
    reader.close();
    archive.close();
  });

  it('is one file at rest', () => {
    filled().close();
    const siblings = () => readdirSync(root).filter((name) => name.startsWith(basename(path)));
    assert.deepEqual(siblings(), [basename(path)]);
    const again = new Archive(path);
    again.truncate(1);
    assert.equal(siblings().length, 3, 'archive, log and index while it is open');
    again.close();
    assert.deepEqual(siblings(), [basename(path)]);
  });

  it('loses nothing when it is closed while another reads it', () => {
    const archive = filled();
    const reader = new Archive(path, { readonly: true });
    assert.equal(reader.lastGeneration(), 3);
    archive.truncate(1);
    archive.close();
    assert.equal(reader.lastGeneration(), 1);
    reader.close();
    const again = new Archive(path);
    assert.equal(again.lastGeneration(), 1);
    again.recordGeneration(steps[2]!);
    again.close();
  });

  it('refuses files that are no archive of this version', () => {
    filled().close();
    const database = openDatabase(path);
    database.exec('PRAGMA user_version = 7');
    database.close();
    refuses(() => new Archive(path), /version 7/, /reads version 1/);

    const foreign = join(root, 'foreign.sqlite');
    const other = openDatabase(foreign);
    other.exec('CREATE TABLE cats (name)');
    other.close();
    refuses(() => new Archive(foreign), /not an archive of eznas/);

    const text = join(root, 'text.sqlite');
    writeFileSync(text, 'not a database at all, only text that is long enough to be taken for a header'.repeat(3));
    refuses(() => new Archive(text), /text\.sqlite/, /damaged or no SQLite file/);

    refuses(() => new Archive(join(root, 'absent.sqlite'), { readonly: true }), /absent\.sqlite/, /cannot be opened/);
    refuses(() => new Archive(join(root, 'no-folder', 'archive.sqlite')), /cannot be opened/);
    refuses(() => new Archive(root), /cannot be opened/);
  });
});
