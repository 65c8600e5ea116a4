import { EznasError } from '../errors.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import type { Random } from '../random.ts';
import { genotypeDiagram } from './cells/diagram.ts';
import {
  type Cell,
  type CellEdge,
  canonicalCell,
  edgesProblem,
  type Genotype,
  orderEdges,
  parseGenotype,
  printGenotype,
  statesProblem,
} from './cells/genotype.ts';
import { buildCellNetwork, type CellNetworkOptions } from './cells/network.ts';
import type { CellOperation } from './cells/operations.ts';
import type { CellDiagram } from './diagram.ts';
import { NDS_DESIGNS, type NdsDesign } from './nds-designs.ts';
import { resolveOptions } from './options.ts';
import { quoteArchitecture } from './quote.ts';
import type { NetworkOptions, SearchSpace, Stem } from './space.ts';

/** Two cells, and how many channels and cells their network has. */
export interface NdsArchitecture extends Genotype {
  /** Channels of each node of the first cells. */
  readonly width: number;
  /** Cells, reduction cells included. */
  readonly depth: number;
}

/** One of the forms in which a design comes: for which images, and whether widths and depths are chosen or given. */
export interface NdsForm {
  readonly stem: Stem;
  readonly widths: readonly number[];
  readonly depths: readonly number[];
}

/**
 * Forms of every design, by what their names end with. Radosavovic et al. fix a width of 16 and a depth of 20 or draw these of three and five; on
 * ImageNet, networks have the fixed sizes of Yang et al. (UnNAS, ECCV 2020) or are drawn of larger ones.
 */
export const NDS_FORMS: Readonly<Record<string, NdsForm>> = {
  '': { stem: 'cifar', widths: [16, 24, 32], depths: [4, 8, 12, 16, 20] },
  '-fix': { stem: 'cifar', widths: [16], depths: [20] },
  '-in': { stem: 'imagenet', widths: [32, 48, 64, 80, 96], depths: [6, 10, 14, 18, 22] },
  '-in-fix': { stem: 'imagenet', widths: [32], depths: [22] },
};

const CIFAR = { classes: 10, resolution: 32 };
const IMAGENET = { classes: 1000, resolution: 224 };

/** Larger sizes are those of no network, and some product of them would not be an integer of 32 bits. */
const MAX_WIDTH = 4096;
const MAX_DEPTH = 1000;

/**
 * A space of "On Network Design Spaces for Visual Recognition" (Radosavovic et al., ICCV 2019): a normal and a reduction cell of nodes that each add
 * two operations on earlier states, not necessarily different ones, in a network of some width and depth. Sampling draws every choice uniformly, as
 * the paper's networks were drawn.
 *
 * Sizes and outputs of cells other than the space's are read and built all the same, since published networks may have them.
 */
export class NdsSpace implements SearchSpace<NdsArchitecture> {
  readonly name: string;
  readonly size = undefined;
  readonly separable = true;
  readonly dataset: string;
  readonly design: NdsDesign;
  readonly form: NdsForm;

  constructor(name: string, design: NdsDesign, form: NdsForm) {
    this.name = name;
    this.design = design;
    this.form = form;
    this.dataset = form.stem === 'cifar' ? 'cifar10' : 'imagenet';
  }

  sample(random: Random): NdsArchitecture {
    const edge = (place: number): CellEdge => ({
      operation: random.choice(this.design.operations),
      input: random.integer(2 + (place >> 1)),
    });
    const cell = (): Cell => this.#cell(Array.from({ length: 2 * this.design.nodes }, (_, place) => edge(place)));
    return {
      normal: cell(),
      reduce: cell(),
      width: random.choice(this.form.widths),
      depth: random.choice(this.form.depths),
    };
  }

  /** Edges of a node may come in either order. Left out, outputs of cells are the space's, and sizes its largest. */
  parse(text: string): NdsArchitecture {
    const genotype = parseGenotype(text, (edges) => this.#output(edges));
    if (typeof genotype === 'string') return this.#refuse(text, genotype);
    const [width, depth] = [readSize(text, 'width'), readSize(text, 'depth')];
    const architecture = {
      normal: orderEdges(genotype.normal),
      reduce: orderEdges(genotype.reduce),
      width: width ?? this.form.widths.at(-1)!,
      depth: depth ?? this.form.depths.at(-1)!,
    };
    this.#require(architecture, text);
    return architecture;
  }

  print(architecture: NdsArchitecture): string {
    const { width, depth } = architecture;
    return `${printGenotype(architecture, (edges) => this.#output(edges))} width:${width} depth:${depth}`;
  }

  mutate(architecture: NdsArchitecture, random: Random): NdsArchitecture {
    return random.choice(this.neighbours(architecture));
  }

  /** One edge has another operation or reads another state, or the network has another width or depth. Outputs of changed cells are the space's. */
  neighbours(architecture: NdsArchitecture): NdsArchitecture[] {
    const { normal, reduce, width, depth } = architecture;
    const { widths, depths } = this.form;
    return [
      ...this.#neighbourCells(normal).map((changed) => ({ ...architecture, normal: changed })),
      ...this.#neighbourCells(reduce).map((changed) => ({ ...architecture, reduce: changed })),
      ...widths.filter((other) => other !== width).map((other) => ({ ...architecture, width: other })),
      ...depths.filter((other) => other !== depth).map((other) => ({ ...architecture, depth: other })),
    ];
  }

  /** Of both cells, up to the numbering of nodes. */
  cells({ normal, reduce }: NdsArchitecture): CellDiagram[] {
    return [genotypeDiagram('normal', normal), genotypeDiagram('reduce', reduce)];
  }

  canonical({ normal, reduce, width, depth }: NdsArchitecture): string {
    return `${canonicalCell(normal)} | ${canonicalCell(reduce)} | ${width} ${depth}`;
  }

  /** Options of width and depth take the place of the architecture's own. */
  build(architecture: NdsArchitecture, options?: NetworkOptions): NetworkGraph {
    this.#require(architecture, JSON.stringify(architecture));
    const { stem } = this.form;
    const defaults: CellNetworkOptions = {
      ...(stem === 'cifar' ? CIFAR : IMAGENET),
      inputChannels: 3,
      initialChannels: architecture.width,
      cells: architecture.depth,
      separableUnit: 'first',
      stem,
    };
    return buildCellNetwork(architecture, resolveOptions(options, defaults));
  }

  /** States that make up the output of a cell with these edges. */
  #output(edges: readonly CellEdge[]): number[] {
    const nodes = Array.from({ length: edges.length / 2 }, (_, node) => node + 2);
    if (this.design.output === 'all') return nodes;
    const read = new Set(edges.map(({ input }) => input));
    return nodes.filter((state) => !read.has(state));
  }

  #cell(edges: readonly CellEdge[]): Cell {
    return orderEdges({ edges, concat: this.#output(edges) });
  }

  #neighbourCells({ edges }: Cell): Cell[] {
    return edges.flatMap((edge, place) => {
      const other = edges[place ^ 1]!;
      // Of two equal edges, changing the second gives what changing the first gives.
      if (place % 2 === 1 && other.operation === edge.operation && other.input === edge.input) return [];
      const states = Array.from({ length: 2 + (place >> 1) }, (_, state) => state);
      return [
        ...this.design.operations.map((operation) => ({ ...edge, operation })),
        ...states.map((input) => ({ ...edge, input })),
      ]
        .filter(({ operation, input }) => operation !== edge.operation || input !== edge.input)
        .map((changed) => this.#cell(edges.with(place, changed)));
    });
  }

  #require(architecture: NdsArchitecture, shown: string): void {
    for (const name of ['normal', 'reduce'] as const) {
      const problem = this.#cellProblem(architecture?.[name]);
      if (problem !== undefined) this.#refuse(shown, `${name}: ${problem}`);
    }
    const { width, depth } = architecture;
    if (!inRange(width, MAX_WIDTH)) this.#refuse(shown, `width must be an integer from 1 to ${MAX_WIDTH}`);
    if (!inRange(depth, MAX_DEPTH)) this.#refuse(shown, `depth must be an integer from 1 to ${MAX_DEPTH}`);
  }

  #cellProblem(cell: Cell | undefined): string | undefined {
    const { nodes, operations } = this.design;
    if (!Array.isArray(cell?.edges) || cell.edges.length !== 2 * nodes) return `${2 * nodes} edges are needed`;
    const problem = edgesProblem(cell.edges);
    if (problem !== undefined) return problem;
    const foreign = cell.edges.find(({ operation }) => !operations.includes(operation));
    if (foreign !== undefined) return `${foreign.operation} is no operation of the space (${operations.join(', ')})`;
    return statesProblem(cell.concat, nodes);
  }

  #refuse(shown: string, reason: string): never {
    const edges = (operations: readonly CellOperation[]) =>
      Array.from({ length: 2 * this.design.nodes }, (_, place): CellEdge => {
        return { operation: operations[place % operations.length]!, input: place % 2 };
      });
    const [width, depth] = [this.form.widths[0]!, this.form.depths[0]!];
    const normal = this.#cell(edges(this.design.operations));
    const reduce = this.#cell(edges(this.design.operations.toReversed()));
    throw new EznasError(
      'INVALID_ARCHITECTURE',
      `not an architecture of ${this.name}: ${quoteArchitecture(shown)} (${reason}); expected a text like ${this.print({ normal, reduce, width, depth })}`,
    );
  }
}

const inRange = (value: unknown, most: number): boolean =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;

/** The number that a text gives a size: NaN where it is no number, undefined where there is none. */
function readSize(text: string, name: string): number | undefined {
  const value = new RegExp(`\\b${name}\\s*[:=]\\s*([^\\s,)]*)`).exec(text.slice(0, 10_000))?.[1];
  return value === undefined ? undefined : /^\d+$/.test(value) ? Number(value) : Number.NaN;
}

/** All spaces of NDS: every design in every form, named such as `nds-darts`, `nds-darts-fix`, `nds-darts-in` and `nds-darts-in-fix`. */
export const ndsSpaces: readonly NdsSpace[] = NDS_DESIGNS.flatMap((design) =>
  Object.entries(NDS_FORMS).map(([suffix, form]) => new NdsSpace(`nds-${design.name}${suffix}`, design, form)),
);
