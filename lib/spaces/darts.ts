import { EznasError } from '../errors.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import type { Random } from '../random.ts';
import { genotypeDiagram } from './cells/diagram.ts';
import {
  type CellEdge,
  canonicalCell,
  edgesProblem,
  orderEdges,
  parseGenotype,
  printGenotype,
} from './cells/genotype.ts';
import { buildCellNetwork, type CellNetworkOptions } from './cells/network.ts';
import type { CellOperation } from './cells/operations.ts';
import type { CellDiagram } from './diagram.ts';
import { resolveOptions } from './options.ts';
import { quoteArchitecture } from './quote.ts';
import type { NetworkOptions, SearchSpace } from './space.ts';

/** Operations of the space, in the order of NAS-Bench-301's adjacency lists. */
export const DARTS_OPERATIONS = [
  'max_pool_3x3',
  'avg_pool_3x3',
  'skip_connect',
  'sep_conv_3x3',
  'sep_conv_5x5',
  'dil_conv_3x3',
  'dil_conv_5x5',
] as const satisfies readonly CellOperation[];

type Operation = (typeof DARTS_OPERATIONS)[number];

/** Nodes of a cell. */
const NODES = 4;
/** The states that make up a cell's output: all nodes. */
const CONCAT = Array.from({ length: NODES }, (_, node) => node + 2);

/** The edges of both cells: two for each of four nodes, from different states, the lower first. */
export interface DartsArchitecture {
  readonly normal: readonly CellEdge[];
  readonly reduce: readonly CellEdge[];
}

/** The networks that NAS-Bench-301 trained on CIFAR-10. */
const DEFAULTS: CellNetworkOptions = {
  classes: 10,
  resolution: 32,
  inputChannels: 3,
  initialChannels: 32,
  cells: 8,
  separableUnit: 'first',
  stem: 'cifar',
};

const EXAMPLE =
  'normal:|sep_conv_3x3~0|sep_conv_3x3~1|skip_connect~0|dil_conv_5x5~2|max_pool_3x3~0|avg_pool_3x3~1|sep_conv_5x5~0|skip_connect~4| ' +
  'reduce:|…| (or Genotype(normal=[…], normal_concat=…, reduce=[…], reduce_concat=…))';

const cellOf = (edges: readonly CellEdge[]) => ({ edges, concat: CONCAT });

const nodeOf = (place: number): number => place >> 1;

/** Pairs of different states that a node may read, the lower first. */
const pairsOf = (node: number): [number, number][] =>
  Array.from({ length: node + 2 }, (_, second) => second).flatMap((second) =>
    Array.from({ length: second }, (_, first): [number, number] => [first, second]),
  );

/** What is wrong with one of the two cells, if anything. */
function cellProblem(edges: readonly CellEdge[]): string | undefined {
  if (!Array.isArray(edges) || edges.length !== 2 * NODES) return `${2 * NODES} edges are needed`;
  const problem = edgesProblem(edges);
  if (problem !== undefined) return problem;
  const foreign = edges.find(({ operation }) => !DARTS_OPERATIONS.includes(operation as Operation));
  if (foreign !== undefined)
    return `${foreign.operation} is no operation of the space (${DARTS_OPERATIONS.join(', ')})`;
  const twice = CONCAT.findIndex((_, node) => edges[2 * node]!.input === edges[2 * node + 1]!.input);
  return twice < 0
    ? undefined
    : `both edges of node ${twice} read state ${edges[2 * twice]!.input}; two states are needed`;
}

function requireCells({ normal, reduce }: DartsArchitecture, shown: string): void {
  for (const [name, edges] of Object.entries({ normal, reduce })) {
    const problem = cellProblem(edges);
    if (problem === undefined) continue;
    throw new EznasError(
      'INVALID_ARCHITECTURE',
      `not a DARTS architecture: ${shown} (${name}: ${problem}); expected a text like ${EXAMPLE}`,
    );
  }
}

/**
 * The space of DARTS (Liu et al., ICLR 2019), of which NAS-Bench-301 knows accuracies: a normal and a reduction cell of four nodes, each the sum of two
 * operations on different earlier states. About 10¹⁸ architectures.
 */
class DartsSpace implements SearchSpace<DartsArchitecture> {
  readonly name = 'darts';
  readonly size = undefined;
  readonly separable = true;

  sample(random: Random): DartsArchitecture {
    const cell = (): CellEdge[] =>
      CONCAT.flatMap((_, node) =>
        random.choice(pairsOf(node)).map((input) => ({ operation: random.choice(DARTS_OPERATIONS), input })),
      );
    return { normal: cell(), reduce: cell() };
  }

  /** The edges of a node may come in either order. */
  parse(text: string): DartsArchitecture {
    const genotype = parseGenotype(text);
    if (typeof genotype === 'string') {
      throw new EznasError(
        'INVALID_ARCHITECTURE',
        `not a DARTS architecture: ${quoteArchitecture(text)} (${genotype}); expected a text like ${EXAMPLE}`,
      );
    }
    const architecture = { normal: orderEdges(genotype.normal).edges, reduce: orderEdges(genotype.reduce).edges };
    requireCells(architecture, quoteArchitecture(text));
    for (const { concat } of [genotype.normal, genotype.reduce]) {
      if (concat.join() === CONCAT.join()) continue;
      throw new EznasError(
        'INVALID_ARCHITECTURE',
        `not a DARTS architecture: ${quoteArchitecture(text)}; a cell's output are the states ${CONCAT.join(', ')}`,
      );
    }
    return architecture;
  }

  print({ normal, reduce }: DartsArchitecture): string {
    return printGenotype({ normal: cellOf(normal), reduce: cellOf(reduce) });
  }

  mutate(architecture: DartsArchitecture, random: Random): DartsArchitecture {
    return random.choice(this.neighbours(architecture));
  }

  /** One edge has another operation, or reads another state. */
  neighbours({ normal, reduce }: DartsArchitecture): DartsArchitecture[] {
    return [
      ...neighbourEdges(normal).map((edges) => ({ normal: edges, reduce })),
      ...neighbourEdges(reduce).map((edges) => ({ normal, reduce: edges })),
    ];
  }

  /** Of both cells, up to the numbering of nodes. */
  cells({ normal, reduce }: DartsArchitecture): CellDiagram[] {
    return [genotypeDiagram('normal', cellOf(normal)), genotypeDiagram('reduce', cellOf(reduce))];
  }

  canonical({ normal, reduce }: DartsArchitecture): string {
    return `${canonicalCell(cellOf(normal))} | ${canonicalCell(cellOf(reduce))}`;
  }

  build(architecture: DartsArchitecture, options?: NetworkOptions): NetworkGraph {
    requireCells(architecture, quoteArchitecture(JSON.stringify(architecture)));
    const genotype = { normal: cellOf(architecture.normal), reduce: cellOf(architecture.reduce) };
    return buildCellNetwork(genotype, resolveOptions(options, DEFAULTS));
  }
}

function neighbourEdges(edges: readonly CellEdge[]): (readonly CellEdge[])[] {
  return edges.flatMap((edge, place) => {
    const node = nodeOf(place);
    const other = edges[place ^ 1]!;
    const operations = DARTS_OPERATIONS.filter((operation) => operation !== edge.operation).map((operation) => ({
      ...edge,
      operation,
    }));
    const inputs = Array.from({ length: node + 2 }, (_, input) => ({ ...edge, input })).filter(
      ({ input }) => input !== edge.input && input !== other.input,
    );
    return [...operations, ...inputs].map((changed) => orderEdges(cellOf(edges.with(place, changed))).edges);
  });
}

/** A cell as one number below 180 · 7⁸: for each node its pair of states and its two operations, the first node most significant. */
export function encodeDartsCell(edges: readonly CellEdge[]): number {
  let code = 0;
  for (let node = 0; node < NODES; node++) {
    const [first, second] = [edges[2 * node]!, edges[2 * node + 1]!];
    const pairs = pairsOf(node);
    const pair = pairs.findIndex(([low, high]) => low === first.input && high === second.input);
    code = code * pairs.length + pair;
    for (const { operation } of [first, second]) {
      code = code * DARTS_OPERATIONS.length + DARTS_OPERATIONS.indexOf(operation as Operation);
    }
  }
  return code;
}

/** The cell that {@link encodeDartsCell} gives this number. */
export function decodeDartsCell(code: number): CellEdge[] {
  const edges: CellEdge[] = [];
  let rest = code;
  const digit = (base: number): number => {
    const value = rest % base;
    rest = Math.floor(rest / base);
    return value;
  };
  for (let node = NODES - 1; node >= 0; node--) {
    const operations = [digit(DARTS_OPERATIONS.length), digit(DARTS_OPERATIONS.length)].reverse();
    const pairs = pairsOf(node);
    const inputs = pairs[digit(pairs.length)]!;
    edges.unshift(...inputs.map((input, at) => ({ operation: DARTS_OPERATIONS[operations[at]!]!, input })));
  }
  return edges;
}

/** The DARTS search space. */
export const darts: SearchSpace<DartsArchitecture> = new DartsSpace();
