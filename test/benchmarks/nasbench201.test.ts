import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadNasbench201 } from '../../lib/benchmarks/nasbench201.ts';
import { imageFormat } from '../../lib/images/normalization.ts';
import { type PackedColumn, packTable } from '../../lib/packed-table.ts';
import { NASBENCH201_TABLE, readNasbench201Table } from '../../lib/spaces/nasbench201-table.ts';

describe('the NAS-Bench-201 benchmark', () => {
  const benchmark = loadNasbench201();
  const all = (dataset: string, epochs?: number) =>
    Array.from({ length: 15_625 }, (_, index) => benchmark.accuracy(index, dataset, epochs));
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

  it('has the published best architectures', () => {
    const best = [
      ['cifar10', 6111, 94.3733],
      ['cifar100', 9930, 73.5133],
      ['imagenet16-120', 857, 47.3111],
    ] as const;
    for (const [dataset, index, accuracy] of best) {
      const accuracies = all(dataset);
      assert.equal(benchmark.accuracy(index, dataset), accuracy);
      assert.equal(Math.max(...accuracies), accuracy);
      assert.equal(accuracies.indexOf(accuracy), index);
    }
  });

  it('has the published accuracies, digit for digit', () => {
    const published = [
      [0, [85.8633, 52.9133, 26.6333], [69.55, 31.26, 17.0]],
      [1, [93.66, 70.2933, 44.0333], [88.22, 58.26, 33.8]],
      [2, [85.74, 54.8667, 27.2556], [69.95, 29.92, 17.8667]],
      [3, [86.6167, 58.3067, 28.0444], [78.51, 43.98, 23.2667]],
    ] as const;
    for (const [index, full, short] of published) {
      for (const [position, { name }] of benchmark.datasets.entries()) {
        assert.equal(benchmark.accuracy(index, name), full[position]);
        assert.equal(benchmark.accuracy(index, name, 200), full[position]);
        assert.equal(benchmark.accuracy(index, name, 12), short[position]);
      }
    }
  });

  it('has the published means, which sum every row', () => {
    const means: [dataset: string, full: number, short: number][] = [
      ['cifar10', 87.0629308, 75.9841574],
      ['cifar100', 61.4055048, 40.4038733],
      ['imagenet16-120', 33.5863928, 21.8008356],
    ];
    for (const [dataset, full, short] of means) {
      assert.ok(Math.abs(mean(all(dataset)) - full) < 1e-7);
      assert.ok(Math.abs(mean(all(dataset, 12)) - short) < 1e-7);
    }
  });

  it('describes its datasets', () => {
    assert.deepEqual(benchmark.dataset('imagenet16-120'), {
      name: 'imagenet16-120',
      classes: 120,
      resolution: 16,
      channels: 3,
      normalization: 'imagenet16-120',
    });
    assert.deepEqual(
      benchmark.datasets.map(({ name, classes }) => [name, classes]),
      [
        ['cifar10', 10],
        ['cifar100', 100],
        ['imagenet16-120', 120],
      ],
    );
  });

  it('names normalizations that the images have, at the resolution of its datasets', () => {
    for (const { normalization, resolution } of benchmark.datasets) {
      assert.equal(imageFormat(normalization).resolution, resolution);
    }
  });

  it('refuses what it does not have, and says what it has', () => {
    const argument = (message: RegExp) => ({ code: 'INVALID_ARGUMENT', message });
    assert.throws(
      () => benchmark.accuracy(0, 'mnist'),
      argument(/no dataset "mnist"; it has cifar10, cifar100, imagenet16-120/),
    );
    assert.throws(() => benchmark.dataset('cifar10/12'), argument(/no dataset/));
    assert.throws(() => benchmark.accuracy(0, 'cifar10', 90), argument(/after 90 epochs; it has 200 and 12/));
    for (const index of [-1, 15_625, 0.5, Number.NaN, 'length' as never]) {
      assert.throws(() => benchmark.accuracy(index, 'cifar10'), {
        code: 'INVALID_ARCHITECTURE',
        message: /from 0 to 15624/,
      });
    }
  });
});

describe('the NAS-Bench-201 table file', () => {
  const bytes = readFileSync(NASBENCH201_TABLE);
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'eznas-table-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** Loads a file of this content, which must be refused with INVALID_FILE naming the file. */
  function refuses(content: Uint8Array, problem: RegExp): void {
    const path = join(folder, 'table.bin');
    writeFileSync(path, content);
    assert.throws(
      () => loadNasbench201(path),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'INVALID_FILE');
        assert.ok(error.message.startsWith(path), error.message);
        assert.match(error.message, problem);
        return true;
      },
    );
  }

  const shippedColumns = (): PackedColumn[] => [...readNasbench201Table().columns.values()];

  it('is a few hundred kB', () => {
    assert.ok(bytes.length < 300_000);
  });

  it('loads from a path of its own', () => {
    const path = join(folder, 'copy.bin');
    writeFileSync(path, bytes);
    assert.equal(loadNasbench201(path).accuracy(6111, 'cifar10'), 94.3733);
  });

  it('is what packing its columns gives', () => {
    assert.deepEqual(Buffer.from(packTable('nasbench201', 15_625, shippedColumns())), bytes);
  });

  it('is refused when missing or a folder', () => {
    const missing = join(folder, 'missing.bin');
    assert.throws(() => loadNasbench201(missing), {
      code: 'INVALID_FILE',
      message: /missing\.bin: cannot be read \(ENOENT\)/,
    });
    assert.throws(() => loadNasbench201(folder), { code: 'INVALID_FILE', message: /EISDIR/ });
  });

  it('is refused when truncated anywhere', () => {
    for (const length of [8, 12, 15, 16, 100, 600, 10_000, bytes.length - 1])
      refuses(bytes.subarray(0, length), /truncated/);
    for (const length of [0, 7])
      refuses(bytes.subarray(0, length), /not a packed table.*expected the packed table nasbench201/);
  });

  it('is refused when longer', () => {
    refuses(Buffer.concat([bytes, Buffer.alloc(1)]), /damaged/);
  });

  it('is refused when any one bit is flipped', () => {
    for (const offset of [8, 12, 14, 16, 40, 700, 100_000, bytes.length - 1]) {
      const damaged = Buffer.from(bytes);
      damaged[offset]! ^= 1;
      refuses(damaged, /truncated|damaged/);
    }
  });

  it('is refused when foreign', () => {
    refuses(Buffer.from('PK\u0003\u0004 some other format'), /not a packed table/);
    refuses(Buffer.alloc(1000), /not a packed table/);
    refuses(
      packTable('nasbench101', 15_625, shippedColumns()),
      /holds the table nasbench101 \(15625 rows\); expected .* nasbench201/,
    );
    refuses(packTable('nasbench201', 1, [{ name: 'code', bytes: 2, denominator: 1, integers: [1] }]), /\(1 rows\)/);
    refuses(
      packTable('nasbench201', 15_625, shippedColumns().slice(0, 3)),
      /lacks the columns cifar100\/200, imagenet16/,
    );
  });

  it('is refused when its rows are in another order', () => {
    const [codes, ...rest] = shippedColumns();
    const integers = Uint32Array.from(codes!.integers);
    [integers[3], integers[7]] = [integers[7]!, integers[3]!];
    refuses(packTable('nasbench201', 15_625, [{ ...codes!, integers }, ...rest]), /row 3 is another architecture/);
  });
});
