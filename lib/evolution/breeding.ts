import { EznasError } from '../errors.ts';
import { AGGREGATORS } from '../formulas/aggregators.ts';
import { canonicalFormula } from '../formulas/print.ts';
import { aggregateOf, type Term } from '../formulas/tree.ts';
import { ProgramGenerator } from '../programs/generate.ts';
import { OPERATORS } from '../programs/operators.ts';
import { canonicalText } from '../programs/tree.ts';
import type { Signature } from '../programs/typing.ts';
import type { Random } from '../random.ts';
import type { Evaluator } from './assessment.ts';
import type { SearchConfig } from './config.ts';
import { FormulaVariation } from './formula-variation.ts';
import type { Island } from './islands.ts';
import { seedFormulas } from './seeds.ts';
import type { FitnessTask } from './task.ts';
import { type VariationOperation, varyWith } from './variation.ts';

/** A formula before it is assessed, and where it comes from. */
export interface Candidate {
  readonly formula: Term;
  readonly operation: 'initial' | 'immigrant' | VariationOperation;
  /** The formulas it was made from; none for a new one. */
  readonly parents: readonly Term[];
}

/** Candidates, all valid on the probe, and how many had to be made to get them. */
export interface Brood {
  readonly candidates: readonly Candidate[];
  readonly drawn: number;
}

/** The released code tries programs on two networks of two tasks before it takes them. */
const PROBE_TASKS = 2;
const PROBE_NETWORKS = 2;

/** Rounds of drawing without enough valid programs after which a search gives up. */
const MAX_ROUNDS = 200;

/**
 * Makes the formulas of a generation. Shapes fit by construction; whether values are finite is only found out by running, so every candidate
 * is tried on a probe of a few networks first, and replaced when a score is not finite or no task's networks are told apart.
 */
export class Breeder {
  readonly #config: SearchConfig;
  readonly #signature: Signature;
  readonly #generator: ProgramGenerator;
  readonly #evaluator: Evaluator;
  readonly #probe: readonly FitnessTask[];
  readonly #passed = new Map<string, boolean>();

  constructor(config: SearchConfig, signature: Signature, evaluator: Evaluator, tasks: readonly FitnessTask[]) {
    this.#config = config;
    this.#signature = signature;
    this.#generator = new ProgramGenerator(signature, {
      heights: config.heightDraw,
      ...(config.operators === 'all' && { operators: OPERATORS.map(({ name }) => name) }),
    });
    this.#evaluator = evaluator;
    this.#probe = tasks.slice(0, PROBE_TASKS).map((task) => ({
      ...task,
      name: `${task.name}/probe`,
      networks: task.networks.slice(0, PROBE_NETWORKS),
      accuracies: task.accuracies.slice(0, PROBE_NETWORKS),
      indices: task.indices.slice(0, PROBE_NETWORKS),
    }));
  }

  /** The first formulas of an island, of so many: the seeds there are, as far as they are valid, then new ones. */
  async initial(random: Random, islands: number, signal?: AbortSignal): Promise<Brood> {
    const { seeds = 'none', population, initialTimes = 1 } = this.#config;
    const count = Math.floor((population * initialTimes) / islands);
    const seeding = seedFormulas(seeds, this.#signature, Math.floor(count / 2), random).map(
      (formula): Candidate => ({ formula, operation: 'initial', parents: [] }),
    );
    const valid = seeding.length === 0 ? [] : await this.#try(seeding, signal);
    const planted = seeding.filter((_, at) => valid[at]).slice(0, count);
    const rest = await this.#validOf(count - planted.length, (more) => this.#create(more, 'initial', random), signal);
    return { candidates: [...planted, ...rest.candidates], drawn: seeding.length + rest.drawn };
  }

  /**
   * A generation of one of so many islands: children of the parents, then immigrants. Where programs survive, none is made that competes already.
   */
  async offspring({ parents, pool }: Island, random: Random, islands: number, signal?: AbortSignal): Promise<Brood> {
    const population = Math.floor(this.#config.population / islands);
    const newcomers = Math.floor(population * this.#config.immigrants);
    const met = pool.length > 0 ? new Set(pool.map((formula) => this.#identity(formula))) : undefined;
    const children = await this.#validOf(
      population - newcomers,
      (count) => this.#vary(parents, count, random),
      signal,
      met,
    );
    const fresh = await this.#validOf(newcomers, (count) => this.#create(count, 'immigrant', random), signal, met);
    return { candidates: [...children.candidates, ...fresh.candidates], drawn: children.drawn + fresh.drawn };
  }

  /** The formulas of which a candidate is the fittest: itself, or with every aggregator. */
  choicesOf(formula: Term): Term[] {
    if (this.#config.aggregatorChoice !== 'best' || formula.kind !== 'aggregate') return [formula];
    const names = this.#config.aggregators ?? AGGREGATORS.map(({ name }) => name);
    const others = names.filter((name) => name !== formula.aggregator);
    return [formula, ...others.map((name) => aggregateOf(name, formula.program))];
  }

  #create(count: number, operation: 'initial' | 'immigrant', random: Random): Candidate[] {
    const variation = this.#variation(random);
    return Array.from({ length: count }, () => ({
      formula: variation.finish(variation.create(this.#config.initialHeights)),
      operation,
      parents: [],
    }));
  }

  #vary(population: readonly Term[], count: number, random: Random): Candidate[] {
    const variation = this.#variation(random);
    return varyWith(variation, population, count, random, this.#config).map(({ program, operation, parents }) => ({
      formula: variation.finish(program),
      operation,
      parents: parents.map((index) => population[index]!),
    }));
  }

  #variation(random: Random): FormulaVariation {
    return new FormulaVariation({ random, signature: this.#signature, generator: this.#generator }, this.#config);
  }

  /** What a formula is known by: where every aggregator is tried, its program. */
  #identity(formula: Term): string {
    const whole = formula.kind !== 'aggregate' || this.#config.aggregatorChoice !== 'best';
    return whole ? canonicalFormula(formula) : canonicalText(formula.program);
  }

  /** Draws as many as are missing until all are valid, and none of them is among those met, whom they join. */
  async #validOf(
    count: number,
    draw: (count: number) => Candidate[],
    signal?: AbortSignal,
    met?: Set<string>,
  ): Promise<Brood> {
    const candidates: Candidate[] = [];
    let drawn = 0;
    for (let round = 0; candidates.length < count; round++) {
      if (round === MAX_ROUNDS) {
        throw new EznasError(
          'INVALID_ARGUMENT',
          `only ${candidates.length} of ${drawn} programs drawn give finite scores that differ between networks, ` +
            `${count} are needed; check the inputs and the networks, or allow other heights`,
        );
      }
      const batch = draw(count - candidates.length);
      drawn += batch.length;
      const valid = await this.#try(batch, signal);
      for (const [index, candidate] of batch.entries()) {
        const identity = this.#identity(candidate.formula);
        if (!valid[index] || met?.has(identity)) continue;
        met?.add(identity);
        candidates.push(candidate);
      }
    }
    return { candidates, drawn };
  }

  async #try(candidates: readonly Candidate[], signal?: AbortSignal): Promise<boolean[]> {
    const texts = candidates.map(({ formula }) => canonicalFormula(formula));
    const untried = new Map(
      texts.flatMap((text, index) => (this.#passed.has(text) ? [] : [[text, candidates[index]!.formula]])),
    );
    const formulas = [...untried.values()];
    const finite = formulas.map(() => true);
    const discerning = formulas.map(() => false);
    for (const task of formulas.length > 0 ? this.#probe : []) {
      const scores = await this.#evaluator(formulas, task, signal);
      for (const index of formulas.keys()) {
        const row = scores.row(index);
        finite[index] &&= row.every(Number.isFinite);
        discerning[index] ||= row.some((score) => score !== row[0]);
      }
    }
    for (const [index, text] of [...untried.keys()].entries()) {
      this.#passed.set(text, finite[index]! && discerning[index]!);
    }
    return texts.map((text) => this.#passed.get(text)!);
  }
}
