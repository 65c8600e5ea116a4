import { EznasError } from '../errors.ts';
import { ProgramGenerator } from '../programs/generate.ts';
import { canonicalText, type Program } from '../programs/tree.ts';
import type { Signature } from '../programs/typing.ts';
import type { Random } from '../random.ts';
import type { Evaluator } from './assessment.ts';
import type { SearchConfig } from './config.ts';
import type { FitnessTask } from './task.ts';
import { type VariationOperation, vary } from './variation.ts';

/** A program before it is assessed, and where it comes from. */
export interface Candidate {
  readonly program: Program;
  readonly operation: 'initial' | 'immigrant' | VariationOperation;
  /** The programs it was made from; none for a new one. */
  readonly parents: readonly Program[];
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
 * Makes the programs of a generation. Shapes fit by construction; whether values are finite is only found out by running, so every candidate
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
    this.#generator = new ProgramGenerator(signature, { heights: config.heightDraw });
    this.#evaluator = evaluator;
    this.#probe = tasks.slice(0, PROBE_TASKS).map((task) => ({
      ...task,
      name: `${task.name}/probe`,
      networks: task.networks.slice(0, PROBE_NETWORKS),
      accuracies: task.accuracies.slice(0, PROBE_NETWORKS),
      indices: task.indices.slice(0, PROBE_NETWORKS),
    }));
  }

  /** The first parents: new programs alone. */
  initial(random: Random, signal?: AbortSignal): Promise<Brood> {
    return this.#validOf(this.#config.population, (count) => this.#create(count, 'initial', random), signal);
  }

  /** A generation: children of the parents, then immigrants. */
  async offspring(parents: readonly Program[], random: Random, signal?: AbortSignal): Promise<Brood> {
    const { population, immigrants } = this.#config;
    const newcomers = Math.floor(population * immigrants);
    const children = await this.#validOf(population - newcomers, (count) => this.#vary(parents, count, random), signal);
    const fresh = await this.#validOf(newcomers, (count) => this.#create(count, 'immigrant', random), signal);
    return { candidates: [...children.candidates, ...fresh.candidates], drawn: children.drawn + fresh.drawn };
  }

  #create(count: number, operation: 'initial' | 'immigrant', random: Random): Candidate[] {
    const [least, most] = this.#config.initialHeights;
    return Array.from({ length: count }, () => ({
      program: this.#generator.generate(random, least, most),
      operation,
      parents: [],
    }));
  }

  #vary(population: readonly Program[], count: number, random: Random): Candidate[] {
    const context = { random, signature: this.#signature, generator: this.#generator };
    return vary(population, count, context, this.#config).map(({ program, operation, parents }) => ({
      program,
      operation,
      parents: parents.map((index) => population[index]!),
    }));
  }

  /** Draws as many as are missing until all are valid. */
  async #validOf(count: number, draw: (count: number) => Candidate[], signal?: AbortSignal): Promise<Brood> {
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
      candidates.push(...batch.filter((_, index) => valid[index]));
    }
    return { candidates, drawn };
  }

  async #try(candidates: readonly Candidate[], signal?: AbortSignal): Promise<boolean[]> {
    const texts = candidates.map(({ program }) => canonicalText(program));
    const untried = new Map(
      texts.flatMap((text, index) => (this.#passed.has(text) ? [] : [[text, candidates[index]!.program]])),
    );
    const programs = [...untried.values()];
    const finite = programs.map(() => true);
    const discerning = programs.map(() => false);
    for (const task of programs.length > 0 ? this.#probe : []) {
      const scores = await this.#evaluator(programs, task, signal);
      for (const index of programs.keys()) {
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
