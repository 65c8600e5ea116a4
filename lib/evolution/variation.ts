import { EznasError } from '../errors.ts';
import type { ProgramGenerator } from '../programs/generate.ts';
import { isLeaf, MAX_HEIGHT, MAX_SIZE, type Program, replaceSubtree, subtreeAt } from '../programs/tree.ts';
import { inferShapes, type Signature } from '../programs/typing.ts';
import type { Random } from '../random.ts';

/** How offspring are made. The defaults are the paper's (EZNAS, section 3.3, and the released configuration). */
export interface VariationOptions {
  /** Share of crossover (default 0.4). */
  readonly crossover?: number;
  /** Share of mutation (default 0.4); what is left is reproduction. */
  readonly mutation?: number;
  /** Heights of the subtree that a mutation brings in (default 0 to 5). */
  readonly mutationHeights?: readonly [min: number, max: number];
  /** A child that is higher is replaced by one of its parents (default 10). */
  readonly heightLimit?: number;
}

export type VariationOperation = 'crossover' | 'mutation' | 'reproduction';

export interface Offspring<T = Program> {
  readonly program: T;
  readonly operation: VariationOperation;
  /** Indices into the population varied; for a crossover the one that gave the root first. */
  readonly parents: readonly number[];
}

/** Programs are varied under one signature, so that all offspring of programs valid under it are. */
export interface VariationContext {
  readonly random: Random;
  readonly signature: Signature;
  /** Made for the same signature. */
  readonly generator: ProgramGenerator;
}

/**
 * {@link varyWith} of programs valid under the context's signature.
 *
 * @throws EznasError INVALID_ARGUMENT for an empty population or impossible options; INVALID_PROGRAM for a program that is not valid
 */
export function vary(
  population: readonly Program[],
  count: number,
  context: VariationContext,
  options: VariationOptions = {},
): Offspring[] {
  const { mutationHeights = [0, 5], heightLimit = 10 } = options;
  const ways: VariationWays<Program> = {
    crossOver: (first, second) => crossOver(first, second, context, heightLimit),
    mutate: (program) => mutate(program, context, mutationHeights, heightLimit),
  };
  return varyWith(ways, population, count, context.random, options);
}

/** How one kind of individual is varied; undefined for a child over its limits. */
export interface VariationWays<T> {
  crossOver(first: T, second: T): T | undefined;
  mutate(parent: T): T | undefined;
}

/**
 * DEAP's `varOr`: each child comes from a crossover, a mutation or a reproduction, with parents drawn uniformly (two different ones where
 * there are two). A child over the limits is replaced by one of its parents, at random.
 *
 * @param population at least one individual
 * @throws EznasError INVALID_ARGUMENT for an empty population or impossible options
 */
export function varyWith<T>(
  ways: VariationWays<T>,
  population: readonly T[],
  count: number,
  random: Random,
  options: VariationOptions = {},
): Offspring<T>[] {
  const { crossover = 0.4, mutation = 0.4, heightLimit = 10 } = options;
  if (population.length === 0) throw new EznasError('INVALID_ARGUMENT', 'variation needs at least one program');
  if (!Number.isInteger(count) || count < 0) throw new EznasError('INVALID_ARGUMENT', `cannot make ${count} offspring`);
  if (!(crossover >= 0 && mutation >= 0 && crossover + mutation <= 1 + 1e-12)) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `shares of crossover ${crossover} and mutation ${mutation} must be at least 0 and together at most 1`,
    );
  }
  if (!Number.isInteger(heightLimit) || heightLimit < 0 || heightLimit > MAX_HEIGHT) {
    throw new EznasError('INVALID_ARGUMENT', `height limit ${heightLimit} is not an integer from 0 to ${MAX_HEIGHT}`);
  }

  const makeChild = (): Offspring<T> => {
    const drawn = random.uniform();
    const operation = drawn < crossover ? 'crossover' : drawn < crossover + mutation ? 'mutation' : 'reproduction';
    if (operation !== 'crossover') {
      const index = random.integer(population.length);
      const parent = population[index]!;
      return {
        program: operation === 'mutation' ? (ways.mutate(parent) ?? parent) : parent,
        operation,
        parents: [index],
      };
    }
    const parents = population.length === 1 ? [0, 0] : random.sample(population.length, 2);
    const [first, second] = [population[parents[0]!]!, population[parents[1]!]!];
    const program = ways.crossOver(first, second) ?? random.choice([first, second]);
    return { program, operation, parents };
  };
  return Array.from({ length: count }, makeChild);
}

/**
 * The first child of DEAP's `cxOnePoint`, typed: a subtree of the first program, its root excepted, makes way for a subtree of the same
 * shape from the second, every such pair being equally likely. The first program itself where either is a single leaf or no shapes match.
 *
 * @returns undefined when the child is over the height limit
 * @throws EznasError INVALID_PROGRAM for a program that is not valid under the signature
 */
export function crossOver(
  first: Program,
  second: Program,
  context: VariationContext,
  heightLimit: number,
): Program | undefined {
  if (isLeaf(first) || isLeaf(second)) return within(first, heightLimit);
  const ours = nodesByType(first, context.signature);
  const theirs = nodesByType(second, context.signature);
  const pairs = [...ours].map(([type, nodes]) => ({ nodes, partners: theirs.get(type) ?? [] }));
  const total = pairs.reduce((sum, { nodes, partners }) => sum + nodes.length * partners.length, 0);
  if (total === 0) return within(first, heightLimit);
  let drawn = context.random.integer(total);
  for (const { nodes, partners } of pairs) {
    const count = nodes.length * partners.length;
    if (drawn < count) {
      const node = nodes[Math.floor(drawn / partners.length)]!;
      const donated = subtreeAt(second, partners[drawn % partners.length]!);
      return replaceWithin(first, node, donated, heightLimit);
    }
    drawn -= count;
  }
  return undefined;
}

/**
 * DEAP's `mutUniform`, typed: a subtree, the root included, makes way for a new half-and-half tree of the same shape. A new root may have
 * any shape, since nothing above it cares. The program itself where the generator has
 * no tree of that shape and height.
 *
 * @returns undefined when the child is over the height limit
 * @throws EznasError INVALID_PROGRAM for a program that is not valid under the signature
 */
export function mutate(
  program: Program,
  context: VariationContext,
  [min, max]: readonly [number, number],
  heightLimit: number,
): Program | undefined {
  const { random, signature, generator } = context;
  const index = random.integer(program.size);
  const type = index === 0 ? undefined : typesOf(program, signature)[index];
  if (!generator.canGenerate(min, max, type)) return within(program, heightLimit);
  return replaceWithin(program, index, generator.generate(random, min, max, type), heightLimit);
}

function typesOf(program: Program, signature: Signature) {
  const types = inferShapes(program, signature);
  if (!Array.isArray(types)) throw new EznasError('INVALID_PROGRAM', types.message);
  return types;
}

/** Preorder indices of the nodes below the root, by their shape, in the order of first appearance. */
function nodesByType(program: Program, signature: Signature): Map<string, number[]> {
  const nodes = new Map<string, number[]>();
  for (const [index, shape] of typesOf(program, signature).entries()) {
    if (index === 0) continue;
    const type = shape.join();
    const indices = nodes.get(type) ?? [];
    indices.push(index);
    nodes.set(type, indices);
  }
  return nodes;
}

function within(program: Program, heightLimit: number): Program | undefined {
  return program.height <= heightLimit ? program : undefined;
}

/** The child, unless it is over the limits. */
function replaceWithin(
  program: Program,
  index: number,
  replacement: Program,
  heightLimit: number,
): Program | undefined {
  const size = program.size - subtreeAt(program, index).size + replacement.size;
  if (size > MAX_SIZE || depthOf(program, index) + replacement.height > heightLimit) return undefined;
  return within(replaceSubtree(program, index, replacement), heightLimit);
}

/** Edges from the root to the node at a preorder index. */
function depthOf(program: Program, index: number): number {
  if (index === 0 || isLeaf(program)) return 0;
  let rest = index - 1;
  for (const operand of program.operands) {
    if (rest < operand.size) return 1 + depthOf(operand, rest);
    rest -= operand.size;
  }
  return 0;
}
