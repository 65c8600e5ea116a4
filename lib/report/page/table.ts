import { h } from './dom.ts';

/** One column of a table: what it shows, and what it sorts by. */
export interface TableColumn<Row> {
  readonly title: string;
  readonly align?: 'right';
  /** Null sorts last, whatever the direction. */
  value(row: Row): number | string | null;
  /** By default the value as text. */
  cell?(row: Row): Node | string;
}

export interface TableOptions<Row> {
  readonly caption: string;
  readonly columns: readonly TableColumn<Row>[];
  readonly rows: readonly Row[];
  /** Rows on one page; all by default. */
  readonly page?: number;
  /** Column sorted by at first, descending. */
  readonly sortedBy?: number;
  /** Called with a row pointed at, or undefined. */
  readonly onPoint?: (row: Row | undefined) => void;
}

/** A table that sorts by the heads of its columns, and turns pages where it has many rows. */
export class DataTable<Row> {
  readonly element: HTMLElement;
  readonly #options: TableOptions<Row>;
  readonly #body = h('tbody');
  readonly #heads: HTMLElement[];
  readonly #status = h('span', { role: 'status' });
  readonly #previous: HTMLButtonElement;
  readonly #next: HTMLButtonElement;
  #sorted: { column: number; descending: boolean } | undefined;
  #filter: ((row: Row) => boolean) | undefined;
  #rows: readonly Row[] = [];
  #page = 0;

  constructor(options: TableOptions<Row>) {
    this.#options = options;
    if (options.sortedBy !== undefined) this.#sorted = { column: options.sortedBy, descending: true };
    this.#heads = options.columns.map(({ title, align }, column) =>
      h(
        'th',
        { scope: 'col', class: align },
        h(
          'button',
          { type: 'button', class: 'head', onclick: () => this.#sort(column) },
          title,
          h('span', { class: 'arrow', 'aria-hidden': 'true' }),
        ),
      ),
    );
    this.#previous = h('button', { type: 'button', onclick: () => this.#turn(-1) }, '‹ Previous');
    this.#next = h('button', { type: 'button', onclick: () => this.#turn(1) }, 'Next ›');
    const table = h(
      'table',
      {},
      h('caption', {}, options.caption),
      h('thead', {}, h('tr', {}, ...this.#heads)),
      this.#body,
    );
    this.element = h(
      'div',
      {},
      h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': options.caption }, table),
      options.page !== undefined &&
        h('div', { class: 'pager' }, this.#status, h('span', { class: 'screen' }, this.#previous, this.#next)),
    );
    this.#arrange();
  }

  /** Rows in the order shown, of all pages. */
  get rows(): readonly Row[] {
    return this.#rows;
  }

  filter(passes: ((row: Row) => boolean) | undefined): void {
    this.#filter = passes;
    this.#arrange();
  }

  #sort(column: number): void {
    const descending =
      this.#sorted?.column === column ? !this.#sorted.descending : this.#options.columns[column]!.align === 'right';
    this.#sorted = { column, descending };
    this.#arrange();
  }

  #turn(by: number): void {
    this.#page += by;
    this.#show();
  }

  #arrange(): void {
    const rows = this.#filter ? this.#options.rows.filter(this.#filter) : [...this.#options.rows];
    if (this.#sorted) {
      const { column, descending } = this.#sorted;
      const { value } = this.#options.columns[column]!;
      const keyed = rows.map((row) => ({ row, key: value(row) }));
      keyed.sort((a, b) => compare(a.key, b.key, descending));
      this.#rows = keyed.map(({ row }) => row);
    } else this.#rows = rows;
    for (const [at, head] of this.#heads.entries()) {
      if (this.#sorted?.column === at)
        head.setAttribute('aria-sort', this.#sorted.descending ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    }
    this.#page = 0;
    this.#show();
  }

  #show(): void {
    const { columns, page = this.#rows.length || 1, onPoint } = this.#options;
    const pages = Math.max(1, Math.ceil(this.#rows.length / page));
    this.#page = Math.min(Math.max(0, this.#page), pages - 1);
    const first = this.#page * page;
    const shown = this.#rows.slice(first, first + page);
    this.#body.replaceChildren(
      ...shown.map((row) =>
        h(
          'tr',
          onPoint ? { onpointerenter: () => onPoint(row), onpointerleave: () => onPoint(undefined) } : {},
          ...columns.map((column, at) => {
            const content = column.cell?.(row) ?? String(column.value(row) ?? '–');
            return at === 0
              ? h('th', { scope: 'row', class: column.align }, content)
              : h('td', { class: column.align }, content);
          }),
        ),
      ),
    );
    const total = this.#options.rows.length.toLocaleString('en');
    const passing = this.#rows.length.toLocaleString('en');
    const range =
      shown.length > 0
        ? `${(first + 1).toLocaleString('en')} to ${(first + shown.length).toLocaleString('en')} of ${passing}`
        : 'none';
    this.#status.textContent = this.#rows.length === this.#options.rows.length ? range : `${range} (of ${total})`;
    this.#previous.disabled = this.#page === 0;
    this.#next.disabled = this.#page === pages - 1;
  }
}

function compare(a: number | string | null, b: number | string | null, descending: boolean): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  const order =
    typeof a === 'number' && typeof b === 'number'
      ? a - b
      : String(a).localeCompare(String(b), 'en', { numeric: true });
  return descending ? -order : order;
}
