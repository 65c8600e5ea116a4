import { EznasError } from '../errors.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import type { Random } from '../random.ts';
import type { CellDiagram } from './diagram.ts';
import {
  cellHash,
  decodeCell,
  edgeCount,
  MOST_EDGES,
  MOST_VERTICES,
  type Nasbench101Architecture,
  OPERATIONS,
  type Operation,
  prune,
} from './nasbench101-cell.ts';
import { cellNeighbours } from './nasbench101-neighbours.ts';
import { buildNetwork, type Nasbench101Options } from './nasbench101-network.ts';
import { NASBENCH101_SIZE, nasbench101Table } from './nasbench101-table.ts';
import { resolveOptions } from './options.ts';
import { quoteArchitecture } from './quote.ts';
import type { NetworkOptions, NumberedSpace } from './space.ts';

export type { Nasbench101Architecture } from './nasbench101-cell.ts';

/** The networks that NAS-Bench-101 trained on CIFAR-10. */
const DEFAULTS: Nasbench101Options = {
  classes: 10,
  resolution: 32,
  inputChannels: 3,
  initialChannels: 128,
  cellsPerStage: 3,
};

const EXAMPLE = '|conv3x3~0|maxpool3x3~0~1|conv1x1~2|output~1~3|';

/** Hash values are uniform, so a hash's place is about this fraction of the table. */
const fraction = (hash: string): number => Number.parseInt(hash.slice(0, 13), 16) / 2 ** 52;

/**
 * NAS-Bench-101 (Ying et al., ICML 2019): cells of up to 7 vertices and 9 edges, 423,624 of them up to isomorphism. Indices follow the published
 * hashes in ascending order.
 */
class Nasbench101Space implements NumberedSpace<Nasbench101Architecture> {
  readonly name = 'nasbench101';
  readonly size = NASBENCH101_SIZE;
  /** Indices of architectures that were made from them: finding one anew takes a few dozen hashes. */
  readonly #indices = new WeakMap<Nasbench101Architecture, number>();

  *enumerate(): IterableIterator<Nasbench101Architecture> {
    for (let index = 0; index < this.size; index++) yield this.architecture(index);
  }

  sample(random: Random): Nasbench101Architecture {
    return this.architecture(random.integer(this.size));
  }

  /** Vertices that are on no path from input to output are left out. */
  parse(text: string): Nasbench101Architecture {
    const fail = (reason: string): never => {
      throw new EznasError(
        'INVALID_ARCHITECTURE',
        `not a NAS-Bench-101 architecture: ${quoteArchitecture(text)} (${reason}); expected a text like ${EXAMPLE}`,
      );
    };
    const trimmed = text.trim();
    if (trimmed.length > 500 || !/^\|(\w+(~\d)*\|)+$/.test(trimmed))
      return fail('vertices with their sources between bars are needed');
    const vertices = trimmed
      .slice(1, -1)
      .split('|')
      .map((vertex) => vertex.split('~'));
    const operations = vertices.slice(0, -1).map(([operation]) => operation as Operation);
    if (vertices.at(-1)![0] !== 'output') return fail('the last vertex must be the output');
    const inputs = vertices.map(([, ...sources]) => sources.map(Number).sort((a, b) => a - b));
    const problem = cellProblem({ operations, inputs });
    return problem === undefined ? prune({ operations, inputs })! : fail(problem);
  }

  print({ operations, inputs }: Nasbench101Architecture): string {
    const vertices = inputs.map((sources, place) => [operations[place] ?? 'output', ...sources].join('~'));
    return `|${vertices.join('|')}|`;
  }

  mutate(architecture: Nasbench101Architecture, random: Random): Nasbench101Architecture {
    return random.choice(this.neighbours(architecture));
  }

  neighbours(architecture: Nasbench101Architecture): Nasbench101Architecture[] {
    return cellNeighbours(architecture);
  }

  cells({ operations, inputs }: Nasbench101Architecture): CellDiagram[] {
    const edges = inputs.flatMap((sources, vertex) => sources.map((from) => ({ from, to: vertex + 1, label: '' })));
    const named = operations.map((operation, place) => `${place + 1}: ${operation}`);
    return [{ name: '', nodes: ['input', ...named, 'output'], edges }];
  }

  canonical(architecture: Nasbench101Architecture): string {
    return cellHash(checked(architecture));
  }

  architecture(index: number): Nasbench101Architecture {
    if (!Number.isInteger(index) || index < 0 || index >= this.size) {
      throw new EznasError(
        'INVALID_ARCHITECTURE',
        `NAS-Bench-101 has no architecture ${index}; indices are integers from 0 to ${this.size - 1}`,
      );
    }
    const architecture = decodeCell(nasbench101Table().columns.get('cell')!.integers[index]!);
    this.#indices.set(architecture, index);
    return architecture;
  }

  index(architecture: Nasbench101Architecture): number {
    const known = this.#indices.get(architecture);
    if (known !== undefined) return known;
    const index = this.#find(this.canonical(architecture));
    this.#indices.set(architecture, index);
    return index;
  }

  build(architecture: Nasbench101Architecture, options?: NetworkOptions): NetworkGraph {
    return buildNetwork(checked(architecture), resolveOptions(options, DEFAULTS));
  }

  /** The row with a hash, by interpolation between rows whose hashes are known. */
  #find(hash: string): number {
    const cells = nasbench101Table().columns.get('cell')!.integers;
    const wanted = fraction(hash);
    let low = { row: -1, at: 0 };
    let high = { row: this.size, at: 1 };
    while (high.row - low.row > 1) {
      const guess = low.row + ((wanted - low.at) / (high.at - low.at)) * (high.row - low.row);
      const row = Math.min(high.row - 1, Math.max(low.row + 1, Math.round(guess)));
      const found = cellHash(decodeCell(cells[row]!));
      if (found === hash) return row;
      if (found < hash) low = { row, at: fraction(found) };
      else high = { row, at: fraction(found) };
    }
    throw new Error(`no row has the hash ${hash}`);
  }
}

/** What is wrong with a cell, if anything. */
function cellProblem(cell: Nasbench101Architecture): string | undefined {
  const { operations, inputs } = cell;
  if (!Array.isArray(operations) || !Array.isArray(inputs) || inputs.length !== operations.length + 1) {
    return 'operations and inputs of its vertices are needed';
  }
  const unknown = operations.find((operation) => !OPERATIONS.includes(operation));
  if (unknown !== undefined)
    return `operation ${quoteArchitecture(String(unknown))} is none of ${OPERATIONS.join(', ')}`;
  if (inputs.length >= MOST_VERTICES) return `it has more than ${MOST_VERTICES - 2} interior vertices`;
  for (const [place, sources] of inputs.entries()) {
    const sound =
      Array.isArray(sources) &&
      sources.every(
        (source, at) =>
          Number.isInteger(source) && source >= 0 && source <= place && (at === 0 || source > sources[at - 1]!),
      );
    if (!sound) return `the sources of vertex ${place + 1} must be different earlier vertices, from 0 to ${place}`;
  }
  const pruned = prune(cell);
  if (pruned === undefined) return 'no path leads from vertex 0 to the output';
  return edgeCount(pruned) > MOST_EDGES ? `it has more than ${MOST_EDGES} edges` : undefined;
}

/** A cell that is sound and has no vertex off the paths from input to output. */
function checked(cell: Nasbench101Architecture): Nasbench101Architecture {
  const problem = cellProblem(cell);
  if (problem !== undefined) {
    throw new EznasError('INVALID_ARCHITECTURE', `not a NAS-Bench-101 architecture: ${problem}`);
  }
  return prune(cell)!;
}

/** The NAS-Bench-101 search space. */
export const nasbench101: NumberedSpace<Nasbench101Architecture> = new Nasbench101Space();
