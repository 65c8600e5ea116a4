import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { packTable, readPackedTable } from '../lib/packed-table.ts';

describe('packed tables', () => {
  let path: string;
  before(() => {
    path = join(mkdtempSync(join(tmpdir(), 'eznas-table-')), 'table.bin');
  });
  after(() => rmSync(join(path, '..'), { recursive: true }));

  const expected = { name: 'small', rows: 2, columns: ['a'] };

  it('give back what was packed, at the bounds of their widths', () => {
    const a = { name: 'a', bytes: 2, denominator: 3, integers: [0, 65_535] } as const;
    const b = { name: 'b', bytes: 4, denominator: 1, integers: [2 ** 32 - 1, 7] } as const;
    writeFileSync(path, packTable('small', 2, [a, b]));
    const table = readPackedTable(path, expected);
    assert.deepEqual([...table.columns.keys()], ['a', 'b']);
    assert.deepEqual([...table.columns.get('a')!.integers], a.integers);
    assert.deepEqual([...table.columns.get('b')!.integers], b.integers);
    assert.equal(table.columns.get('a')!.denominator, 3);
  });

  it('may be empty', () => {
    writeFileSync(path, packTable('empty', 0, []));
    assert.equal(readPackedTable(path, { name: 'empty', rows: 0, columns: [] }).columns.size, 0);
  });

  it('refuse integers that do not fit and columns of other lengths', () => {
    for (const integer of [-1, 65_536, 0.5, Number.NaN]) {
      const pack = () => packTable('small', 1, [{ name: 'a', bytes: 2, denominator: 1, integers: [integer] }]);
      assert.throws(pack, { code: 'INVALID_ARGUMENT', message: /column a: .* does not fit 2 unsigned bytes/ });
    }
    const pack = () => packTable('small', 2, [{ name: 'a', bytes: 2, denominator: 1, integers: [1] }]);
    assert.throws(pack, { code: 'INVALID_ARGUMENT', message: /column a has 1 rows, the table 2/ });
  });

  /** A file with a right checksum over any header. */
  function forge(header: string, values: number): void {
    const body = Buffer.from(header);
    const bytes = Buffer.alloc(16 + body.length + values);
    bytes.write('EZNASTBL');
    bytes.writeUInt32LE(body.length, 12);
    body.copy(bytes, 16);
    bytes.writeUInt32LE(crc32(bytes.subarray(12)), 8);
    writeFileSync(path, bytes);
  }

  it('refuse forged headers whose checksum is right', () => {
    const column = '{"name":"a","bytes":2,"denominator":1}';
    const header = (rows: number | string, columns: string, version = 1) =>
      `{"version":${version},"name":"small","rows":${rows},"columns":[${columns}]}`;
    forge(header(2, column), 4);
    assert.equal(readPackedTable(path, expected).rows, 2);
    const forged: [header: string, values: number][] = [
      ['', 4],
      ['null', 4],
      ['{"version":1', 4],
      [header(2, column, 2), 4],
      [header(2, column), 3],
      [header(2, column), 5],
      [header('-2', column), 4],
      [header('1e300', column), 4],
      [header(2, '{"name":"a","bytes":8,"denominator":1}'), 16],
      [header(2, '{"name":"a","bytes":2,"denominator":0}'), 4],
      [header(2, ''), 0],
    ];
    for (const [text, values] of forged) {
      forge(text, values);
      assert.throws(() => readPackedTable(path, expected), { code: 'INVALID_FILE' }, text);
    }
  });
});
