import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EznasError } from '../../lib/errors.ts';
import { Assessor } from '../../lib/evolution/assessment.ts';
import { evolve } from '../../lib/evolution/evolve.ts';
import { RunFolder } from '../../lib/evolution/run-folder.ts';
import { generations, type SearchProblem } from '../../lib/evolution/search.ts';
import type { RunConfig } from '../../lib/runs/folder.ts';
import { dump } from './fixtures/dump.ts';
import { fakeProblem } from './fixtures/fake-search.ts';

const SMALL = { population: 6, kept: 3, generations: 4, networksPerTask: 4 };

function refuses(work: () => unknown, ...patterns: RegExp[]): void {
  assert.throws(work, (error) => {
    assert.ok(error instanceof EznasError && error.code === 'INVALID_RUN', String(error));
    for (const pattern of patterns) assert.match(error.message, pattern);
    return true;
  });
}

describe('run folder', () => {
  let root: string;
  let folder: string;
  let count = 0;
  const config: RunConfig = { search: fakeProblem(SMALL).config, space: 'fake', note: undefined };

  before(() => {
    root = mkdtempSync(join(tmpdir(), 'eznas-run-'));
  });

  beforeEach(() => {
    folder = join(root, `run-${count++}`);
  });

  after(() => rmSync(root, { recursive: true }));

  /** Runs generations up to one, as if the process had ended there. */
  async function runUntil(problem: SearchProblem, last: number): Promise<void> {
    using run = existsSync(folder) ? RunFolder.resume(folder) : RunFolder.create(folder, config);
    run.begin(problem.tasks);
    const assessor = new Assessor(problem.evaluator, problem.config, run.archive.evaluationsByGeneration());
    for await (const generation of generations(problem, assessor, run.state)) {
      run.save(generation);
      if (generation.state.generation === last) break;
    }
  }

  async function finish(problem: SearchProblem) {
    using run = existsSync(folder) ? RunFolder.resume(folder) : RunFolder.create(folder, config);
    const result = await evolve(problem, { run });
    run.saveReport({ best: result.best.fitness });
    return result;
  }

  it('holds configuration, archive, checkpoint, report and lock', async () => {
    await finish(fakeProblem(SMALL));
    assert.deepEqual(readdirSync(folder).sort(), [
      'archive.sqlite',
      'checkpoint.json',
      'config.json',
      'lock',
      'report.json',
      'times.jsonl',
    ]);
    const { format, version, config: stored } = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
    assert.equal(format, 1);
    assert.equal(version, JSON.parse(readFileSync('package.json', 'utf8')).version);
    assert.deepEqual(stored, JSON.parse(JSON.stringify(config)));
  });

  it('is made with the folders above it', () => {
    folder = join(folder, 'deeply', 'nested');
    RunFolder.create(folder, config).close();
    assert.ok(existsSync(join(folder, 'config.json')));
  });

  it('gives the same result, and the same rows, resumed after any generation', async () => {
    const problem = fakeProblem(SMALL);
    const expected = await finish(problem);
    assert.deepEqual((await evolve(problem)).finalists, expected.finalists);
    const rows = dump(join(folder, 'archive.sqlite'));
    for (let last = 0; last <= 4; last++) {
      folder = join(root, `resumed-${last}`);
      await runUntil(problem, last);
      assert.deepEqual(await finish(problem), expected);
      assert.deepEqual(dump(join(folder, 'archive.sqlite')), rows);
    }
  });

  it('gives the same result again when a complete run is resumed', async () => {
    const problem = fakeProblem(SMALL);
    const expected = await finish(problem);
    const rows = dump(join(folder, 'archive.sqlite'));
    assert.deepEqual(await finish(problem), expected);
    assert.deepEqual(dump(join(folder, 'archive.sqlite')), rows);
  });

  it('forgets a generation that reached the archive but no checkpoint', async () => {
    const problem = fakeProblem(SMALL);
    const expected = await finish(problem);
    const rows = dump(join(folder, 'archive.sqlite'));
    for (const last of [0, 2]) {
      folder = join(root, `ahead-${last}`);
      await runUntil(problem, last);
      const checkpoint = readFileSync(join(folder, 'checkpoint.json'));
      await runUntil(problem, last + 1);
      writeFileSync(join(folder, 'checkpoint.json'), checkpoint);
      writeFileSync(join(folder, 'checkpoint.json.tmp'), '{"generation":');
      assert.deepEqual(await finish(problem), expected);
      assert.deepEqual(dump(join(folder, 'archive.sqlite')), rows);
    }
  });

  it('begins anew when it was killed before its first checkpoint', async () => {
    const problem = fakeProblem(SMALL);
    const expected = await finish(problem);
    folder = join(root, 'no-checkpoint');
    await runUntil(problem, 0);
    rmSync(join(folder, 'checkpoint.json'));
    assert.deepEqual(await finish(problem), expected);

    folder = join(root, 'no-archive');
    RunFolder.create(folder, config).close();
    rmSync(join(folder, 'archive.sqlite'));
    assert.deepEqual(await finish(problem), expected);

    // What a process leaves that is killed before it wrote the configuration.
    folder = join(root, 'no-config');
    mkdirSync(folder);
    writeFileSync(join(folder, 'lock'), '');
    writeFileSync(join(folder, 'config.json.tmp'), '{"form');
    RunFolder.resume(folder, config).close();
    assert.deepEqual(await finish(problem), expected);
  });

  it('refuses to begin where there is something already', async () => {
    RunFolder.create(folder, config).close();
    refuses(() => RunFolder.create(folder, config), /already holds a run/, /resume it/);
    const other = join(root, 'not-a-run');
    mkdirSync(other);
    writeFileSync(join(other, 'thesis.tex'), 'precious');
    refuses(() => RunFolder.create(other, config), /not empty/, /thesis\.tex/);
    assert.deepEqual(readdirSync(other), ['thesis.tex']);
  });

  it('refuses to resume where there is no run', () => {
    refuses(() => RunFolder.resume(folder), /no config\.json/, /start a new/);
    refuses(() => RunFolder.resume(folder, config), /no config\.json/);
    mkdirSync(folder);
    refuses(() => RunFolder.resume(folder), /no config\.json/);
    writeFileSync(join(folder, 'thesis.tex'), 'precious');
    refuses(() => RunFolder.resume(folder, config), /no config\.json/);
    assert.deepEqual(readdirSync(folder), ['thesis.tex']);
  });

  it('refuses a place that cannot be written', () => {
    const file = join(root, 'a-file');
    writeFileSync(file, '');
    for (const place of [file, join(file, 'below'), '/proc/eznas', '/dev/null/run']) {
      refuses(() => RunFolder.create(place, config), /run folder/, /read and written/);
    }
    refuses(() => RunFolder.resume(file), /a-file/);
  });

  it('refuses another configuration, naming what differs', () => {
    RunFolder.create(folder, config).close();
    refuses(
      () => RunFolder.resume(folder, { ...config, space: 'other', extra: 1 }),
      /another configuration/,
      /space \(the run's "fake", now "other"\)/,
      /extra \(the run's undefined, now 1\)/,
    );
    RunFolder.resume(folder, { ...config }).close();
  });

  it('refuses other evolution tasks, naming the one', async () => {
    await runUntil(fakeProblem(SMALL), 1);
    const problem = fakeProblem(SMALL);
    const [first, ...others] = problem.tasks;
    const changed = {
      ...problem,
      tasks: [{ ...first!, indices: first!.indices.map((index) => index + 1) }, ...others],
    };
    using run = RunFolder.resume(folder);
    refuses(() => run.begin(changed.tasks), /fake\/data\/0/, /not those the run began with/);
    refuses(() => run.begin(others), /their number/);
    run.begin(problem.tasks);
  });

  it('refuses another version of eznas, and of the layout', async () => {
    RunFolder.create(folder, config).close();
    const path = join(folder, 'config.json');
    const document = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...document, version: '9.9.9' }));
    refuses(() => RunFolder.resume(folder), /9\.9\.9/, /resume it with eznas 9\.9\.9/);
    writeFileSync(path, JSON.stringify({ format: 2, version: '9.9.9', settings: {} }));
    refuses(() => RunFolder.resume(folder), /run format 2/, /uses format 1/);
  });

  it('refuses damaged files, naming the file and saying why', async () => {
    await runUntil(fakeProblem(SMALL), 2);
    const sound = join(root, 'sound');
    cpSync(folder, sound, { recursive: true });
    const damage = (name: string, text: string | undefined, ...patterns: RegExp[]) => {
      rmSync(folder, { recursive: true });
      cpSync(sound, folder, { recursive: true });
      if (text === undefined) rmSync(join(folder, name));
      else writeFileSync(join(folder, name), text);
      refuses(() => RunFolder.resume(folder), ...patterns, /restore|start a new run/);
    };
    const checkpoint = readFileSync(join(folder, 'checkpoint.json'), 'utf8');
    const changed = (change: (value: Record<string, unknown>) => void): string => {
      const value = JSON.parse(checkpoint);
      change(value);
      return JSON.stringify(value);
    };
    damage('config.json', '', /config\.json is damaged/);
    damage('config.json', '{"format": 1}', /config\.json is damaged \(version/);
    damage('config.json', 'null', /config\.json is damaged/);
    damage('checkpoint.json', '', /checkpoint\.json is damaged/);
    damage('checkpoint.json', checkpoint.slice(0, 100), /checkpoint\.json is damaged/);
    damage('checkpoint.json', '[]', /checkpoint\.json is damaged/);
    damage(
      'checkpoint.json',
      changed((value) => delete value['random']),
      /random/,
    );
    damage(
      'checkpoint.json',
      changed((value) => (value['parents'] = ['frob(T1D)'])),
      /parents\.0.*frob/,
    );
    damage(
      'checkpoint.json',
      changed((value) => (value['parents'] = [])),
      /parents/,
    );
    damage(
      'checkpoint.json',
      changed((value) => (value['generation'] = 3)),
      /generation 3, but its archive ends with 2/,
    );
    damage('archive.sqlite', undefined, /checkpoint\.json but no archive\.sqlite/);
    damage('archive.sqlite', 'no database, '.repeat(100), /archive\.sqlite.*(NOTADB|not a database)/);
    damage('archive.sqlite', '', /its archive ends with none/);
    RunFolder.resume(sound).close();
  });

  it('is held by one user at a time, and free again after', () => {
    const first = RunFolder.create(folder, config);
    refuses(() => RunFolder.resume(folder), /in use by another process/, /wait/);
    refuses(() => RunFolder.create(folder, config), /already holds a run/);
    first.close();
    const second = RunFolder.resume(folder);
    refuses(() => RunFolder.resume(folder), /in use/);
    second.close();
    RunFolder.resume(folder).close();
  });

  it('is held against other processes, until they end however they end', async () => {
    RunFolder.create(folder, config).close();
    const module = new URL('../../lib/evolution/run-folder.ts', import.meta.url).href;
    const hold = `const { RunFolder } = await import('${module}'); const run = RunFolder.resume('${folder}'); console.log('held'); setInterval(() => run, 1000);`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', hold]);
    const exit = once(child, 'exit');
    await once(child.stdout, 'data');
    refuses(() => RunFolder.resume(folder), /in use by another process/);
    child.kill('SIGKILL');
    await exit;
    RunFolder.resume(folder).close();
  });

  it('gives the lock back when opening fails', () => {
    RunFolder.create(folder, config).close();
    refuses(() => RunFolder.resume(folder, { other: true }), /another configuration/);
    RunFolder.resume(folder, config).close();
  });
});
