import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readCsvBenchmark } from '../../lib/benchmarks/csv.ts';
import { readNasbenchMacro } from '../../lib/benchmarks/nasbench-macro.ts';
import { openBenchmark } from '../../lib/benchmarks/registry.ts';
import { evaluateProxies } from '../../lib/evaluation/evaluate.ts';
import { nasbenchMacro } from '../../lib/spaces/nasbench-macro.ts';
import { networkCounts } from '../../lib/spaces/space.ts';
import { transnasMicro } from '../../lib/spaces/transnas-micro.ts';

/** 60 entries of the published file as they stand there; test/oracle/nasbench_macro_rows.py takes them. */
const PART = fileURLToPath(new URL('../fixtures/nas-bench-macro_part.json', import.meta.url));
const rows = JSON.parse(readFileSync(PART, 'utf8')) as Record<
  string,
  { mean_acc: number; params: number; flops: number }
>;

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'eznas-macro-'));
});
after(() => rmSync(folder, { recursive: true }));
const file = (content: unknown, name = 'nas-bench-macro_cifar10.json'): string => {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};

describe('NAS-Bench-Macro', () => {
  it('has the published parameters, and the published FLOPs but for the classifier’s ten additions', () => {
    for (const [text, { params, flops }] of Object.entries(rows)) {
      assert.deepEqual(networkCounts(nasbenchMacro, nasbenchMacro.parse(text)), { params, flops: flops + 10 });
    }
  });

  it('tells 3,969 architectures apart, as the published file does', () => {
    const architectures = [...nasbenchMacro.enumerate()];
    assert.equal(architectures.length, 6561);
    assert.equal(new Set(architectures.map((architecture) => nasbenchMacro.canonical(architecture))).size, 3969);
    for (const [text, { mean_acc }] of Object.entries(rows)) {
      const canonical = nasbenchMacro.canonical(nasbenchMacro.parse(text));
      if (canonical in rows) assert.equal(rows[canonical]!.mean_acc, mean_acc);
    }
  });

  it('has the accuracies of its file, numbered in the order of the space', () => {
    const benchmark = readNasbenchMacro(PART);
    assert.equal(benchmark.size, Object.keys(rows).length);
    const texts = Array.from({ length: benchmark.size }, (_, index) => {
      const architecture = benchmark.architecture(index);
      assert.equal(benchmark.index(architecture), index);
      const text = nasbenchMacro.print(architecture);
      assert.equal(benchmark.accuracy(index, 'cifar10'), rows[text]!.mean_acc);
      return text;
    });
    assert.deepEqual(texts, Object.keys(rows).sort());
    const missing = [...nasbenchMacro.enumerate()].find(
      (architecture) => !(nasbenchMacro.print(architecture) in rows),
    )!;
    assert.equal(benchmark.index(missing), undefined);
    assert.throws(() => benchmark.accuracy(0, 'cifar100'), { code: 'INVALID_ARGUMENT' });
    assert.throws(() => benchmark.accuracy(0, 'cifar10', 200), { code: 'INVALID_ARGUMENT' });
    assert.throws(() => benchmark.architecture(benchmark.size), { code: 'INVALID_ARCHITECTURE' });
  });

  it('is opened by the file’s name or with the space, and judges proxies', async () => {
    const path = file(rows);
    assert.equal(openBenchmark(path).size, 60);
    assert.equal(openBenchmark(file(rows, 'mine.json'), nasbenchMacro).size, 60);
    const { results } = await evaluateProxies({ benchmark: path, proxies: ['params', 'flops'], images: 'noise' });
    const [params, flops] = results.map(({ kendallTau }) => kendallTau!.value) as [number, number];
    assert.ok(params > 0.2 && flops > 0.6);
  });

  it('is refused where something is wrong, naming the architecture', () => {
    const good = { '00000000': rows['00000000'], '22222222': rows['22222222'] };
    assert.equal(readNasbenchMacro(file(good)).size, 2);
    const refused: [content: unknown, problem: RegExp][] = [
      ['', /no JSON/],
      ['{"00000000": {', /no JSON/],
      [[good], /no object of architectures/],
      ['null', /no object/],
      [{ '00000000': rows['00000000'] }, /1 architectures; at least two/],
      [{ ...good, '0000000': rows['00000000'] }, /"0000000" is no architecture/],
      [{ ...good, '00000003': rows['00000000'] }, /"00000003" is no architecture/],
      [{ ...good, '00000001': {} }, /"00000001" is wrong at test_acc/],
      [{ ...good, '00000001': null }, /"00000001" is wrong at its top/],
      [{ ...good, '00000001': { test_acc: [90, 101], mean_acc: 95.5 } }, /wrong at test_acc.1/],
      [{ ...good, '00000001': { test_acc: [90, 91], mean_acc: 90 } }, /mean_acc is not the mean of test_acc/],
      [{ ...good, '00000001': { test_acc: [], mean_acc: 90 } }, /wrong at test_acc/],
    ];
    for (const [content, message] of refused) {
      assert.throws(() => readNasbenchMacro(file(content)), { code: 'INVALID_FILE', message });
      assert.throws(() => readNasbenchMacro(file(content)), { message: /xiusu\/NAS-Bench-Macro is needed/ });
    }
    assert.throws(() => readNasbenchMacro(join(folder, 'none.json')), { code: 'INVALID_FILE', message: /ENOENT/ });
  });

  it('is asked for where only its name is given', () => {
    assert.throws(() => openBenchmark('nasbench-macro'), {
      code: 'INVALID_ARGUMENT',
      message: /not in the package; give the path of nas-bench-macro_cifar10.json/,
    });
  });
});

describe('TransNAS-Bench-101', () => {
  const csv = 'architecture,class_object,class_scene\n64-41414-1_02_333,45.1,53.9\n64-41414-1_02_330,44,52.5\n';

  it('is read from a table of its accuracies', () => {
    const benchmark = readCsvBenchmark(file(csv, 'transnas-micro.csv'), transnasMicro);
    assert.deepEqual(
      benchmark.datasets.map(({ name, classes, resolution }) => [name, classes, resolution]),
      [
        ['class_object', 75, 256],
        ['class_scene', 47, 256],
      ],
    );
    assert.equal(benchmark.accuracy(1, 'class_scene'), 52.5);
  });

  it('may hold isomorphic architectures, which were trained apart', () => {
    const [a, b] = ['64-41414-0_00_300', '64-41414-0_33_301'].map((text) => transnasMicro.parse(text));
    assert.equal(transnasMicro.canonical(a!), transnasMicro.canonical(transnasMicro.parse('64-41414-1_00_300')));
    assert.notEqual(transnasMicro.canonical(a!), transnasMicro.canonical(b!));
    const same = 'architecture,class_object\n64-41414-0_00_300,40\n64-41414-1_00_300,41\n';
    const benchmark = readCsvBenchmark(file(same, 'same.csv'), transnasMicro);
    assert.equal(benchmark.accuracy(benchmark.index(transnasMicro.parse('64-41414-1_00_300'))!, 'class_object'), 41);
  });

  it('is refused as the pickled file, telling how to convert it', () => {
    for (const name of ['transnas-bench_v10141024.pth', 'x.pkl']) {
      assert.throws(() => openBenchmark(name), {
        code: 'INVALID_FILE',
        message:
          /pickled files are not read.*\nfrom api import TransNASBenchAPI;.*\nrows = .*test_top1.*\nopen\(.*transnas-micro\.csv/,
      });
    }
    assert.throws(() => openBenchmark('transnas-micro'), { code: 'INVALID_ARGUMENT', message: /class_object/ });
  });
});
