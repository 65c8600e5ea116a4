import { kendallTauB } from '../correlation/kendall.ts';
import { ranks } from '../correlation/moments.ts';
import { EznasError } from '../errors.ts';
import { crossOver, mutate, type VariationContext } from '../evolution/variation.ts';
import { type Forest, forest, type Term } from '../formulas/tree.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import { ProgramGenerator } from '../programs/generate.ts';
import { OPERATORS } from '../programs/operators.ts';
import type { Program } from '../programs/tree.ts';
import type { Signature } from '../programs/typing.ts';
import { Random } from '../random.ts';
import type { Candidate, ProgramValues } from './candidates.ts';
import type { ForestConfig } from './config.ts';
import { predictAccuracies } from './prediction.ts';
import { Shortlist } from './shortlist.ts';

/** Networks that a forest is to rank. */
export interface ForestTask {
  readonly name: string;
  readonly graphs: readonly NetworkGraph[];
  /** Of the first networks; those of the others are not known. */
  readonly accuracies: Float64Array;
}

/**
 * Values of programs on the units of the task's networks from … to (exclusive): by program and network; undefined where an operator rejects the
 * units' shapes.
 */
export type UnitEvaluator = (
  programs: readonly Program[],
  task: number,
  networks: { readonly from: number; readonly to: number },
  signal?: AbortSignal,
) => Promise<readonly (ProgramValues | undefined)[]>;

export interface ForestProblem {
  readonly config: ForestConfig;
  readonly tasks: readonly ForestTask[];
  /** Programs are made to be valid under it. */
  readonly signature: Signature;
  readonly evaluate: UnitEvaluator;
  /** Programs to begin with beside random ones, such as those of the catalogue. */
  readonly seeds?: readonly Program[];
}

/** How far a search is. */
export interface ForestProgress {
  /** Batches of programs evaluated, and most there will be. */
  readonly done: number;
  readonly total: number;
  /** Distinct programs met, and those of them that rank networks in a new way. */
  readonly programs: number;
  readonly valid: number;
  /** The forest so far; undefined before the first term. */
  readonly forest: Forest | undefined;
  /** Its fitness, and its least τ over the tasks. */
  readonly fitness: number;
  readonly tau: number;
}

/** What one batch of programs brought. */
export interface GrowthBatch {
  /** Programs of the batch that were new, and those of them that rank networks in a new way. */
  readonly programs: number;
  readonly valid: number;
  /** Fitness of the forest with the best candidate known after it, and quartiles over the candidates that are parents of what follows; null for none. */
  readonly best: number | null;
  readonly upper: number | null;
  readonly median: number | null;
  readonly lower: number | null;
}

/** The search for one term. */
export interface GrowthRound {
  /** Terms that stood before. */
  readonly beside: readonly Term[];
  /** The best candidates in the end, one for each program, the best first: their nodes, and the fitness with each. */
  readonly considered: readonly { readonly term: Term; readonly size: number; readonly fitness: number }[];
  /** Batches evaluated for it; the first round has the initial programs before them. */
  readonly batches: readonly GrowthBatch[];
}

export interface GrownForest {
  readonly forest: Forest;
  /** The least correlation of its scores with the ranks of the predicted accuracies of any task, less the penalty for size. */
  readonly fitness: number;
  /** τ-b with the known accuracies of each task. */
  readonly taus: readonly number[];
  /** How each term came in, first to last: the fitness with it. */
  readonly growth: readonly { readonly term: Term; readonly fitness: number }[];
  /** Distinct programs met. */
  readonly programs: number;
}

export interface GrowOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ForestProgress) => void;
  /** Called after the search for each term, also the last, whose best gained too little. */
  readonly onRound?: (round: GrowthRound) => void;
}

/**
 * Grows a forest term by term. First, many programs are met, and the terms that rank the networks of known accuracy best are listed. From all of these
 * together the accuracies of the other networks are predicted ({@link predictAccuracies}). Then, for each place, programs evolve whose terms, added to
 * those there are, follow the predictions on all networks best. When all terms are there, each is exchanged for the best beside the others until
 * none gains.
 *
 * A few terms chosen from thousands by few accuracies are those that luck favours on these networks. The prediction leans on no few terms, and the
 * forest is chosen on as many networks as one likes, since predictions cost no training.
 *
 * The same problem gives the same forest.
 *
 * @throws EznasError INVALID_ARGUMENT for a problem without tasks, or with a task of fewer than two known accuracies, or more accuracies than networks;
 *   ABORTED; INVALID_ARGUMENT when no program gives a term
 */
export async function growForest(problem: ForestProblem, options: GrowOptions = {}): Promise<GrownForest> {
  const { config, tasks } = problem;
  if (
    tasks.length === 0 ||
    tasks.some(({ accuracies, graphs }) => accuracies.length < 2 || accuracies.length > graphs.length)
  ) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      'a forest search needs tasks of at least two accuracies, and of as many networks or more',
    );
  }
  const growth = new Growth(problem, options);
  await growth.begin();
  while (growth.terms < config.terms && (await growth.addTerm()));
  growth.refine();
  return growth.result();
}

/** Candidates told of a round, at most. */
const TOLD = 300;

interface Ranked {
  readonly candidate: Candidate;
  readonly fitness: number;
}

class Growth {
  readonly #problem: ForestProblem;
  readonly #options: GrowOptions;
  readonly #random: Random;
  readonly #context: VariationContext;
  readonly #shortlist: Shortlist;
  /** Ranks of the predicted accuracies of each task, with mean 0 and length 1. */
  #targets: readonly Float64Array[] = [];
  #valid = 0;
  #chosen: readonly Candidate[] = [];
  readonly #came: { term: Term; fitness: number }[] = [];
  #fitness = Number.NEGATIVE_INFINITY;
  #done = 0;
  /** Batches of this round; quartiles are known when candidates are ranked after the batch. */
  #batches: GrowthBatch[] = [];

  constructor(problem: ForestProblem, options: GrowOptions) {
    const { config, signature } = problem;
    this.#problem = problem;
    this.#options = options;
    this.#random = new Random(config.seed).fork('forest');
    const generator = new ProgramGenerator(signature, { operators: OPERATORS.map(({ name }) => name) });
    this.#context = { random: this.#random, signature, generator };
    this.#shortlist = new Shortlist(problem);
  }

  get terms(): number {
    return this.#chosen.length;
  }

  /** Meets the seeds and the first random programs, and predicts accuracies by them. */
  async begin(): Promise<void> {
    const { config, seeds = [], tasks } = this.#problem;
    await this.#meet([...seeds, ...Array.from({ length: config.initial }, () => this.#randomProgram())]);
    this.#targets = tasks.map(({ accuracies }, task) => {
      const features = this.#shortlist.candidates.map(({ parts }) => parts[task]!);
      return centred(ranks(predictAccuracies(features, accuracies)));
    });
  }

  /** Looks for one more term; whether there is one that gains enough. */
  async addTerm(): Promise<boolean> {
    const { config } = this.#problem;
    for (let generation = 0; generation < config.generations; generation++) {
      await this.#meet(this.#offspring());
    }
    const ranked = this.#ranked(this.#chosen);
    const [best] = ranked;
    this.#describeBatch(ranked);
    this.#options.onRound?.({
      beside: this.#chosen.map(({ term }) => term),
      considered: ranked.slice(0, TOLD).map(({ candidate: { term, size }, fitness }) => ({ term, size, fitness })),
      batches: this.#batches,
    });
    this.#batches = [];
    if (
      best === undefined ||
      best.fitness < this.#fitness + (this.terms > 0 ? config.leastGain : Number.NEGATIVE_INFINITY)
    ) {
      return false;
    }
    this.#take([...this.#chosen, best.candidate], best.fitness);
    this.#came.push({ term: best.candidate.term, fitness: best.fitness });
    return true;
  }

  /** Exchanges terms while that gains. */
  refine(): void {
    for (let gained = true; gained; ) {
      gained = false;
      for (let at = 0; at < this.#chosen.length && this.#chosen.length > 1; at++) {
        const others = this.#chosen.filter((_, index) => index !== at);
        const [best] = this.#ranked(others);
        if (best === undefined || best.fitness <= this.#fitness + 1e-9) continue;
        this.#take([...others, best.candidate], best.fitness);
        gained = true;
      }
    }
  }

  result(): GrownForest {
    return {
      forest: this.#forest(),
      fitness: this.#fitness,
      taus: this.#taus(),
      growth: this.#came,
      programs: this.#shortlist.programs,
    };
  }

  #forest(): Forest {
    return forest(
      'share_sum',
      this.#chosen.map(({ term }) => term),
    );
  }

  #take(chosen: readonly Candidate[], fitness: number): void {
    this.#chosen = chosen;
    this.#fitness = fitness;
  }

  /** The candidates by the fitness of the forest with each beside some terms, best first; one for each program. */
  #ranked(beside: readonly Candidate[]): Ranked[] {
    const { nodePenalty } = this.#problem.config;
    const base = this.#targets.map((target, task) => sumOf(beside, task, target.length));
    const size = beside.reduce((sum, candidate) => sum + candidate.size, 0);
    const best = new Map<Program | Term, Ranked>();
    for (const candidate of this.#shortlist.candidates) {
      if (beside.includes(candidate)) continue;
      const follows = this.#targets.map((target, task) => correlation(base[task]!, candidate.parts[task]!, target));
      const fitness = Math.min(...follows) - (size + candidate.size) * nodePenalty;
      const key = candidate.program ?? candidate.term;
      if (fitness > (best.get(key)?.fitness ?? Number.NEGATIVE_INFINITY)) best.set(key, { candidate, fitness });
    }
    return [...best.values()].sort((a, b) => b.fitness - a.fitness);
  }

  /** Quartiles of the round's last batch, where they are not known yet. */
  #describeBatch(ranked: readonly Ranked[]): void {
    const last = this.#batches.at(-1);
    if (last === undefined || last.best !== null || ranked.length === 0) return;
    const parents = ranked.slice(0, this.#problem.config.parents);
    const at = (share: number) => parents[Math.round((1 - share) * (parents.length - 1))]!.fitness;
    this.#batches[this.#batches.length - 1] = {
      ...last,
      best: at(1),
      upper: at(0.75),
      median: at(0.5),
      lower: at(0.25),
    };
  }

  #offspring(): Program[] {
    const { config } = this.#problem;
    const random = this.#random;
    const ranked = this.#ranked(this.#chosen);
    this.#describeBatch(ranked);
    const pool = ranked.slice(0, config.parents).flatMap(({ candidate }) => candidate.program ?? []);
    // The lowest index of a tournament is the fittest.
    const parent = () => {
      const drawn = Array.from({ length: config.tournament }, () => random.integer(pool.length));
      return pool[Math.min(...drawn)]!;
    };
    return Array.from({ length: config.population }, () => {
      if (pool.length === 0 || random.uniform() < config.immigrants) return this.#randomProgram();
      const child =
        random.uniform() < config.crossover
          ? crossOver(parent(), parent(), this.#context, config.heightLimit)
          : mutate(parent(), this.#context, [0, Math.min(3, config.heightLimit)], config.heightLimit);
      return child ?? this.#randomProgram();
    });
  }

  #randomProgram(): Program {
    const { initialHeight, heightLimit } = this.#problem.config;
    return this.#context.generator.generate(this.#random, 1, Math.min(initialHeight, heightLimit));
  }

  async #meet(programs: readonly Program[]): Promise<void> {
    const { signal } = this.#options;
    if (signal?.aborted) throw new EznasError('ABORTED', 'the search was aborted', { cause: signal.reason as unknown });
    const found = await this.#shortlist.add(programs, signal);
    this.#valid += found.valid;
    this.#batches.push({ ...found, best: null, upper: null, median: null, lower: null });
    this.#done += 1;
    this.#report();
  }

  /** τ-b of the terms so far with the known accuracies of each task. */
  #taus(): number[] {
    return this.#problem.tasks.map(({ accuracies }, task) =>
      kendallTauB(sumOf(this.#chosen, task, accuracies.length), accuracies),
    );
  }

  #report(): void {
    const { config } = this.#problem;
    this.#options.onProgress?.({
      done: this.#done,
      total: 1 + config.terms * config.generations,
      programs: this.#shortlist.programs,
      valid: this.#valid,
      forest: this.terms > 0 ? this.#forest() : undefined,
      fitness: this.#fitness,
      tau: Math.min(...this.#taus()),
    });
  }
}

/** Sums of the candidates' parts on the first networks of a task. */
function sumOf(candidates: readonly Candidate[], task: number, networks: number): Float64Array {
  const sum = new Float64Array(networks);
  for (const { parts } of candidates) {
    const part = parts[task]!;
    for (let network = 0; network < networks; network++) sum[network]! += part[network]!;
  }
  return sum;
}

/** Values less their mean, divided by their length. */
function centred(values: Float64Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const from = values.map((value) => value - mean);
  const length = Math.hypot(...from) || 1;
  return from.map((value) => value / length);
}

/** Correlation of a sum of two with a centred target; 0 where the sum is constant. */
function correlation(base: Float64Array, part: Float64Array, target: Float64Array): number {
  let [sum, squares, product] = [0, 0, 0];
  for (let i = 0; i < target.length; i++) {
    const score = base[i]! + part[i]!;
    sum += score;
    squares += score * score;
    product += score * target[i]!;
  }
  const variance = squares - (sum * sum) / target.length;
  return variance <= 0 ? 0 : product / Math.sqrt(variance);
}
