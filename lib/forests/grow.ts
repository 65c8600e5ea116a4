import { EznasError } from '../errors.ts';
import { crossOver, mutate, type VariationContext } from '../evolution/variation.ts';
import { type Forest, forest, type Term } from '../formulas/tree.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import { ProgramGenerator } from '../programs/generate.ts';
import { OPERATORS } from '../programs/operators.ts';
import { simplify } from '../programs/simplify.ts';
import { canonicalText, type Program } from '../programs/tree.ts';
import type { Signature } from '../programs/typing.ts';
import { Random } from '../random.ts';
import { type Candidate, candidatesOf, numberCandidates, type ProgramValues } from './candidates.ts';
import type { ForestConfig } from './config.ts';
import { ResampledTau } from './resampled-tau.ts';

/** Networks that a forest is to rank. */
export interface ForestTask {
  readonly name: string;
  readonly graphs: readonly NetworkGraph[];
  readonly accuracies: Float64Array;
}

/** Values of programs on the units of a task's networks: by program and network; undefined where an operator rejects the units' shapes. */
export type UnitEvaluator = (
  programs: readonly Program[],
  task: number,
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
  /** Distinct programs evaluated, and those of them that give a term. */
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
  /** Programs of the batch that were new, and those of them that give a term. */
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
  /** The least, over the tasks, of the quantile of τ over bootstrap resamples of the networks, less the penalty for size. */
  readonly fitness: number;
  /** τ-b on each task. */
  readonly taus: readonly number[];
  /** How each term came in, first to last: the fitness with it. */
  readonly growth: readonly { readonly term: Term; readonly fitness: number }[];
  /** Programs evaluated. */
  readonly programs: number;
}

export interface GrowOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ForestProgress) => void;
  /** Called after the search for each term, also the last, whose best gained too little. */
  readonly onRound?: (round: GrowthRound) => void;
}

/**
 * Grows a forest term by term. For each place, programs evolve whose terms, added to those there are, rank the networks best: a program is
 * as fit as the best of its aggregates, and every program met so far is a candidate and a parent, since the values of its units are known. When all
 * terms are there, each is exchanged for the best candidate beside the others until none gains.
 *
 * Fitness is the least over the tasks of a lower quantile of τ over bootstrap resamples: it resists formulas that a few networks favour.
 *
 * The same problem gives the same forest.
 *
 * @throws EznasError INVALID_ARGUMENT for a problem without tasks or with a task of fewer than two networks; ABORTED; INVALID_ARGUMENT when no
 *   program gives a term
 */
export async function growForest(problem: ForestProblem, options: GrowOptions = {}): Promise<GrownForest> {
  const { config, tasks } = problem;
  if (
    tasks.length === 0 ||
    tasks.some(({ accuracies, graphs }) => accuracies.length < 2 || accuracies.length !== graphs.length)
  ) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      'a forest search needs tasks of at least two networks with as many accuracies',
    );
  }
  const growth = new Growth(problem, options);
  await growth.begin();
  while (growth.terms < config.terms && (await growth.addTerm()));
  growth.refine();
  return growth.result();
}

/** Candidates whose fitness is computed whenever the best are asked for, at least. */
const LOOKED_AT = 300;

class Growth {
  readonly #problem: ForestProblem;
  readonly #options: GrowOptions;
  readonly #random: Random;
  readonly #context: VariationContext;
  readonly #tau: readonly ResampledTau[];
  /** Every program met, by canonical text, with its candidates. */
  readonly #programs = new Map<string, readonly Candidate[]>();
  readonly #candidates: Candidate[] = [];
  #valid = 0;
  #chosen: Candidate[] = [];
  readonly #came: { term: Term; fitness: number }[] = [];
  #fitness = Number.NEGATIVE_INFINITY;
  #done = 0;
  /** Batches of this round; quartiles are known when candidates are ranked after the batch. */
  #batches: GrowthBatch[] = [];

  constructor(problem: ForestProblem, options: GrowOptions) {
    const { config, signature, tasks } = problem;
    this.#problem = problem;
    this.#options = options;
    this.#random = new Random(config.seed).fork('forest');
    const generator = new ProgramGenerator(signature, { operators: OPERATORS.map(({ name }) => name) });
    this.#context = { random: this.#random, signature, generator };
    this.#tau = tasks.map(
      ({ accuracies, name }) => new ResampledTau(accuracies, config, this.#random.fork(`resamples of ${name}`)),
    );
  }

  get terms(): number {
    return this.#chosen.length;
  }

  /** Evaluates the seeds and the first random programs. */
  async begin(): Promise<void> {
    const { config, seeds = [], tasks } = this.#problem;
    this.#candidates.push(...numberCandidates(tasks.map(({ graphs }) => graphs)));
    await this.#evaluate([...seeds, ...Array.from({ length: config.initial }, () => this.#randomProgram())]);
  }

  /** Looks for one more term; whether there is one that gains enough. */
  async addTerm(): Promise<boolean> {
    const { config } = this.#problem;
    for (let generation = 0; generation < config.generations; generation++) {
      await this.#evaluate(this.#offspring());
    }
    const considered = this.#considered(this.#chosen, 1);
    const [best] = considered;
    this.#describeBatch(considered);
    this.#options.onRound?.({
      beside: this.#chosen.map(({ term }) => term),
      considered: considered.map(({ candidate: { term, size }, fitness }) => ({ term, size, fitness })),
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
        const [best] = this.#ranked(others, 1);
        if (best === undefined || best.fitness <= this.#fitness + 1e-9) continue;
        this.#take([...others, best.candidate], best.fitness);
        gained = true;
      }
    }
  }

  result(): GrownForest {
    if (this.#chosen.length === 0) {
      throw new EznasError('INVALID_ARGUMENT', 'no program that was met ranks the networks of all tasks');
    }
    return {
      forest: forest(
        'rank_sum',
        this.#chosen.map(({ term }) => term),
      ),
      fitness: this.#fitness,
      taus: this.#tau.map((tau, task) => tau.tau(this.#scores(this.#chosen, task))),
      growth: this.#came,
      programs: this.#programs.size,
    };
  }

  #take(chosen: Candidate[], fitness: number): void {
    this.#chosen = chosen;
    this.#fitness = fitness;
  }

  /** The candidates that stand best beside some terms, best first, at most `count`; one for each program. */
  #ranked(beside: readonly Candidate[], count: number): { candidate: Candidate; fitness: number }[] {
    return this.#considered(beside, count).slice(0, count);
  }

  /** As {@link #ranked}, with all whose fitness was computed on the way. */
  #considered(beside: readonly Candidate[], count: number): { candidate: Candidate; fitness: number }[] {
    const { config, tasks } = this.#problem;
    const base = tasks.map((_, task) => this.#scores(beside, task));
    const penalty = beside.reduce((sum, { size }) => sum + size, 0) * config.nodePenalty;
    const scoresOf = (candidate: Candidate, task: number) => {
      const part = candidate.parts[task]!;
      return base[task]!.map((score, network) => score + part[network]!);
    };
    // Resamples are for the promising.
    const quick = this.#candidates.map((candidate) => {
      const taus = this.#tau.map((tau, task) => tau.quick(scoresOf(candidate, task)));
      return { candidate, tau: Math.min(...taus) - candidate.size * config.nodePenalty };
    });
    const promising = quick.sort((a, b) => b.tau - a.tau).slice(0, Math.max(LOOKED_AT, 8 * count));
    const best = new Map<Program | Term, { candidate: Candidate; fitness: number }>();
    for (const { candidate } of promising) {
      if (beside.includes(candidate)) continue;
      const quantiles = this.#tau.map((tau, task) => tau.quantile(scoresOf(candidate, task)));
      const fitness = Math.min(...quantiles) - penalty - candidate.size * config.nodePenalty;
      const key = candidate.program ?? candidate.term;
      if (fitness > (best.get(key)?.fitness ?? Number.NEGATIVE_INFINITY)) best.set(key, { candidate, fitness });
    }
    return [...best.values()].sort((a, b) => b.fitness - a.fitness);
  }

  /** Quartiles of the round's last batch, where they are not known yet. */
  #describeBatch(ranked: readonly { readonly fitness: number }[]): void {
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

  #scores(chosen: readonly Candidate[], task: number): Float64Array {
    return sumOf(chosen, task, this.#problem.tasks[task]!.accuracies.length);
  }

  #offspring(): Program[] {
    const { config } = this.#problem;
    const random = this.#random;
    const ranked = this.#ranked(this.#chosen, config.parents);
    this.#describeBatch(ranked);
    const pool = ranked.flatMap(({ candidate }) => candidate.program ?? []);
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

  /** Evaluates those of the programs that are new, in their simplest form. */
  async #evaluate(programs: readonly Program[]): Promise<void> {
    const { tasks, evaluate } = this.#problem;
    const { signal } = this.#options;
    const fresh = new Map(programs.map(simplify).map((program) => [canonicalText(program), program]));
    for (const text of this.#programs.keys()) fresh.delete(text);
    const values: (readonly (ProgramValues | undefined)[])[] = [];
    for (const task of tasks.keys()) {
      if (signal?.aborted)
        throw new EznasError('ABORTED', 'the search was aborted', { cause: signal.reason as unknown });
      values.push(await evaluate([...fresh.values()], task, signal));
    }
    const before = this.#valid;
    for (const [row, [text, program]] of [...fresh].entries()) {
      const ofTasks = values.map((ofTask) => ofTask[row]);
      const candidates = ofTasks.every((ofTask) => ofTask !== undefined) ? candidatesOf(program, ofTasks) : [];
      this.#programs.set(text, candidates);
      this.#candidates.push(...candidates);
      if (candidates.length > 0) this.#valid += 1;
    }
    const found = { programs: fresh.size, valid: this.#valid - before };
    this.#batches.push({ ...found, best: null, upper: null, median: null, lower: null });
    this.#done += 1;
    this.#report();
  }

  #report(): void {
    const { config } = this.#problem;
    const taus = this.#tau.map((tau, task) => tau.tau(this.#scores(this.#chosen, task)));
    this.#options.onProgress?.({
      done: this.#done,
      total: 1 + config.terms * config.generations,
      programs: this.#programs.size,
      valid: this.#valid,
      forest:
        this.#chosen.length > 0
          ? forest(
              'rank_sum',
              this.#chosen.map(({ term }) => term),
            )
          : undefined,
      fitness: this.#fitness,
      tau: Math.min(...taus),
    });
  }
}

/** Sums of the candidates' parts on the networks of a task, of which there are so many. */
function sumOf(candidates: readonly Candidate[], task: number, networks: number): Float64Array {
  const sum = new Float64Array(networks);
  for (const { parts } of candidates) {
    const part = parts[task]!;
    for (let network = 0; network < networks; network++) sum[network]! += part[network]!;
  }
  return sum;
}
