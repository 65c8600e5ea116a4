import { EznasError } from '../errors.ts';
import type { Random } from '../random.ts';
import { OPERATORS, type OperatorName, PAPER_OPERATORS } from './operators.ts';
import { isShape, type Shape } from './shapes.ts';
import { TENSORS, type TensorName } from './tensors.ts';
import { apply, leaf, type Program } from './tree.ts';
import { formatShape, type Signature, tensorShape } from './typing.ts';

/** The highest tree that can be asked for: a full binary one of this height has 4,095 nodes. */
export const MAX_GENERATED_HEIGHT = 11;

/** Types beyond this many are left out; the NASBench-201 signature has eight. */
const MAX_TYPES = 64;

/** What a generator draws from. */
export interface GeneratorOptions {
  /** Operators to use (default the paper's 34, see PAPER_OPERATORS). */
  readonly operators?: readonly OperatorName[];
  /** Tensors to read (default all). */
  readonly tensors?: readonly TensorName[];
  /**
   * How the height is drawn: `uniform` over those heights of the range that are possible (default), or `conditional`, as drawing
   * whole trees with DEAP until one is valid would leave it (low trees then dominate, since few high ones are valid).
   */
  readonly heights?: 'uniform' | 'conditional';
}

/** An operator with operands of given types, and what they make. */
interface Application {
  readonly operator: OperatorName;
  readonly operands: readonly number[];
  readonly result: number;
}

/** A height to draw a tree for, and the least depth of its leaves. */
interface Plan {
  readonly height: number;
  readonly leafDepth: number;
  readonly weight: number;
}

/** A choice at a node and its share of the probability. */
interface Choice {
  readonly weight: number;
  /** Undefined: a leaf. */
  readonly application?: Application;
}

/**
 * Generates programs that are valid by construction, with the distribution of DEAP's `genHalfAndHalf` restricted to valid trees.
 *
 * A type is a shape under the symbolic signature; the few types there are follow from the tensors' shapes and the shape rules. For
 * every type, remaining height and remaining least depth of leaves, the probability that DEAP's untyped generator makes a valid subtree of
 * that type follows by recursion: a leaf is uniform among the tensors, an operator uniform among the operators, and operands are
 * independent. Drawing each choice in proportion to it, top down, gives exactly the trees that rejection would keep, and rejects none.
 */
export class ProgramGenerator {
  /** Every type a subtree can have, as shapes of the signature. */
  readonly types: readonly Shape[];
  readonly #signature: Signature;
  readonly #operators: readonly OperatorName[];
  /** Tensors of each type. */
  readonly #leaves: readonly (readonly TensorName[])[];
  readonly #leafCount: number;
  /** Applications by result type. */
  readonly #applications: readonly (readonly Application[])[];
  readonly #heights: 'uniform' | 'conditional';
  readonly #mass = new Map<string, number>();
  readonly #choices = new Map<string, readonly Choice[]>();

  /**
   * @param signature usually a symbolic one, so that programs are valid on every unit of a space
   * @throws EznasError INVALID_ARGUMENT when there is no tensor or no operator to use
   */
  constructor(signature: Signature, options: GeneratorOptions = {}) {
    const operators = new Set(options.operators ?? PAPER_OPERATORS);
    const tensors = new Set(options.tensors ?? TENSORS);
    const unknown =
      [...operators].find((name) => !OPERATORS.some((row) => row.name === name)) ??
      [...tensors].find((name) => !TENSORS.includes(name));
    if (unknown !== undefined) throw new EznasError('INVALID_ARGUMENT', `unknown operator or tensor '${unknown}'`);
    if (operators.size === 0 || tensors.size === 0) {
      throw new EznasError('INVALID_ARGUMENT', 'programs need at least one operator and one tensor');
    }
    this.#signature = signature;
    this.#operators = [...operators];
    this.#heights = options.heights ?? 'uniform';
    this.#leafCount = tensors.size;

    const types = new TypeTable();
    const typeOf = new Map([...tensors].map((tensor) => [tensor, types.add(tensorShape(tensor, signature))]));
    const applications = closure(types, this.#operators);
    this.types = types.shapes;
    this.#leaves = this.types.map((_, type) => [...tensors].filter((tensor) => typeOf.get(tensor) === type));
    this.#applications = this.types.map((_, type) => applications.filter((application) => application.result === type));
  }

  /**
   * A random program: with equal chance full (all leaves at the drawn height) or grown (leaves from `minHeight` down, a leaf being
   * chosen with the share of tensors among tensors and operators), as DEAP's `genHalfAndHalf`.
   *
   * @param minHeight, maxHeight range of the drawn height, 0 to {@link MAX_GENERATED_HEIGHT}; a type that no tensor has makes the
   * least possible height larger than 0, and heights that are impossible are not drawn
   * @param type shape the program must have under the signature (default any)
   * @throws EznasError INVALID_ARGUMENT for a range or type that admits no program
   */
  generate(random: Random, minHeight: number, maxHeight: number, type?: Shape): Program {
    const targets = this.#targets(type);
    const plans = this.#plans(minHeight, maxHeight, targets);
    if (plans.length === 0) {
      const what = type ? `of shape ${formatShape(type, this.#signature.symbols)} ` : '';
      throw new EznasError('INVALID_ARGUMENT', `no program ${what}has a height within ${minHeight} to ${maxHeight}`);
    }
    const { height, leafDepth } = pick(random, plans);
    const weighted = targets.map((target) => ({ target, weight: this.#probability(target, height, leafDepth) }));
    return this.#draw(random, pick(random, weighted).target, height, leafDepth);
  }

  /** Whether {@link ProgramGenerator.generate} has a program to give for these arguments. */
  canGenerate(minHeight: number, maxHeight: number, type?: Shape): boolean {
    return this.#plans(minHeight, maxHeight, this.#targets(type)).length > 0;
  }

  /** The possible pairs of a height and a least depth of leaves, full trees having these equal. */
  #plans(minHeight: number, maxHeight: number, targets: readonly number[]): Plan[] {
    const range = [minHeight, maxHeight];
    if (!range.every(Number.isInteger) || minHeight < 0 || maxHeight < minHeight || maxHeight > MAX_GENERATED_HEIGHT) {
      throw new EznasError(
        'INVALID_ARGUMENT',
        `heights ${minHeight} to ${maxHeight} are no range within 0 to ${MAX_GENERATED_HEIGHT}`,
      );
    }
    const heights = Array.from({ length: maxHeight - minHeight + 1 }, (_, i) => minHeight + i);
    return [false, true].flatMap((full) => {
      const plans = heights.map((height) => {
        const leafDepth = full ? height : minHeight;
        const weight = targets.reduce((sum, target) => sum + this.#probability(target, height, leafDepth), 0);
        return { height, leafDepth, weight };
      });
      const possible = plans.filter((plan) => plan.weight > 0);
      if (this.#heights === 'conditional') return possible;
      return possible.map((plan) => ({ ...plan, weight: 1 / possible.length }));
    });
  }

  #targets(type: Shape | undefined): number[] {
    if (type === undefined) return this.types.map((_, index) => index);
    const key = type.join();
    const index = this.types.findIndex((shape) => shape.join() === key);
    return index < 0 ? [] : [index];
  }

  #draw(random: Random, type: number, height: number, leafDepth: number): Program {
    const { application } = pick(random, this.#choicesFor(type, height, leafDepth));
    if (!application) return leaf(random.choice(this.#leaves[type]!));
    const below = Math.max(0, leafDepth - 1);
    return apply(
      application.operator,
      ...application.operands.map((operand) => this.#draw(random, operand, height - 1, below)),
    );
  }

  /** Probability that the untyped generator makes a valid subtree of this type. */
  #probability(type: number, height: number, leafDepth: number): number {
    const key = `${type} ${height} ${leafDepth}`;
    let mass = this.#mass.get(key);
    if (mass === undefined) {
      mass = this.#choicesFor(type, height, leafDepth).reduce((sum, choice) => sum + choice.weight, 0);
      this.#mass.set(key, mass);
    }
    return mass;
  }

  /** What can stand at a node: `height` edges may follow below it, and leaves stand at least `leafDepth` edges below. */
  #choicesFor(type: number, height: number, leafDepth: number): readonly Choice[] {
    const key = `${type} ${height} ${leafDepth}`;
    const known = this.#choices.get(key);
    if (known) return known;
    const terminalRatio = this.#leafCount / (this.#leafCount + this.#operators.length);
    const leafChance = height === 0 ? 1 : leafDepth === 0 ? terminalRatio : 0;
    const choices: Choice[] = [{ weight: (leafChance * this.#leaves[type]!.length) / this.#leafCount }];
    if (height > 0) {
      const below = Math.max(0, leafDepth - 1);
      for (const application of this.#applications[type]!) {
        const operands = application.operands.reduce(
          (product, operand) => product * this.#probability(operand, height - 1, below),
          1,
        );
        choices.push({ weight: ((1 - leafChance) / this.#operators.length) * operands, application });
      }
    }
    const possible = choices.filter((choice) => choice.weight > 0);
    this.#choices.set(key, possible);
    return possible;
  }
}

/** The types met so far, numbered in the order of their first appearance. */
class TypeTable {
  readonly shapes: Shape[] = [];
  readonly #index = new Map<string, number>();

  has(shape: Shape): boolean {
    return this.#index.has(shape.join());
  }

  add(shape: Shape): number {
    const key = shape.join();
    let index = this.#index.get(key);
    if (index === undefined) {
      index = this.shapes.length;
      this.shapes.push(shape);
      this.#index.set(key, index);
    }
    return index;
  }
}

/** Every application of an operator to operands of types that the operators reach, adding the types of the results. */
function closure(types: TypeTable, names: readonly OperatorName[]): Application[] {
  const applications: Application[] = [];
  const rows = OPERATORS.filter((row) => names.includes(row.name));
  // Each round combines the newest type with itself and all before it; results may add further types.
  for (let newest = 0; newest < types.shapes.length; newest++) {
    for (const row of rows) {
      const tuples = row.arity === 1 ? [[newest]] : pairsWith(newest);
      for (const operands of tuples) {
        const result = row.shape(...operands.map((operand) => types.shapes[operand]!));
        if (!isShape(result)) continue;
        if (!types.has(result) && types.shapes.length >= MAX_TYPES) continue;
        applications.push({ operator: row.name, operands, result: types.add(result) });
      }
    }
  }
  return applications;
}

/** All ordered pairs of types up to `newest` in which it occurs. */
function pairsWith(newest: number): number[][] {
  const pairs = [[newest, newest]];
  for (let other = 0; other < newest; other++) pairs.push([other, newest], [newest, other]);
  return pairs;
}

/** One of the items in proportion to their weights, which are positive. */
function pick<T extends { readonly weight: number }>(random: Random, items: readonly T[]): T {
  let rest = random.uniform() * items.reduce((sum, item) => sum + item.weight, 0);
  for (const item of items) {
    rest -= item.weight;
    if (rest < 0) return item;
  }
  return items.at(-1)!;
}
