import { createHash } from 'node:crypto';
import { flops, params } from '../graph/counts.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import type { SeparableUnit } from '../graph/units.ts';
import type { Random } from '../random.ts';
import type { CellDiagram } from './diagram.ts';

/**
 * How to turn an architecture into a network. A space takes those of the options that mean something to it, and fills in what is left out with the
 * values its benchmark trained with.
 */
export interface NetworkOptions {
  /** Output features of the classifier. */
  readonly classes?: number;
  /** Height and width of the input images, in pixels. */
  readonly resolution?: number;
  /** Channels of the input images. */
  readonly inputChannels?: number;
  /** Channels after the stem; later stages have multiples of it. */
  readonly initialChannels?: number;
  /** Searched cells in each stage. */
  readonly cellsPerStage?: number;
  /** Searched cells in all. */
  readonly cells?: number;
  /** Which convolution of a separable one its unit holds, see lib/graph/units.ts. */
  readonly separableUnit?: SeparableUnit;
  /** Which images the first layers are made for. */
  readonly stem?: Stem;
}

/** Kinds of first layers: those for small images, which keep the extents, and those for large ones, which divide them. */
export const STEMS = ['cifar', 'imagenet'] as const;

export type Stem = (typeof STEMS)[number];

/** Images of so many pixels each way, and larger ones, are large. */
const LARGE_IMAGES = 96;

/** The stem that is asked for, or else the one that suits the resolution. */
export function stemFor(options: NetworkOptions | undefined, resolution: number): Stem {
  return options?.stem ?? (resolution < LARGE_IMAGES ? 'cifar' : 'imagenet');
}

/**
 * A set of architectures, and how to make networks of them. What it says of its architectures depends on nothing but them, so a space can be
 * shared and used from anywhere.
 *
 * @typeParam A an architecture: an immutable value, plain JSON
 */
export interface SearchSpace<A> {
  /** Short name, as the command line takes it. */
  readonly name: string;
  /** How many architectures there are where they are numbered (see {@link NumberedSpace}), otherwise undefined. */
  readonly size: number | undefined;
  /** Name of the dataset that its networks are made for, where that is not CIFAR-10. */
  readonly dataset?: string;
  /** Whether networks may have two convolutions in a row that are one unit, for which {@link NetworkOptions.separableUnit} tells the unit's. */
  readonly separable?: boolean;

  /** An architecture drawn uniformly. */
  sample(random: Random): A;

  /**
   * The architecture that a text names.
   *
   * @throws EznasError INVALID_ARCHITECTURE saying what the text should look like
   */
  parse(text: string): A;

  /** The text that {@link SearchSpace.parse} reads. */
  print(architecture: A): string;

  /** One of the architecture's neighbours, drawn uniformly. */
  mutate(architecture: A, random: Random): A;

  /** Every architecture that differs in one decision, in a fixed order. */
  neighbours(architecture: A): A[];

  /** A text that two architectures share only if they compute the same function of their input and weights. */
  canonical(architecture: A): string;

  /**
   * The architecture's network.
   *
   * @throws EznasError INVALID_ARGUMENT when an option is not a positive integer, INVALID_GRAPH when the resolution is too small for the
   *   network's strides, TOO_LARGE when the network would have more nodes than any sensible one
   */
  build(architecture: A, options?: NetworkOptions): NetworkGraph;

  /**
   * What the architecture's network starts from, where that is not the default: the number that, with the seed, decides its initial parameters (see
   * {@link networkKey}), or the parameters, in definition order.
   */
  start?(architecture: A): { readonly key: number; readonly parameters?: readonly Float32Array[] };

  /** The architecture's cells to be drawn, where it has cells. */
  cells?(architecture: A): readonly CellDiagram[];
}

/** A space whose architectures are numbered 0 … size − 1, in the order of its benchmark. */
export interface NumberedSpace<A> extends SearchSpace<A> {
  readonly size: number;

  /** All architectures, in index order. */
  enumerate(): IterableIterator<A>;

  /**
   * The architecture of an index.
   *
   * @throws EznasError INVALID_ARCHITECTURE when the index is not an integer from 0 to size − 1
   */
  architecture(index: number): A;

  /** The index of an architecture. */
  index(architecture: A): number;
}

/** Whether a space's architectures are numbered. */
export function isNumbered<A>(space: SearchSpace<A>): space is NumberedSpace<A> {
  return space.size !== undefined;
}

/**
 * The number that, with the seed, decides a network's initial parameters: an architecture's index where the space is numbered, otherwise 53 bits
 * of a hash of its text. The same architecture has the same key wherever it is met.
 */
export function networkKey<A>(space: SearchSpace<A>, architecture: A): number {
  if (isNumbered(space)) return space.index(architecture);
  const digest = createHash('sha256').update(space.print(architecture)).digest();
  return digest.readUIntBE(0, 6) * 2 ** 5 + (digest[6]! >> 3);
}

/** Sizes of an architecture's network. */
export interface NetworkCounts {
  /** Trainable parameters. */
  readonly params: number;
  /** Multiply-adds of one sample, see {@link flops}. */
  readonly flops: number;
}

/**
 * Parameters and FLOPs of an architecture's network.
 *
 * @throws EznasError what {@link SearchSpace.build} throws
 */
export function networkCounts<A>(space: SearchSpace<A>, architecture: A, options?: NetworkOptions): NetworkCounts {
  const graph = space.build(architecture, options);
  return { params: params(graph), flops: flops(graph) };
}
