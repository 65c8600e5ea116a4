import { createHash } from 'node:crypto';

/** The operations of a vertex, in the order of the published benchmark. */
export const OPERATIONS = ['conv3x3', 'conv1x1', 'maxpool3x3'] as const;

/** What a vertex does to the sum of its inputs; convolutions are followed by batch normalization and ReLU. */
export type Operation = (typeof OPERATIONS)[number];

/** Most vertices of a cell, its input and output included, and most edges. */
export const MOST_VERTICES = 7;
export const MOST_EDGES = 9;

/**
 * A NAS-Bench-101 cell: a directed acyclic graph whose vertices are the cell's input (0), `operations.length` interior ones and the output. Every
 * interior vertex lies on a path from input to output.
 */
export interface Nasbench101Architecture {
  /** Operations of the interior vertices 1, 2, … */
  readonly operations: readonly Operation[];
  /** For vertices 1, 2, … up to the output, the vertices that feed it, ascending and all smaller. */
  readonly inputs: readonly (readonly number[])[];
}

/** Number of edges. */
export const edgeCount = ({ inputs }: Nasbench101Architecture): number =>
  inputs.reduce((count, sources) => count + sources.length, 0);

/**
 * The cell without the vertices that no path from input to output visits: they are in no network. Undefined where there is no path at all.
 */
export function prune({ operations, inputs }: Nasbench101Architecture): Nasbench101Architecture | undefined {
  const output = inputs.length;
  const reached = new Set([0]);
  for (let vertex = 1; vertex <= output; vertex++) {
    if (inputs[vertex - 1]!.some((source) => reached.has(source))) reached.add(vertex);
  }
  const used = new Set([output]);
  for (let vertex = output; vertex > 0; vertex--) {
    if (used.has(vertex)) for (const source of inputs[vertex - 1]!) used.add(source);
  }
  if (!reached.has(output)) return undefined;
  const kept = Array.from({ length: output + 1 }, (_, vertex) => vertex).filter(
    (vertex) => reached.has(vertex) && used.has(vertex),
  );
  return {
    operations: kept.slice(1, -1).map((vertex) => operations[vertex - 1]!),
    inputs: kept
      .slice(1)
      .map((vertex) => inputs[vertex - 1]!.map((source) => kept.indexOf(source)).filter((source) => source >= 0)),
  };
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/**
 * The fingerprint by which NAS-Bench-101 tells cells apart (Ying et al., ICML 2019, section 2.1 and the algorithm of the released code): labels of
 * the vertices are hashed together with those of their neighbours, as often as there are vertices. Isomorphic cells share it; among the cells of
 * this space no others do. (Networks of isomorphic cells may differ by a channel: where channels do not divide evenly, the order of vertices says who
 * gets more. The published benchmark takes them for one all the same.)
 *
 * @returns 32 hexadecimal digits, as published
 */
export function cellHash({ operations, inputs }: Nasbench101Architecture): string {
  const count = inputs.length + 1;
  const sources = [[], ...inputs];
  const targets = sources.map((_, vertex) => [...sources.keys()].filter((other) => sources[other]!.includes(vertex)));
  const labels = [-1, ...operations.map((operation) => OPERATIONS.indexOf(operation)), -2];
  // The published labels are the texts of Python tuples.
  let hashes = labels.map((label, vertex) => md5(`(${targets[vertex]!.length}, ${sources[vertex]!.length}, ${label})`));
  const joined = (vertices: readonly number[]) =>
    vertices
      .map((vertex) => hashes[vertex]!)
      .sort()
      .join('');
  for (let round = 0; round < count; round++) {
    hashes = hashes.map((own, vertex) => md5(`${joined(sources[vertex]!)}|${joined(targets[vertex]!)}|${own}`));
  }
  return md5(
    `[${hashes
      .sort()
      .map((hash) => `'${hash}'`)
      .join(', ')}]`,
  );
}

/** Bit of the edge source → target among the edges of a packed cell. */
const edgeBit = (source: number, target: number): number => source + (target * (target - 1)) / 2;

/**
 * A cell as one unsigned 32-bit number: bit x + y(y − 1)/2 for the edge x → y (21 bits), the number of vertices less 2 (3 bits), and the interior
 * operations as base-3 digits, the first least significant (8 bits).
 */
export function encodeCell({ operations, inputs }: Nasbench101Architecture): number {
  let edges = 0;
  for (const [place, sources] of inputs.entries()) {
    for (const source of sources) edges |= 1 << edgeBit(source, place + 1);
  }
  const digits = operations.reduceRight(
    (code, operation) => code * OPERATIONS.length + OPERATIONS.indexOf(operation),
    0,
  );
  return (edges | (operations.length << 21) | (digits << 24)) >>> 0;
}

/** The cell that {@link encodeCell} gives this number. */
export function decodeCell(code: number): Nasbench101Architecture {
  const interior = (code >>> 21) & 7;
  const operations = Array.from(
    { length: interior },
    (_, place) => OPERATIONS[Math.floor((code >>> 24) / OPERATIONS.length ** place) % OPERATIONS.length]!,
  );
  const inputs = Array.from({ length: interior + 1 }, (_, place) =>
    Array.from({ length: place + 1 }, (_, source) => source).filter(
      (source) => (code >>> edgeBit(source, place + 1)) & 1,
    ),
  );
  return { operations, inputs };
}
