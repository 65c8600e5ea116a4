import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCsvBenchmark } from '../../lib/benchmarks/csv.ts';
import { evaluateProxies } from '../../lib/evaluation/evaluate.ts';
import { Random } from '../../lib/random.ts';
import { darts } from '../../lib/spaces/darts.ts';
import { natsSize } from '../../lib/spaces/nats-size.ts';

describe('accuracies in a CSV file', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'eznas-csv-'));
  });
  after(() => rmSync(folder, { recursive: true }));
  const file = (content: string, name = 'mine.csv'): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const GOOD = 'cifar10,architecture,imagenet16-120\n90.5,8:8:8:8:8,30\r\n\n91,"16:8:8:8:8",31.5\n';

  it('are a benchmark', () => {
    const benchmark = readCsvBenchmark(file(GOOD), natsSize, { epochs: 90, split: 'validation' });
    assert.equal(benchmark.name, 'mine');
    assert.equal(benchmark.size, 2);
    assert.deepEqual(
      benchmark.datasets.map(({ name }) => name),
      ['cifar10', 'imagenet16-120'],
    );
    assert.equal(benchmark.accuracy(1, 'imagenet16-120'), 31.5);
    assert.equal(benchmark.accuracy(0, 'cifar10', 90), 90.5);
    assert.equal(benchmark.index(natsSize.parse('16:8:8:8:8')), 1);
    assert.equal(benchmark.index(natsSize.parse('24:8:8:8:8')), undefined);
    assert.throws(() => benchmark.accuracy(2, 'cifar10'), { code: 'INVALID_ARCHITECTURE' });
    assert.throws(() => benchmark.accuracy(0, 'cifar100'), { code: 'INVALID_ARGUMENT' });
    assert.throws(() => benchmark.accuracy(0, 'cifar10', 12), { code: 'INVALID_ARGUMENT' });
  });

  it('may name datasets of one’s own, and architectures with commas', () => {
    const random = new Random(1);
    const genotype = (architecture: ReturnType<typeof darts.sample>) => {
      const edges = (cell: typeof architecture.normal) =>
        `[${cell.map(({ operation, input }) => `('${operation}', ${input})`).join(', ')}]`;
      return `Genotype(normal=${edges(architecture.normal)}, reduce=${edges(architecture.reduce)})`;
    };
    const drawn = [darts.sample(random), darts.sample(random)];
    const rows = drawn.map((architecture, at) => `"${genotype(architecture)}",${at}`);
    const flowers = { name: 'flowers', classes: 102, resolution: 32, channels: 3, normalization: 'cifar10' };
    const benchmark = readCsvBenchmark(file(['architecture,flowers', ...rows].join('\n')), darts, {
      name: 'garden',
      datasets: [flowers],
    });
    assert.equal(benchmark.dataset('flowers'), flowers);
    assert.deepEqual(benchmark.architecture(1), drawn[1]);
  });

  it('are found by the path', async () => {
    const { protocol, results } = await evaluateProxies({
      space: 'nats-size',
      benchmark: file(GOOD),
      proxies: ['params'],
    });
    assert.deepEqual([protocol.benchmark, protocol.dataset, results[0]!.networks], ['mine', 'cifar10', 2]);
  });

  it('are refused where something is wrong, naming the line', () => {
    const refused: [content: string, problem: RegExp][] = [
      ['', /first line/],
      ['architecture\n8:8:8:8:8\n', /first line/],
      ['cifar10\n90\n', /first line/],
      ['architecture,cifar11\n', /column "cifar11" is no dataset/],
      ['architecture,cifar10\n8:8:8:8:8,90\n', /1 architectures; at least two/],
      ['architecture,cifar10\n8:8:8:8:8,90\n9:8:8:8:8,91\n', /line 3: not an architecture of nats-size/],
      ['architecture,cifar10\n8:8:8:8:8,90\n8:8:8:8:8,91\n', /line 3 has the architecture of line 2 again/],
      ['architecture,cifar10\n8:8:8:8:8\n', /line 2 has 1 fields, not 2/],
      ['architecture,cifar10\n8:8:8:8:8,\n', /line 2 has an accuracy that is no number/],
      ['architecture,cifar10\n8:8:8:8:8,100.5\n', /line 2 has an accuracy that is no number from 0 to 100/],
      ['architecture,cifar10\n8:8:8:8:8,NaN\n', /line 2/],
    ];
    for (const [content, message] of refused) {
      assert.throws(() => readCsvBenchmark(file(content), natsSize), { code: 'INVALID_FILE', message });
    }
    assert.throws(() => readCsvBenchmark(join(folder, 'none.csv'), natsSize), {
      code: 'INVALID_FILE',
      message: /ENOENT/,
    });
  });
});
