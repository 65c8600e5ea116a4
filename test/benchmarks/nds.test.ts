import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readJsonElements } from '../../lib/benchmarks/json-elements.ts';
import { ndsSpaceOf, readNdsBenchmark } from '../../lib/benchmarks/nds.ts';
import { openBenchmark } from '../../lib/benchmarks/registry.ts';
import { findTask, taskName } from '../../lib/discovery/tasks.ts';
import { evaluateProxies } from '../../lib/evaluation/evaluate.ts';
import { params } from '../../lib/graph/counts.ts';
import { darts } from '../../lib/spaces/darts.ts';
import { findSpace } from '../../lib/spaces/registry.ts';

/** Files in the published format: test/oracle/nds_files.py. */
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/nds/${name}`, import.meta.url));
const DARTS = fixture('DARTS.json');
const NASNET = fixture('NASNet_in.json');

interface Published {
  readonly params: number;
  readonly test_ep_top1: number[];
}
const published = (path: string) => JSON.parse(readFileSync(path, 'utf8').replace(/NaN|Infinity/g, 'null'));

describe('accuracies in a file of NDS', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'eznas-nds-'));
  });
  after(() => rmSync(folder, { recursive: true }));
  const file = (content: string | Buffer, name = 'DARTS.json'): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };

  it('are those after the last epoch, of networks with the published number of parameters', () => {
    const benchmark = readNdsBenchmark(DARTS);
    const entries: Published[] = published(DARTS);
    assert.deepEqual([benchmark.name, benchmark.space.name, benchmark.size], [DARTS, 'nds-darts', 3]);
    assert.deepEqual([benchmark.epochs, benchmark.split], [[3], 'test']);
    for (const [index, { params: count, test_ep_top1: errors }] of entries.entries()) {
      const architecture = benchmark.architecture(index);
      assert.equal(benchmark.accuracy(index, 'cifar10'), 100 - errors.at(-1)!);
      assert.equal(params(benchmark.space.build(architecture)), count);
      assert.equal(benchmark.index(architecture), index);
    }
    assert.throws(() => benchmark.accuracy(0, 'imagenet'), { code: 'INVALID_ARGUMENT' });
    assert.throws(() => benchmark.accuracy(0, 'cifar10', 100), { code: 'INVALID_ARGUMENT' });
    assert.throws(() => benchmark.architecture(3), { code: 'INVALID_ARCHITECTURE' });
  });

  it('come in two lists for ImageNet, the top one first whatever their order', () => {
    const benchmark = readNdsBenchmark(NASNET);
    const { top, mid }: Record<'top' | 'mid', Published[]> = published(NASNET);
    assert.deepEqual([benchmark.space.name, benchmark.size], ['nds-nasnet-in', 4]);
    for (const [index, { params: count, test_ep_top1: errors }] of [...top, ...mid].entries()) {
      assert.equal(benchmark.accuracy(index, 'imagenet'), 100 - errors.at(-1)!);
      assert.equal(params(benchmark.space.build(benchmark.architecture(index))), count);
    }
  });

  it('tell their space by their name, or are told', () => {
    const names = ['DARTS.json', 'darts_fix-w-d.json', 'x/Amoeba_in.json', 'DARTS_lr-wd_in.json', 'PNAS_fix-w-d.json'];
    const spaces = ['nds-darts', 'nds-darts-fix', 'nds-amoeba-in', 'nds-darts-in', 'nds-pnas-fix'];
    assert.deepEqual(names.map(ndsSpaceOf), spaces);
    assert.deepEqual(['ResNet.json', 'DARTS.csv', 'mine.json'].map(ndsSpaceOf), [undefined, undefined, undefined]);
    const mine = file(readFileSync(DARTS), 'mine.json');
    assert.throws(() => readNdsBenchmark(mine), { code: 'INVALID_ARGUMENT', message: /its name does not tell/ });
    assert.equal(readNdsBenchmark(mine, { space: findSpace('nds-darts') }).size, 3);
    const wrong = { code: 'INVALID_ARGUMENT', message: /by its name it has networks of nds-darts, not of nds-enas/ };
    assert.throws(() => readNdsBenchmark(DARTS, { space: findSpace('nds-enas') }), wrong);
    const foreign = { code: 'INVALID_ARGUMENT', message: /not of the space darts/ };
    assert.throws(() => readNdsBenchmark(DARTS, { space: darts as never }), foreign);
  });

  it('are found by the path, also as a task', async () => {
    const { protocol, results } = await evaluateProxies({ benchmark: DARTS, proxies: ['params'] });
    assert.deepEqual([protocol.benchmark, protocol.space, results[0]!.networks], [DARTS, 'nds-darts', 3]);
    assert.equal(taskName(findTask(DARTS, [])), `${DARTS}:cifar10`);
    assert.equal(findTask(`${DARTS}:cifar10`, []).benchmark.size, 3);
    assert.throws(() => openBenchmark('nds-darts'), { code: 'INVALID_ARGUMENT', message: /give the path of a file/ });
  });

  it('may be of the same architecture twice: its number is the first', () => {
    const [first] = published(DARTS);
    const benchmark = readNdsBenchmark(file(JSON.stringify([first, { ...first, test_ep_top1: [50] }])));
    assert.equal(benchmark.index(benchmark.architecture(1)), 0);
    assert.equal(benchmark.accuracy(1, 'cifar10'), 50);
  });

  it('are refused where something is wrong, naming the entry', () => {
    const [first] = published(DARTS);
    const changed = (net: object) => JSON.stringify([first, { ...first, net: { ...first.net, ...net } }]);
    const cells = first.net.genotype;
    const refused: [content: string, problem: RegExp][] = [
      ['', /is no JSON list/],
      ['[]', /has 0 networks; at least two/],
      [JSON.stringify([first]), /has 1 networks/],
      ['architecture,cifar10\n', /is no JSON list/],
      ['{"a": 1}', /is no JSON list/],
      ['[1, 2]', /is no JSON list/],
      ['}', /closes a bracket/],
      [JSON.stringify([first, first]).slice(0, -1), /ends in the middle/],
      [JSON.stringify([first, first]).slice(0, -100), /ends in the middle/],
      [JSON.stringify([first, first]).replace('"width":', '"width";'), /object 0 is no JSON/],
      [JSON.stringify({ best: [first, first] }), /has a list "best"; top and mid are known/],
      [JSON.stringify([first, {}]), /entry 1 is wrong at net/],
      [JSON.stringify([{ net: { ds: [1, 1], block_type: 'res_basic_block' } }]), /networks without cells/],
      [JSON.stringify([first, { ...first, test_ep_top1: [] }]), /entry 1 is wrong at test_ep_top1/],
      [JSON.stringify([first, { ...first, test_ep_top1: [5, null] }]), /the last epoch/],
      [JSON.stringify([first, { ...first, test_ep_top1: [101] }]), /entry 1 is wrong at test_ep_top1.0/],
      [changed({ width: '16' }), /entry 1 is wrong at net.width/],
      [changed({ width: 0 }), /entry 1: .*width must be an integer from 1/],
      [changed({ depth: 1e6 }), /entry 1: .*depth must be an integer from 1/],
      [
        changed({ genotype: { ...cells, normal: [['conv_1x1', 0], ...cells.normal.slice(1)] } }),
        /conv_1x1 is no operation/,
      ],
      [changed({ genotype: { ...cells, normal: [['skip_connect', 2], ...cells.normal.slice(1)] } }), /states 0 to 1/],
      [
        changed({ genotype: { ...cells, reduce: cells.reduce.slice(0, -2), reduce_concat: [2] } }),
        /reduce: 8 edges are needed/,
      ],
      [changed({ genotype: { ...cells, normal_concat: [7] } }), /different states from 0 to 5/],
    ];
    for (const [content, message] of refused) {
      assert.throws(() => readNdsBenchmark(file(content)), { name: 'EznasError', code: 'INVALID_FILE', message });
    }
    const missing = { code: 'INVALID_FILE', message: /ENOENT/ };
    assert.throws(() => readNdsBenchmark(join(folder, 'none', 'DARTS.json')), missing);
    mkdirSync(join(folder, 'PNAS.json'));
    assert.throws(() => readNdsBenchmark(join(folder, 'PNAS.json')), { code: 'INVALID_FILE', message: /EISDIR/ });
    assert.throws(() => readNdsBenchmark(file(Buffer.alloc(1e6, '"['))), { code: 'INVALID_FILE' });
  });
});

describe('the objects of a JSON file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'eznas-json-'));
  after(() => rmSync(folder, { recursive: true }));

  it('are the same wherever the file is cut, whatever stands in strings, with null where Python has no number', () => {
    // Longer than what is read at a time, so that objects lie across two pieces.
    const objects = Array.from({ length: 300 }, (_, index) => ({
      index,
      text: `"[{]}\\ NaN, "é${'x'.repeat((index * 7919) % 40_000)}`,
      nested: { list: [{ a: [] }, -1.5e-7, true] },
      none: null,
    }));
    const path = join(folder, 'long.json');
    const python = JSON.stringify({ top: objects.slice(0, 200), mid: objects.slice(200) }, undefined, 1);
    writeFileSync(
      path,
      python.replaceAll('"none": null', '"none": -Infinity').replace('"none": -Infinity', '"none": NaN'),
    );
    const seen: [number, number][] = [];
    const read = [...readJsonElements(path, (done, total) => seen.push([done, total]))];
    assert.deepEqual(
      read.map(({ value }) => value),
      objects,
    );
    assert.deepEqual(
      read.map(({ list }) => list),
      objects.map(({ index }) => (index < 200 ? 'top' : 'mid')),
    );
    assert.ok(seen.length > 1);
    assert.deepEqual(new Set(seen.at(-1)).size, 1);
  });
});
