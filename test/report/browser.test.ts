import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { evaluationReport } from '../../lib/report/evaluation-report.ts';
import { renderReport } from '../../lib/report/render.ts';
import { searchReport } from '../../lib/report/search-report.ts';
import { writeRunReport } from '../../lib/report/write.ts';
import { comparedSearch, evaluation, frontSearch, makeForest, makeRun } from './fixtures.ts';

/** Where Debian, Fedora and others put it; EZNAS_CHROMIUM names another. */
const CHROMIUM = [
  process.env['EZNAS_CHROMIUM'] ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== '' && existsSync(path));

const ALL = 15_625;

/** Run in the page. */
const BACKGROUND = 'getComputedStyle(document.body).backgroundColor';

/** Run in the page: pixels of the first canvas that are not clear. */
const PAINTED = `{
  const canvas = document.querySelector('canvas');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  data.filter((value, at) => at % 4 === 3 && value > 0).length;
}`;

describe('reports in a browser', function () {
  this.timeout(120_000);
  let browser: Browser;
  let folder: string;
  let page: Page;
  /** What a page must never do: say something on the console, fail, or ask for anything but itself. */
  let complaints: string[];

  before(async function () {
    if (CHROMIUM === undefined) {
      console.log('      no Chromium is installed (on Debian: apt-get install chromium): reports are not looked at');
      this.skip();
    }
    folder = mkdtempSync(join(tmpdir(), 'eznas-page-'));
    writeFileSync(join(folder, 'small.html'), renderReport(evaluationReport(evaluation(300))));
    writeFileSync(join(folder, 'all.html'), renderReport(evaluationReport(evaluation(ALL))));
    writeFileSync(join(folder, 'search.html'), renderReport(searchReport(await comparedSearch())));
    writeFileSync(join(folder, 'front.html'), renderReport(searchReport(await frontSearch())));
    await makeForest(join(folder, 'forest'));
    writeRunReport(join(folder, 'forest'));
    await makeRun(join(folder, 'run'));
    writeRunReport(join(folder, 'run'));
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });

  after(async () => {
    await browser?.close();
    if (folder) rmSync(folder, { recursive: true });
  });

  async function open(name: string, colorScheme: 'light' | 'dark' = 'light'): Promise<void> {
    page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme });
    complaints = [];
    const own = pathToFileURL(join(folder, name)).href;
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      if (request.url() !== own && !/^(data|blob):/.test(request.url())) complaints.push(request.url());
    });
    await page.goto(own);
    await page.waitForSelector('html[data-ready]', { timeout: 60_000 });
    // Figures draw when they know their width.
    await page.waitForSelector('figure svg');
  }

  afterEach(async () => {
    if (!page) return;
    await page.close();
    assert.deepEqual(complaints, []);
  });

  /** Points at the first dot that is met on the way over a plot; returns the card's text. */
  async function pointAtDot(): Promise<string> {
    const canvas = page.locator('canvas').first();
    await canvas.scrollIntoViewIfNeeded();
    const box = (await canvas.boundingBox())!;
    for (let share = 0.2; share < 1; share += 0.02) {
      await page.mouse.move(box.x + share * box.width, box.y + (1 - share) * box.height);
      if ((await page.locator('.tip:not([hidden])').count()) > 0) return page.locator('.tip').innerText();
    }
    return assert.fail('no dot was met');
  }

  /** Waits until nothing is wider than the page; by asking again, since the page's policy forbids what waitForFunction does. */
  async function untilNarrow(): Promise<void> {
    while (!(await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth'))) {
      await page.waitForTimeout(20);
    }
  }

  it('pointing at a dot shows the architecture and its cell, and rings it in every plot', async () => {
    await open('small.html');
    const card = await pointAtDot();
    const { networks } = evaluationReport(evaluation(300));
    const index = Number(/Network (\d+)/.exec(card)![1]);
    assert.ok(card.includes(networks!.architectures[index]!));
    assert.ok(card.includes(`${networks!.accuracies[index]!.toFixed(2)} %`));
    const edges = networks!.architectures[index]!.split('|').filter(
      (edge) => /~/.test(edge) && !edge.startsWith('none'),
    );
    assert.equal(await page.locator('.tip svg.cell .head').count(), edges.length);
    const rings = await page.locator('.ring[visibility=visible]').count();
    assert.equal(rings, index === 1 ? 2 : 3);
    await page.mouse.move(0, 0);
    assert.equal(await page.locator('.tip:not([hidden])').count(), 0);
  });

  it('sorts by a column, both ways, with what has no value last', async () => {
    await open('small.html');
    const table = page.locator('.panel-networks table');
    const column = async (at: number) => table.locator(`tbody tr > :nth-child(${at})`).allInnerTexts();
    const accuracies = evaluation(300).networks!.accuracies.toSorted((a, b) => b - a);
    assert.deepEqual(
      await column(3),
      accuracies.slice(0, 25).map((accuracy) => accuracy.toFixed(2)),
      'by accuracy at first',
    );
    const head = table.locator('th', { hasText: 'accuracy' });
    await head.locator('button').click();
    assert.equal(await head.getAttribute('aria-sort'), 'ascending');
    assert.deepEqual(
      await column(3),
      accuracies
        .toReversed()
        .slice(0, 25)
        .map((accuracy) => accuracy.toFixed(2)),
    );
    await table.locator('th', { hasText: 'frobenius' }).locator('button').click();
    for (let at = 0; at < 11; at++) await page.locator('.panel-networks .pager button').last().click();
    assert.equal((await column(1)).at(-1), '1', 'the network without a score');
  });

  it('filters by text, number and accuracy, and the plots follow', async () => {
    await open('small.html');
    const status = page.locator('.panel-networks [role=status]');
    assert.equal(await status.innerText(), '1 to 25 of 300');
    const { architectures, accuracies } = evaluation(300).networks!;
    await page.fill('#filter-text', 'conv_3x3~2');
    const matching = architectures.filter((text) => text.includes('conv_3x3~2')).length;
    assert.ok((await status.innerText()).endsWith(`of ${matching} (of 300)`), await status.innerText());
    await page.fill('#filter-least', '80');
    const both = architectures.filter((text, at) => text.includes('conv_3x3~2') && accuracies[at]! >= 80).length;
    assert.ok((await status.innerText()).includes(`of ${both} `), await status.innerText());
    await page.fill('#filter-text', 'nothing is like this');
    assert.equal(await status.innerText(), 'none (of 300)');
    await page.fill('#filter-least', '');
    await page.fill('#filter-text', '42');
    assert.equal(await page.locator('.panel-networks tbody th').innerText(), '42');
    await page.fill('#filter-text', '');
    assert.equal(await status.innerText(), '1 to 25 of 300');
  });

  it(`draws all ${ALL} networks on canvases, with few elements`, async () => {
    await open('all.html');
    // Plots are drawn one after the other.
    await page.locator('canvas').nth(2).waitFor();
    assert.deepEqual(
      await page.locator('canvas').evaluateAll((canvases) => canvases.map((one) => one.getAttribute('data-dots'))),
      [String(ALL), String(ALL), String(ALL - 1)],
    );
    const painted = await page.evaluate<number>(PAINTED);
    assert.ok(painted > 10_000, `${painted} pixels`);
    const elements = await page.locator('*').count();
    assert.ok(elements < 2500, `${elements} elements`);
    await pointAtDot();
  });

  it('has two colour schemes, that follow the system or the choice', async () => {
    const background = () => page.evaluate<string>(BACKGROUND);
    const lightness = async () => Number(/\d+/.exec(await background())![0]);
    await open('small.html', 'dark');
    assert.ok((await lightness()) < 60);
    await page.getByRole('button', { name: 'Light' }).click();
    assert.ok((await lightness()) > 200);
    await page.emulateMedia({ colorScheme: 'light' });
    await page.getByRole('button', { name: 'Dark' }).click();
    assert.ok((await lightness()) < 60);
    await page.getByRole('button', { name: 'Auto' }).click();
    assert.ok((await lightness()) > 200);
  });

  it('prints on white without its controls', async () => {
    await open('small.html', 'dark');
    await page.emulateMedia({ media: 'print' });
    assert.equal(await page.evaluate<string>(BACKGROUND), 'rgb(255, 255, 255)');
    for (const selector of ['.controls', '.exports', 'nav', '.segments']) {
      assert.equal(await page.locator(selector).first().isVisible(), false, selector);
    }
    const pdf = await page.pdf({ format: 'A4' });
    assert.equal(pdf.subarray(0, 5).toString(), '%PDF-');
  });

  it('exports figures as SVG and PNG, dots and colours included', async () => {
    await open('small.html');
    const figure = page.locator('.panel-scatter figure').first();
    const save = async (name: string) => {
      await figure.hover();
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        figure.getByRole('button', { name, exact: true }).click(),
      ]);
      return { name: file.suggestedFilename(), data: readFileSync(await file.path()) };
    };
    const svg = await save('SVG');
    assert.equal(svg.name, 'score-params.svg');
    const text = svg.data.toString();
    assert.equal(text.match(/h0/g)!.length, 300, 'a stroke for each network');
    assert.ok(!text.includes('var(--'), 'no colour that the page alone knows');
    const png = await save('PNG');
    assert.deepEqual([...png.data.subarray(1, 4)], [...Buffer.from('PNG')]);
  });

  it('shows a search: formulas, trees, lineage, front and times', async () => {
    await open('run/report.html');
    assert.ok((await page.locator('.panel-programs math').count()) > 0);
    assert.equal(await page.locator('.formula .temml-error').count(), 0);
    assert.ok((await page.locator('.panel-programs svg.tree .leaf').count()) > 0);
    assert.ok((await page.locator('.panel-lineage figure svg.lineage > g').count()) > 0);
    assert.equal(await page.locator('.panel-pareto canvas').count(), 1);
    assert.ok((await page.locator('.panel-times svg').count()) > 0);
    assert.ok((await page.locator('.panel-generations svg path').count()) > 0);
  });

  it('shows a forest: formulas without errors, trees, growth, front and times', async () => {
    await open('forest/report.html');
    assert.ok((await page.locator('.panel-programs math').count()) >= 2);
    assert.equal(await page.locator('.formula .temml-error').count(), 0);
    assert.ok((await page.locator('.panel-programs svg.tree').first().textContent())!.includes('share_sum'));
    assert.ok((await page.locator('.panel-table tbody tr').count()) > 0);
    for (const kind of ['correlations', 'generations', 'pareto', 'times']) {
      assert.ok((await page.locator(`.panel-${kind} figure svg`).count()) > 0, kind);
    }
  });

  it('shows an architecture search: cells, courses by networks or seconds, searches, training', async () => {
    await open('search.html');
    assert.equal(await page.locator('.panel-found svg.cell').count(), 10);
    const courses = page.locator('.panel-courses');
    assert.deepEqual(
      (await courses.locator('.legend').innerText()).split('\n').map((text) => text.trim()),
      ['aging:params, 3 repeats', 'random:oracle, 3 repeats'],
    );
    const line = () => courses.locator('g[aria-label=line] path').first().getAttribute('d');
    const byNetworks = await line();
    await courses.getByRole('button', { name: 'Seconds of measuring' }).click();
    assert.notEqual(await line(), byNetworks);
    await courses.getByRole('button', { name: 'Networks scored' }).click();
    assert.equal(await line(), byNetworks);
    await courses.getByRole('button', { name: 'Best met' }).click();
    assert.notEqual(await line(), byNetworks);
    await courses.locator('.stage').scrollIntoViewIfNeeded();
    const box = (await courses.locator('.stage').boundingBox())!;
    const tip = courses.locator('g[aria-label=tip] text');
    for (let share = 0.05; share < 1 && (await tip.count()) === 0; share += 0.02) {
      await page.mouse.move(box.x + box.width * 0.8, box.y + box.height * share);
    }
    assert.match((await tip.first().textContent())!, /(aging:params|random:oracle).*networks: \d+\.\d\d ± /);
    assert.equal(await page.locator('.panel-searches g[aria-label=dot] circle').count(), 6);
    const head = page.locator('.panel-searches th', { hasText: 'regret' });
    await head.locator('button').click();
    assert.equal(await head.getAttribute('aria-sort'), 'descending');
    assert.equal(await page.locator('.panel-table tbody tr').count(), 3);
  });

  it('shows several objectives, with the networks that none dominates standing out', async () => {
    await open('front.html', 'dark');
    assert.equal(await page.locator('.panel-objectives canvas').getAttribute('data-dots'), '80');
    const card = await pointAtDot();
    assert.match(card, /Network \d+\naccuracy/);
    await page.setViewportSize({ width: 390, height: 800 });
    await untilNarrow();
  });

  it('fits a telephone: nothing is wider than the page but what scrolls', async () => {
    await open('run/report.html');
    await page.setViewportSize({ width: 390, height: 800 });
    await untilNarrow();
  });

  it('names what a reader who cannot see needs', async () => {
    await open('small.html');
    assert.equal(await page.locator('table:not(:has(caption))').count(), 0);
    assert.equal(await page.locator('[role=img]:not([aria-label])').count(), 0);
    assert.equal(await page.locator('tbody tr:not(:has(th[scope=row]))').count(), 0);
    assert.equal(await page.locator('input:not([id])').count(), 0);
    assert.equal(await page.locator('html[lang=en] h1').count(), 1);
  });
});
