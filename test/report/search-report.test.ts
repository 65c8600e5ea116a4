import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EznasError } from '../../lib/errors.ts';
import type { Panel, Report } from '../../lib/report/report.ts';
import { searchReport } from '../../lib/report/search-report.ts';
import { reportOf } from '../../lib/report/write.ts';
import type { ArchitectureSearchResult } from '../../lib/search/result.ts';
import { searchArchitectures } from '../../lib/search/search-architectures.ts';
import { comparedSearch, frontSearch } from './fixtures.ts';

function panel<Kind extends Panel['kind']>({ sections }: Report, kind: Kind): Extract<Panel, { kind: Kind }> {
  const found = sections.find(({ panel }) => panel.kind === kind);
  assert.ok(found, `no panel ${kind}`);
  return found.panel as Extract<Panel, { kind: Kind }>;
}

const kinds = ({ sections }: Report) => sections.map(({ panel }) => panel.kind);

describe('report of an architecture search', () => {
  let compared: ArchitectureSearchResult;
  let front: ArchitectureSearchResult;
  let root: string;
  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'eznas-search-report-'));
    compared = await comparedSearch(join(root, 'run'));
    front = await frontSearch();
  });
  after(() => rmSync(root, { recursive: true }));

  it('has the networks, the courses, the searches at their end, training, and every network scored', () => {
    const report = searchReport(compared);
    assert.deepEqual(kinds(report), ['found', 'courses', 'searches', 'table', 'scatter', 'networks']);
    assert.match(report.lead, /aging by params found a network of \d+\.\d\d % true accuracy, \d\.\d\d below/);
    const { networks } = panel(report, 'found');
    assert.equal(networks.length, 10);
    assert.equal(networks[0]!.cells.length, 1);
    assert.equal(networks[0]!.figures['accuracy, %'], compared.best[0]!.accuracy);
    assert.equal(panel(report, 'table').rows.length, compared.trained!.networks.length);
    const facts = new Map(report.facts.map(({ label, value }) => [label, value]));
    assert.equal(facts.get('Search seed'), '0 to 2');
    assert.equal(facts.get('Algorithm'), 'aging');
  });

  it('lists every network that was scored, with the accuracy that the benchmark has', () => {
    const { networks } = searchReport(compared);
    assert.equal(networks!.architectures.length, compared.scored);
    assert.equal(new Set(networks!.architectures).size, compared.scored);
    const { index, accuracy, found } = compared.best[0]!;
    assert.equal(networks!.indices[found - 1], index);
    assert.equal(networks!.accuracies[found - 1], accuracy);
  });

  it('draws courses that end at the mean of the repeats, and best met never falls', () => {
    const { searches, optimum } = panel(searchReport(compared), 'courses');
    assert.deepEqual(
      searches.map(({ name, repeats }) => [name, repeats]),
      [
        ['aging:params', 3],
        ['random:oracle', 3],
      ],
    );
    for (const [at, { accuracy, highest }] of searches.entries()) {
      const summary = compared.comparison[at]!;
      assert.ok(Math.abs(accuracy.scored.at(-1)!.mean - summary.accuracy.mean) < 1e-4);
      assert.ok(Math.abs(highest.scored.at(-1)!.mean - summary.highest.mean) < 1e-4);
      for (const [place, { mean, low, high }] of highest.scored.entries()) {
        assert.ok(low <= mean && mean <= high && mean <= optimum!);
        if (place > 0) assert.ok(mean >= highest.scored[place - 1]!.mean);
      }
    }
    const { rows } = panel(searchReport(compared), 'searches');
    for (const { accuracy, regret } of rows)
      assert.ok(Math.abs(accuracy.mean! + regret.mean! - optimum!) < 1e-9, 'regret is what is missing');
  });

  it('of several objectives marks the networks that none dominates, and no other', () => {
    const report = searchReport(front);
    assert.deepEqual(kinds(report), ['found', 'courses', 'objectives', 'scatter', 'networks']);
    const { objectives, front: places } = panel(report, 'objectives');
    assert.deepEqual(
      objectives.map(({ name, better }) => [name, better]),
      [
        ['oracle', 'more'],
        ['params', 'less'],
      ],
    );
    const [accuracy, params] = objectives.map(({ values }) => values as number[]);
    const dominated = accuracy!.map((own, at) =>
      accuracy!.some(
        (other, place) =>
          other >= own && params![place]! <= params![at]! && (other > own || params![place]! < params![at]!),
      ),
    );
    assert.deepEqual(
      places.toSorted((a, b) => a - b),
      dominated.flatMap((one, at) => (one ? [] : [at])),
    );
    assert.deepEqual(Object.keys(report.networks!.scores), ['params'], 'the accuracy is no score of its own');
  });

  it('without a benchmark has no accuracies, and sorts by score', async () => {
    const result = await searchArchitectures({
      space: 'nats-size',
      proxies: ['params'],
      budget: 10,
      population: 4,
      algorithm: 'random',
      details: true,
    });
    const report = searchReport(result);
    assert.deepEqual(kinds(report), ['found', 'networks']);
    assert.ok(report.networks!.accuracies.every((accuracy) => accuracy === null));
    assert.deepEqual(report.networks!.indices, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 'numbered as they were scored');
  });

  it('of a benchmark that knows none of the networks has no courses', async () => {
    const result = await searchArchitectures({
      space: 'darts',
      proxies: ['params'],
      algorithm: 'random',
      budget: 3,
      details: true,
    });
    const report = searchReport(result);
    assert.deepEqual(kinds(report), ['found', 'networks']);
    assert.equal(panel(report, 'found').networks[0]!.cells.length, 2, 'normal and reduction cell');
    assert.match(report.lead, /^random by params found a network of [\d,]+ parameters, after scoring 3 networks/);
  });

  it('is drawn from its JSON and from its run folder as from the result', () => {
    const path = join(root, 'result.json');
    writeFileSync(path, JSON.stringify(compared));
    assert.deepEqual(reportOf(path), searchReport(compared));
    assert.deepEqual(reportOf(join(root, 'run')), searchReport(compared));
    const { networks, ...short } = compared;
    writeFileSync(path, JSON.stringify(short));
    assert.deepEqual(kinds(reportOf(path)), ['found', 'courses', 'searches', 'table']);
  });

  it('needs a run that ended, and JSON of a search', () => {
    const folder = join(root, 'stopped');
    mkdirSync(folder);
    writeFileSync(join(folder, 'config.json'), readFileSync(join(root, 'run/config.json')));
    const refuses = (path: string, code: string, message: RegExp) =>
      assert.throws(
        () => reportOf(path),
        (error) => error instanceof EznasError && error.code === code && message.test(error.message),
      );
    refuses(folder, 'INVALID_RUN', /has not ended.*eznas search --resume/);
    writeFileSync(join(folder, 'config.json'), '{"kind": ');
    refuses(folder, 'INVALID_RUN', /config\.json is damaged/);
    const path = join(root, 'wrong.json');
    writeFileSync(path, '{"best": []}');
    refuses(path, 'INVALID_FILE', /protocol/);
  });
});
