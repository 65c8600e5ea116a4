import { CELL_OPERATIONS, type CellOperation } from './operations.ts';

/** An edge of a cell: what it does, and to which state. States 0 and 1 are the outputs of the two cells before; state i + 2 is that of node i. */
export interface CellEdge {
  readonly operation: CellOperation;
  readonly input: number;
}

/** A cell: every node is the sum of its two edges, 2i and 2i + 1; the cell's output are the states of `concat` side by side. */
export interface Cell {
  readonly edges: readonly CellEdge[];
  /** States, ascending. */
  readonly concat: readonly number[];
}

/** The two cells that a network consists of. */
export interface Genotype {
  readonly normal: Cell;
  readonly reduce: Cell;
}

const IDENTIFIER = /^[a-z]\w*$/;

/** The states of all nodes. */
const allNodes = (edges: readonly CellEdge[]): number[] =>
  Array.from({ length: edges.length / 2 }, (_, node) => node + 2);

/**
 * Reads a genotype as the DARTS code prints it, `Genotype(normal=[('sep_conv_3x3', 0), …], normal_concat=range(2, 6), reduce=[…], reduce_concat=[2,
 * 3, 4, 5])`, or as {@link printGenotype} does.
 *
 * @param output the states that make up a cell's output where the text does not tell
 * @returns the genotype, or what is wrong with the text
 */
export function parseGenotype(text: string, output = allNodes): Genotype | string {
  const trimmed = text.trim();
  if (trimmed.length > 5000) return 'it is far too long';
  const fields = new Map<string, string>();
  for (const [, name, value] of trimmed.matchAll(
    /(normal|reduce|normal_concat|reduce_concat)\s*[=:]\s*(\[[^\]]*\]|range\([^)]*\)|\|[^ ]*\|)/g,
  )) {
    if (fields.has(name!)) return `it has two ${name}`;
    fields.set(name!, value!);
  }
  const cell = (name: 'normal' | 'reduce'): Cell | string => {
    const edges = parseEdges(fields.get(name));
    if (typeof edges === 'string') return `${name}: ${edges}`;
    const states = fields.get(`${name}_concat`);
    const concat = states === undefined ? output(edges) : parseStates(states, edges.length / 2);
    return typeof concat === 'string' ? `${name}_concat: ${concat}` : { edges, concat };
  };
  const normal = cell('normal');
  if (typeof normal === 'string') return normal;
  const reduce = cell('reduce');
  if (typeof reduce === 'string') return reduce;
  return { normal, reduce };
}

function parseEdges(text: string | undefined): CellEdge[] | string {
  if (text === undefined) return 'is missing';
  const pairs = text.startsWith('|')
    ? text
        .slice(1, -1)
        .split('|')
        .map((edge) => edge.split('~'))
    : [...text.matchAll(/[([]\s*['"]?(\w+)['"]?\s*,\s*(\d+)\s*[)\]]/g)].map(([, operation, input]) => [
        operation!,
        input!,
      ]);
  const edges = pairs.map(([operation, input]) => ({ operation: operation as CellOperation, input: Number(input) }));
  const problem = edgesProblem(edges);
  return problem ?? edges;
}

function parseStates(text: string, nodes: number): number[] | string {
  const all = Array.from({ length: nodes }, (_, node) => node + 2);
  const numbers = [...text.matchAll(/\d+/g)].map(([digits]) => Number(digits));
  if (text.startsWith('range')) {
    const [from = 0, to = 0] = numbers;
    return from === 2 && to === nodes + 2 ? all : `range(2, ${nodes + 2}) or a list of states is needed`;
  }
  const states = numbers.sort((a, b) => a - b);
  return statesProblem(states, nodes) ?? states;
}

/** What is wrong with the edges of a cell, if anything. */
export function edgesProblem(edges: readonly CellEdge[]): string | undefined {
  if (edges.length === 0 || edges.length % 2 !== 0) return 'two edges for each node are needed';
  for (const [place, { operation, input }] of edges.entries()) {
    if (!CELL_OPERATIONS.includes(operation)) {
      const shown = IDENTIFIER.test(operation) ? operation.slice(0, 40) : 'something';
      return `${shown} is no operation; known are ${CELL_OPERATIONS.join(', ')}`;
    }
    const states = 2 + (place >> 1);
    if (!Number.isInteger(input) || input < 0 || input >= states) {
      return `an edge of node ${place >> 1} reads state ${input}; states 0 to ${states - 1} are there`;
    }
  }
  return undefined;
}

/** What is wrong with the states that make up a cell's output, if anything. */
export function statesProblem(states: readonly number[], nodes: number): string | undefined {
  const sound =
    states.length > 0 &&
    states.every(
      (state, at) => Number.isInteger(state) && state < nodes + 2 && state > (at === 0 ? -1 : states[at - 1]!),
    );
  return sound ? undefined : `different states from 0 to ${nodes + 1} are needed`;
}

/** The edges as text: `|sep_conv_3x3~0|skip_connect~1|…|`. */
export const printEdges = (edges: readonly CellEdge[]): string =>
  `|${edges.map(({ operation, input }) => `${operation}~${input}`).join('|')}|`;

/**
 * A genotype in one line.
 *
 * @param output the states of a cell's output which are left out, see {@link parseGenotype}
 */
export function printGenotype({ normal, reduce }: Genotype, output = allNodes): string {
  const cell = (name: string, { edges, concat }: Cell): string[] => {
    const text = `${name}:${printEdges(edges)}`;
    return concat.join() === output(edges).join() ? [text] : [text, `${name}_concat:[${concat.join(',')}]`];
  };
  return [...cell('normal', normal), ...cell('reduce', reduce)].join(' ');
}

/** The cell with the two edges of every node in one order: by input, then by operation. */
export function orderEdges({ edges, concat }: Cell): Cell {
  const ordered: CellEdge[] = [];
  for (let node = 0; 2 * node < edges.length; node++) {
    const pair = [edges[2 * node]!, edges[2 * node + 1]!];
    ordered.push(...pair.sort(compareEdges));
  }
  return { edges: ordered, concat };
}

const compareEdges = (a: CellEdge, b: CellEdge): number =>
  a.input - b.input || CELL_OPERATIONS.indexOf(a.operation) - CELL_OPERATIONS.indexOf(b.operation);

/**
 * A text that two cells share exactly if one becomes the other by numbering its nodes otherwise: the first, in alphabetical order, of the texts of all
 * numberings. Nodes that nothing reads are left out.
 */
export function canonicalCell({ edges, concat }: Cell): string {
  const nodes = edges.length / 2;
  const used = new Set(concat);
  for (let node = nodes - 1; node >= 0; node--) {
    if (used.has(node + 2)) for (const { input } of [edges[2 * node]!, edges[2 * node + 1]!]) used.add(input);
  }
  const alive = Array.from({ length: nodes }, (_, node) => node).filter((node) => used.has(node + 2));
  let least: string | undefined;
  const visit = (order: readonly number[], parts: readonly string[]): void => {
    if (order.length === alive.length) {
      const place = (state: number): number => (state < 2 ? state : order.indexOf(state - 2) + 2);
      const text = `${parts.join(' ')} > ${concat.map(place).sort((a, b) => a - b)}`;
      if (least === undefined || text < least) least = text;
      return;
    }
    for (const node of alive) {
      if (order.includes(node)) continue;
      const pair = [edges[2 * node]!, edges[2 * node + 1]!].map(({ operation, input }) => {
        const state = input < 2 ? input : order.indexOf(input - 2) + 2;
        return input >= 2 && state === 1 ? undefined : `${operation}~${state}`;
      });
      if (pair.includes(undefined)) continue;
      visit([...order, node], [...parts, pair.sort().join('+')]);
    }
  };
  visit([], []);
  return least!;
}
