import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync, strFromU8 } from 'fflate';
import { AGREEMENTS } from '../../lib/correlation/index.ts';
import { EznasError } from '../../lib/errors.ts';
import { Archive } from '../../lib/evolution/archive.ts';
import { parseFormula } from '../../lib/formulas/parse.ts';
import { describeTensor } from '../../lib/programs/describe.ts';
import { evaluationReport } from '../../lib/report/evaluation-report.ts';
import { programCard, treeOf } from '../../lib/report/programs.ts';
import { renderReport } from '../../lib/report/render.ts';
import type { Panel, Report, TreeNode } from '../../lib/report/report.ts';
import { runReport } from '../../lib/report/run-report.ts';
import { reportOf } from '../../lib/report/write.ts';
import { parseTimes, printTime } from '../../lib/runs/times.ts';
import { evaluation, makeRun } from './fixtures.ts';

/** The report that a page holds. */
function inside(page: string): Report {
  const [, data] = /id="report">([^<]*)</.exec(page)!;
  return JSON.parse(strFromU8(inflateSync(Buffer.from(data!, 'base64')))) as Report;
}

function panel<Kind extends Panel['kind']>(report: Report, kind: Kind, place = 0): Extract<Panel, { kind: Kind }> {
  const panels = report.sections.map(({ panel }) => panel).filter((one) => one.kind === kind);
  assert.ok(panels[place], `no panel ${kind}`);
  return panels[place] as Extract<Panel, { kind: Kind }>;
}

const kinds = ({ sections }: Report) => sections.map(({ panel }) => panel.kind);

describe('report of an evaluation', () => {
  it('holds every score and accuracy, and null where a score is not finite', () => {
    const result = evaluation(50);
    const { networks } = inside(renderReport(evaluationReport(result)));
    assert.deepEqual(networks!.accuracies, result.networks!.accuracies);
    assert.deepEqual(networks!.scores['params'], result.networks!.scores['params']);
    assert.equal(networks!.scores['frobenius_norm(T3)']![1], null);
  });

  it('takes every estimate of a row for a measure, also those it does not know', () => {
    const result = evaluation(5);
    const rows = result.results.map((row) => ({ ...row, newTau: { value: 0.4, low: 0.3, high: 0.5 } }));
    const { measures, rows: drawn } = panel(evaluationReport({ ...result, results: rows }), 'correlations');
    assert.deepEqual(Object.keys(measures), [...AGREEMENTS, 'newTau']);
    assert.equal(measures['kendallTau'], 'Kendall τ-b');
    assert.deepEqual(drawn[0]!.measures['newTau'], { value: 0.4, low: 0.3, high: 0.5 });
    assert.deepEqual(drawn[1]!.measures['kendallTau'], { value: null, low: null, high: null });
  });

  it('without details has the correlations alone', () => {
    const { networks, stages, ...short } = evaluation(5);
    assert.deepEqual(kinds(evaluationReport(short)), ['correlations']);
  });

  it('is rebuilt from its JSON to the same page', () => {
    const folder = mkdtempSync(join(tmpdir(), 'eznas-report-'));
    try {
      const path = join(folder, 'result.json');
      writeFileSync(path, JSON.stringify(evaluation(20)));
      assert.equal(renderReport(reportOf(path)), renderReport(evaluationReport(evaluation(20))));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('cannot be broken out of by names', () => {
    const result = evaluation(3);
    const name = '</script><script>alert(1)</script>';
    const page = renderReport({ ...evaluationReport(result), title: name });
    assert.ok(!page.includes('<script>alert'));
    assert.equal(inside(page).title, name);
  });
});

describe('report of a search', () => {
  let root: string;
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'eznas-report-'));
  });
  after(() => rmSync(root, { recursive: true }));

  it('tells the generations as the archive has them', async () => {
    const folder = join(root, 'whole');
    await makeRun(folder);
    const report = runReport(folder);
    const { rows } = panel(report, 'generations');
    assert.deepEqual(
      rows.map(({ generation }) => generation),
      [0, 1, 2, 3, 4, 5, 6, 7, 8],
    );
    assert.equal(rows[0]!.best, null, 'the initial programs are not assessed');
    const archive = new Archive(join(folder, 'archive.sqlite'), { readonly: true });
    const fitness = archive.individuals(3).map(({ fitness }) => fitness!);
    archive.close();
    const sorted = fitness.toSorted((a, b) => a - b);
    assert.equal(rows[3]!.best, sorted.at(-1));
    assert.equal(rows[3]!.median, (sorted[14]! + sorted[15]!) / 2);
    for (const { lower, median, upper, best, validity, distinct, population } of rows.slice(1)) {
      assert.ok(lower! <= median! && median! <= upper! && upper! <= best!);
      assert.ok(validity > 0 && validity <= 1 && distinct >= 1 && distinct <= population);
    }
    assert.deepEqual(kinds(report), [
      'programs',
      'correlations',
      'generations',
      'pareto',
      'programs',
      'lineage',
      'times',
    ]);
  });

  it('draws a front that rises with size, and that no program is above', () => {
    const { points, front } = panel(runReport(join(root, 'whole')), 'pareto');
    for (const [at, { size, fitness }] of front.entries()) {
      if (at > 0) assert.ok(size > front[at - 1]!.size && fitness > front[at - 1]!.fitness);
    }
    for (const { size, fitness } of points) {
      assert.ok(front.some((other) => other.size <= size && other.fitness >= fitness));
    }
  });

  it('traces the winner to ancestors that came before their children', () => {
    const { nodes } = panel(runReport(join(root, 'whole')), 'lineage');
    const reached = new Set([0]);
    for (const { generation, parents, operation } of nodes) {
      for (const parent of parents) {
        reached.add(parent);
        assert.ok(nodes[parent]!.generation < generation);
      }
      if (operation === 'crossover' || operation === 'mutation') assert.ok(parents.length > 0);
    }
    assert.equal(reached.size, nodes.length, 'nothing but ancestors');
  });

  it('of one that was stopped says so, and shows what there is', async () => {
    const folder = join(root, 'stopped');
    await makeRun(folder, { finished: false });
    const report = runReport(folder);
    assert.match(report.lead, /not finished/);
    assert.ok(!kinds(report).includes('correlations'));
    assert.equal(report.sections[0]!.title, 'The best so far');
  });

  it('passes over a result of another shape, and a half-written line of times', async () => {
    const folder = join(root, 'odd');
    await makeRun(folder, { finished: false, generations: 2 });
    writeFileSync(join(folder, 'report.json'), '{"best": 0.3}');
    appendFileSync(join(folder, 'times.jsonl'), '{"stage": "judge", "sec');
    assert.match(runReport(folder).lead, /not finished/);
  });

  it('needs a run', () => {
    const empty = join(root, 'empty');
    mkdirSync(empty);
    const refuses = (path: string, code: string, message: RegExp) =>
      assert.throws(
        () => reportOf(path),
        (error) => error instanceof EznasError && error.code === code && message.test(error.message),
      );
    refuses(empty, 'INVALID_RUN', /holds no archive\.sqlite/);
    refuses(join(root, 'nowhere'), 'INVALID_FILE', /there is no/);
    const file = join(root, 'wrong.json');
    writeFileSync(file, '{"results": []}');
    refuses(file, 'INVALID_FILE', /protocol: .*eznas evaluate --details --out/);
    writeFileSync(file, 'not JSON');
    refuses(file, 'INVALID_FILE', /wrong\.json is not the JSON of eznas evaluate/);
    writeFileSync(join(empty, 'archive.sqlite'), 'no database');
    refuses(empty, 'INVALID_RUN', /damaged or no SQLite file/);
  });
});

describe('times of a run', () => {
  it('come back as they were written; of a generation made again, the last', () => {
    const text = [
      printTime({ stage: 'record', seconds: 1.5 }),
      printTime({ stage: 'generation', generation: 1, seconds: 9, evaluate: 8, save: 0.5 }),
      printTime({ stage: 'record', seconds: 2 }),
      printTime({ stage: 'generation', generation: 1, seconds: 3, evaluate: 2, save: 0.25 }),
      'half a li',
    ].join('');
    assert.deepEqual(
      parseTimes(text).toSorted((a, b) => a.seconds - b.seconds),
      [
        { stage: 'record', seconds: 1.5 },
        { stage: 'record', seconds: 2 },
        { stage: 'generation', generation: 1, seconds: 3, evaluate: 2, save: 0.25 },
      ],
    );
  });
});

describe('programs in a report', () => {
  it('become trees with the meaning of every node', () => {
    const tree = treeOf(parseFormula('add(exp(T3), T1GD)'));
    assert.deepEqual([tree.label, ...tree.operands.map(({ label }) => label)], ['add', 'exp', 'T1GD']);
    assert.match(tree.note, /^Sum/);
    assert.ok(tree.operands[1]!.leaf);
    assert.equal(describeTensor('T3'), "the convolution's weight");
    assert.equal(describeTensor('T1GN'), "gradient at the ReLU's input, in the pass over noise");
  });

  it('become trees also where they are forests, aggregators and numbers included', () => {
    const text = 'rank_sum(unit_max(mean(T4D)), neg(params), mul(2.5, unit_mean(T3)))';
    const { tree, size, latex } = programCard(text);
    const labels = ({ label, operands }: TreeNode): string[] => [label, ...operands.flatMap(labels)];
    const all = ['rank_sum', 'unit_max', 'mean', 'T4D', 'neg', 'params', 'mul', '2.5', 'unit_mean', 'T3'];
    assert.deepEqual(labels(tree), all);
    assert.equal(size, all.length);
    const notes = ({ note, operands }: TreeNode): string[] => [note, ...operands.flatMap(notes)];
    assert.ok(notes(tree).every((note) => note.length > 1));
    assert.match(latex, /^\\ln r\\left\(\\max_\{u\}/);
  });
});
