import type { Inputs, Network } from '../engine/networks.ts';
import { flops } from '../graph/counts.ts';
import { openImages } from '../images/open.ts';
import { ProgramGenerator } from '../programs/generate.ts';
import { elementCount } from '../programs/shapes.ts';
import { symbolicSignature } from '../programs/symbols.ts';
import { isLeaf, operandsOf, type Program, subtrees } from '../programs/tree.ts';
import { inferShapes, type UnitShapes, unitSignature } from '../programs/typing.ts';
import { Random } from '../random.ts';
import { nasbench201 as space } from '../spaces/nasbench201.ts';

/** Random NASBench-201 networks (CIFAR-10 form), as searches and evaluations meet them. */
export interface Workload {
  readonly indices: readonly number[];
  readonly architectures: readonly string[];
  readonly networks: readonly Network[];
  /** Multiply-adds of one forward pass of one image, mean over the networks. */
  readonly meanMultiplyAdds: number;
  /** Of the images that the networks take. */
  readonly resolution: number;
}

export function randomNetworks(count: number, seed: number): Workload {
  const indices = new Random(seed).fork('networks').sample(space.size, count);
  const networks = indices.map((index) => ({ graph: space.build(space.architecture(index)), key: index }));
  return {
    indices,
    architectures: indices.map((index) => space.print(space.architecture(index))),
    networks,
    meanMultiplyAdds: networks.reduce((sum, { graph }) => sum + flops(graph), 0) / Math.max(1, count),
    resolution: 32,
  };
}

/** Photographs, by default as CIFAR-10's networks take them. */
export function photographs(batch: number, seed: number, resolution = 32): Inputs {
  const { data } = openImages('photographs').minibatch({ batch, seed, resolution });
  return { batch, shape: [3, resolution, resolution], data };
}

/** Random valid programs of height 2 to 6. */
export function randomPrograms(count: number, seed: number): Program[] {
  const generator = new ProgramGenerator(symbolicSignature());
  const random = new Random(seed).fork('programs');
  return Array.from({ length: count }, () => generator.generate(random, 2, 6));
}

/** Nodes of all trees, leaves included. */
export function nodeCount(programs: readonly Program[]): number {
  return programs.reduce((sum, program) => sum + [...subtrees(program)].length, 0);
}

/**
 * Node-elements of programs on units: one operator applied to one element, counting the largest of an operator's operands and result;
 * leaves are free.
 */
export function nodeElements(programs: readonly Program[], units: readonly UnitShapes[]): number {
  const perSignature = new Map<string, number>();
  return units.reduce((sum, shapes) => {
    const key = JSON.stringify(shapes);
    const known = perSignature.get(key) ?? unitNodeElements(programs, shapes);
    perSignature.set(key, known);
    return sum + known;
  }, 0);
}

function unitNodeElements(programs: readonly Program[], shapes: UnitShapes): number {
  const signature = unitSignature(shapes);
  return programs.reduce((sum, program) => {
    const inferred = inferShapes(program, signature);
    if (!Array.isArray(inferred)) return sum;
    const nodes = [...subtrees(program)];
    const elements = new Map(nodes.map((node, index) => [node, elementCount(inferred[index]!)]));
    let total = 0;
    for (const node of nodes) {
      if (!isLeaf(node)) total += Math.max(...[node, ...operandsOf(node)].map((part) => elements.get(part)!));
    }
    return sum + total;
  }, 0);
}
