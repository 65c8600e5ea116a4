import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EvolveForestResult } from '../../lib/discovery/grow-forest.ts';
import { EznasError } from '../../lib/errors.ts';
import type { Panel, Report } from '../../lib/report/report.ts';
import { reportOf } from '../../lib/report/write.ts';
import { makeForest } from './fixtures.ts';

function panel<Kind extends Panel['kind']>({ sections }: Report, kind: Kind): Extract<Panel, { kind: Kind }> {
  const found = sections.find(({ panel }) => panel.kind === kind);
  assert.ok(found, `no panel ${kind}`);
  return found.panel as Extract<Panel, { kind: Kind }>;
}

describe('report of a forest', () => {
  let root: string;
  let result: EvolveForestResult;
  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'eznas-forest-report-'));
    result = await makeForest(join(root, 'run'));
  });
  after(() => rmSync(root, { recursive: true }));

  it('has the forest, its judgement, growth, terms, front and times', () => {
    const report = reportOf(join(root, 'run'));
    assert.deepEqual(
      report.sections.map(({ panel }) => panel.kind),
      ['programs', 'correlations', 'table', 'programs', 'generations', 'pareto', 'times'],
    );
    const { text, fitness, tree } = panel(report, 'programs').programs[0]!;
    assert.equal(text, result.best.formula);
    assert.equal(fitness, result.best.fitness);
    const terms = report.sections[3]!.panel as Extract<Panel, { kind: 'programs' }>;
    assert.equal(terms.programs.length, tree.operands.length);
    assert.equal(`share_sum(${terms.programs.map(({ text }) => text).join(', ')})`, result.best.formula);
    assert.deepEqual(
      panel(report, 'table').rows.map(([, term, fitness]) => ({ term, fitness })),
      result.best.growth,
    );
    assert.deepEqual(
      panel(report, 'correlations').rows.map(({ name }) => name),
      ['the forest', 'eznas-a', 'params', 'flops'],
    );
  });

  it('tells every generation, with quartiles in order, and the best of the last as the growth has it', () => {
    const { rows } = panel(reportOf(join(root, 'run')), 'generations');
    // The initial programs and one generation for the first term, then one for each term looked for.
    assert.ok(rows.length === 2 || rows.length === 3);
    for (const { best, upper, median, lower, validity } of rows) {
      assert.ok(lower! <= median! && median! <= upper! && upper! <= best!);
      assert.ok(validity >= 0 && validity <= 1);
    }
    assert.equal(rows[1]!.best, result.best.growth[0]!.fitness);
    assert.ok(rows[0]!.best! <= rows[1]!.best!, 'every program met stays a candidate');
  });

  it('draws a front that no forest is above', () => {
    const { points, front } = panel(reportOf(join(root, 'run')), 'pareto');
    assert.ok(points.length > 3);
    for (const { size, fitness } of points) {
      assert.ok(front.some((other) => other.size <= size && other.fitness >= fitness));
    }
    for (const [at, { size, fitness }] of front.entries()) {
      if (at > 0) assert.ok(size > front[at - 1]!.size && fitness > front[at - 1]!.fitness);
    }
  });

  it('of a run that was stopped shows the terms so far', async () => {
    const folder = join(root, 'stopped');
    const controller = new AbortController();
    const stopped = makeForest(folder, {
      signal: controller.signal,
      onProgress: (progress) => {
        if (progress.stage === 'judge') controller.abort();
      },
    });
    await assert.rejects(stopped, { code: 'ABORTED' });
    const report = reportOf(folder);
    assert.match(report.lead, /not finished: [12] terms?, fitness \d/);
    assert.equal(report.sections[0]!.title, 'The forest so far');
    assert.ok(!report.sections.some(({ panel }) => panel.kind === 'correlations'));
  });

  it('needs a run that has looked for a term, and says so', () => {
    const folder = join(root, 'begun');
    mkdirSync(folder);
    writeFileSync(join(folder, 'config.json'), readFileSync(join(root, 'run/config.json')));
    const refuses = (message: RegExp) =>
      assert.throws(
        () => reportOf(folder),
        (error) => error instanceof EznasError && error.code === 'INVALID_RUN' && message.test(error.message),
      );
    refuses(/holds no growth\.json.*eznas grow --resume/);
    for (const text of ['half a', '[]', '[{"beside": 3}]']) {
      writeFileSync(join(folder, 'growth.json'), text);
      refuses(/growth\.json is damaged/);
    }
  });
});
