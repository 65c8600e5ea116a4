import Table from 'cli-table3';
import pc from 'picocolors';

/** One column of a result. */
export interface Column<Row> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** What a person reads. */
  text(row: Row): string;
  /** What a program reads, by column name; by default one column of the text. */
  readonly fields?: Readonly<Record<string, (row: Row) => string | number>>;
}

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** Rows in aligned columns with coloured heads, for a terminal. */
export function alignedTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const table = new Table({
    head: columns.map(({ title }) => pc.bold(pc.cyan(title))),
    colAligns: columns.map(({ align }) => align ?? 'left'),
    chars: NO_BORDERS,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  table.push(...rows.map((row) => columns.map((column) => column.text(row))));
  return `${table.toString()}\n`;
}

/** Rows as tab-separated lines after one line of column names, for another program. */
export function tabSeparated<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const fields = columns.flatMap(({ title, text, fields }) => Object.entries(fields ?? { [title]: text }));
  const lines = rows.map((row) => fields.map(([, value]) => String(value(row)).replace(/[\t\n]/g, ' ')).join('\t'));
  return [fields.map(([name]) => name).join('\t'), ...lines, ''].join('\n');
}

/** Rows in the form that fits where stdout goes. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  return process.stdout.isTTY ? alignedTable(columns, rows) : tabSeparated(columns, rows);
}
