import type { AggregatorName } from '../formulas/aggregators.ts';
import { NETWORK_NUMBERS } from '../formulas/numbers.ts';
import { SCALAR_OPERATORS } from '../formulas/scalar-operators.ts';
import {
  type Aggregate,
  aggregateOf,
  constant,
  matrixNumberOf,
  numberOf,
  operation,
  replaceSubterm,
  subterms,
  type Term,
  termHeight,
  termNodes,
} from '../formulas/tree.ts';
import { simplify } from '../programs/simplify.ts';
import type { SearchConfig } from './config.ts';
import { crossOver, mutate, type VariationContext, type VariationWays } from './variation.ts';

/** Nodes above the unit programs of a formula that a search makes, at most. */
const MOST_NODES = 7;

/** Share of mutations that change an aggregator, where there is more than one. */
const AGGREGATOR_SHARE = 0.2;

type Settings = Pick<SearchConfig, 'mutationHeights' | 'heightLimit' | 'aggregators' | 'structure' | 'simplified'>;

/**
 * Makes and varies the formulas of a search, which are terms: a program of a unit with an aggregator around it, or operators over several such and
 * numbers of the network. Where a search knows the mean alone and no structure, everything is drawn as for programs by themselves.
 */
export class FormulaVariation implements VariationWays<Term> {
  readonly #context: VariationContext;
  readonly #settings: Settings;
  readonly #aggregators: readonly AggregatorName[];
  readonly #structure: number;

  constructor(context: VariationContext, settings: Settings) {
    this.#context = context;
    this.#settings = settings;
    this.#aggregators = settings.aggregators ?? ['unit_mean'];
    this.#structure = settings.structure ?? 0;
  }

  /** A new formula whose programs' heights are drawn from the range. */
  create([least, most]: readonly [number, number]): Term {
    const { random } = this.#context;
    const first = this.#aggregate(least, most);
    if (this.#structure === 0 || random.uniform() >= this.#structure) return first;
    return operation(random.choice(BINARY), first, this.#leafOrAggregate(least, most));
  }

  /** A formula with its programs in their simplest form, if the search wants that. */
  finish(term: Term): Term {
    return this.#settings.simplified ? simplifyTerm(term) : term;
  }

  /**
   * The first formula with a subtree of one of its programs exchanged for one of a program of the second (see crossOver), or, where either has operators
   * above its programs, by even chance a term exchanged for one of the second's.
   */
  crossOver(first: Term, second: Term): Term | undefined {
    const { random } = this.#context;
    if ((first.kind === 'operation' || second.kind === 'operation') && random.uniform() < 0.5) {
      return this.#within(replaceSubterm(first, random.integer(termNodes(first)), random.choice(subterms(second))));
    }
    const [ours, theirs] = [this.#pickAggregate(first), this.#pickAggregate(second)];
    if (ours === undefined || theirs === undefined) return first;
    const program = crossOver(ours.aggregate.program, theirs.aggregate.program, this.#context, this.#limit);
    if (program === undefined) return undefined;
    return replaceSubterm(first, ours.index, aggregateOf(ours.aggregate.aggregator, program));
  }

  /** A formula with one of its programs mutated (see mutate), one of its aggregators changed, or what stands above its programs. */
  mutate(term: Term): Term | undefined {
    const { random } = this.#context;
    const changes = this.#aggregators.length > 1 ? AGGREGATOR_SHARE : 0;
    const drawn = changes + this.#structure > 0 ? random.uniform() : 1;
    if (drawn < this.#structure) return this.#within(this.#restructure(term));
    const picked = this.#pickAggregate(term);
    if (picked === undefined) return this.#within(this.#restructure(term));
    const { aggregate, index } = picked;
    if (drawn < this.#structure + changes) {
      const others = this.#aggregators.filter((name) => name !== aggregate.aggregator);
      return this.#within(replaceSubterm(term, index, aggregateOf(random.choice(others), aggregate.program)));
    }
    const program = mutate(aggregate.program, this.#context, this.#settings.mutationHeights, this.#limit);
    return program && replaceSubterm(term, index, aggregateOf(aggregate.aggregator, program));
  }

  get #limit(): number {
    return this.#settings.heightLimit;
  }

  #aggregate(least: number, most: number): Aggregate {
    const { random, generator } = this.#context;
    const program = generator.generate(random, least, most);
    return aggregateOf(
      this.#aggregators.length > 1 ? random.choice(this.#aggregators) : this.#aggregators[0]!,
      program,
    );
  }

  #leafOrAggregate(least: number, most: number): Term {
    const { random } = this.#context;
    return random.uniform() < 0.5 ? numberOf(random.choice(NETWORK_NUMBERS).name) : this.#aggregate(least, most);
  }

  /** One of the aggregates within a term, with its index among the subterms. */
  #pickAggregate(term: Term): { aggregate: Aggregate; index: number } | undefined {
    if (term.kind === 'aggregate') return { aggregate: term, index: 0 };
    const found = subterms(term).flatMap((inner, index) =>
      inner.kind === 'aggregate' ? [{ aggregate: inner, index }] : [],
    );
    return found.length === 0 ? undefined : this.#context.random.choice(found);
  }

  /** A term with an operator set above a part of it, a part in place of the whole, a number exchanged or a constant moved. */
  #restructure(term: Term): Term {
    const { random } = this.#context;
    const parts = subterms(term);
    const index = random.integer(parts.length);
    const part = parts[index]!;
    if (part.kind === 'constant') {
      return replaceSubterm(term, index, constant(part.value * Math.exp(random.normal()) || random.normal()));
    }
    if (part.kind === 'operation' && random.uniform() < 0.5) {
      return replaceSubterm(term, index, random.choice(part.operands));
    }
    if (part.kind === 'number' && random.uniform() < 0.5) {
      return replaceSubterm(term, index, numberOf(random.choice(NETWORK_NUMBERS).name));
    }
    const drawn = random.uniform();
    if (drawn < 0.3) return replaceSubterm(term, index, operation(random.choice(UNARY), part));
    const [least, most] = this.#settings.mutationHeights;
    const other = drawn < 0.45 ? constant(Math.exp(random.normal())) : this.#leafOrAggregate(least, most);
    const operands = random.uniform() < 0.5 ? [part, other] : [other, part];
    return replaceSubterm(term, index, operation(random.choice(BINARY), ...operands));
  }

  #within(term: Term): Term | undefined {
    return termNodes(term) <= MOST_NODES && termHeight(term) <= this.#limit + MOST_NODES ? term : undefined;
  }
}

/** A term with its programs in their simplest form. */
export function simplifyTerm(term: Term): Term {
  if (term.kind === 'aggregate') return aggregateOf(term.aggregator, simplify(term.program));
  if (term.kind === 'matrix') return matrixNumberOf(term.operator, term.aggregator, simplify(term.program));
  return term.kind === 'operation' ? operation(term.operator, ...term.operands.map(simplifyTerm)) : term;
}

const namesOf = (arity: number) => SCALAR_OPERATORS.filter((row) => row.arity === arity).map(({ name }) => name);
const UNARY = namesOf(1);
const BINARY = namesOf(2);
