import type { TablePanel } from '../../report.ts';
import { h } from '../dom.ts';
import { formatNumber } from '../format.ts';
import { DataTable } from '../table.ts';

/** A table and no more; columns of numbers stand to the right. */
export function tablePanel({ caption, columns, rows }: TablePanel): HTMLElement {
  return new DataTable<TablePanel['rows'][number]>({
    caption,
    columns: columns.map((title, at) => {
      const numeric = rows.every((row) => typeof row[at] !== 'string');
      return {
        title,
        ...(numeric && { align: 'right' as const }),
        value: (row) => row[at] ?? null,
        cell: (row) => {
          const value = row[at];
          return typeof value === 'string' ? h('code', {}, value) : formatNumber(value, 6);
        },
      };
    }),
    rows,
  }).element;
}
