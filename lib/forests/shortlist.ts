import { printFormula } from '../formulas/print.ts';
import { simplify } from '../programs/simplify.ts';
import { canonicalText, type Program } from '../programs/tree.ts';
import { type Candidate, candidatesOf, numberCandidates, type ProgramValues } from './candidates.ts';
import type { ForestProblem } from './grow.ts';
import { KnownOrder } from './known-order.ts';

/** Networks of each task that every program runs on first: what ranks these as earlier ones do, with every aggregator, is not run on the others. */
export const PROBE = 20;

/** Values by task. */
type TaskValues = readonly (ProgramValues | undefined)[];

/**
 * The terms that rank the networks of known accuracy best by themselves, of all programs met. A program runs on a few networks first, on the others of
 * known accuracy only if it ranks those few in a new way, and on networks of unknown accuracy only if some term of it is among the best.
 */
export class Shortlist {
  readonly #problem: ForestProblem;
  readonly #orders: readonly KnownOrder[];
  readonly #met = new Set<string>();
  /** How the terms met rank the first networks. */
  readonly #behaviours = new Set<string>();
  readonly #candidates: Candidate[] = [];
  /** Least agreement with the known accuracies that puts a term on the list: that of the last of the first programs' best. */
  #threshold: number | undefined;

  constructor(problem: ForestProblem) {
    this.#problem = problem;
    this.#orders = problem.tasks.map(({ accuracies }) => new KnownOrder(accuracies));
  }

  /** The terms, with their parts on all networks. */
  get candidates(): readonly Candidate[] {
    return this.#candidates;
  }

  /** Distinct programs met. */
  get programs(): number {
    return this.#met.size;
  }

  /**
   * Runs those of the programs that are new, in their simplest form. The first to be added decide how good a term must be.
   *
   * @returns how many were new, and how many of these rank the first networks in a new way
   */
  async add(programs: readonly Program[], signal?: AbortSignal): Promise<{ programs: number; valid: number }> {
    const { tasks } = this.#problem;
    const fresh = new Map(programs.map(simplify).map((program) => [canonicalText(program), program]));
    for (const text of this.#met) fresh.delete(text);
    for (const text of fresh.keys()) this.#met.add(text);

    const probe = tasks.map(({ accuracies }) => Math.min(PROBE, accuracies.length));
    const all = [...fresh.values()];
    const first = await this.#values(
      all,
      tasks.map(() => 0),
      probe,
      signal,
    );
    const distinct = all
      .map((program, row) => ({ program, values: first[row]! }))
      .filter(({ program, values }) => candidates(program, values, this.#behaviours).length > 0);

    const known = tasks.map(({ accuracies }) => accuracies.length);
    const labelled = await this.#extended(distinct, probe, known, signal);
    const promises = labelled.map(({ program, values }) => this.#promises(candidates(program, values)));
    const numbers =
      this.#threshold === undefined
        ? numberCandidates(tasks.map(({ graphs, accuracies }) => graphs.slice(0, accuracies.length)))
        : [];
    const ofNumbers = this.#promises(numbers);
    this.#threshold ??= threshold([...promises, ofNumbers], this.#problem.config.shortlist);

    if (numbers.length > 0) {
      const kept = this.#good(ofNumbers);
      this.#candidates.push(...withTerms(numberCandidates(tasks.map(({ graphs }) => graphs)), kept));
    }
    const good = labelled.flatMap((one, at) => {
      const kept = this.#good(promises[at]!);
      return kept.size > 0 ? [{ ...one, kept }] : [];
    });
    const every = await this.#extended(
      good,
      known,
      tasks.map(({ graphs }) => graphs.length),
      signal,
    );
    for (const [at, { program, values }] of every.entries()) {
      this.#candidates.push(...withTerms(candidates(program, values), good[at]!.kept));
    }
    return { programs: fresh.size, valid: distinct.length };
  }

  /** Values on the networks from … to of each task: by program and task. */
  async #values(
    programs: readonly Program[],
    from: readonly number[],
    to: readonly number[],
    signal: AbortSignal | undefined,
  ): Promise<TaskValues[]> {
    const byTask: (readonly (ProgramValues | undefined)[])[] = [];
    for (const task of this.#problem.tasks.keys()) {
      const range = { from: from[task]!, to: to[task]! };
      const none = programs.length === 0 || range.from === range.to;
      byTask.push(none ? programs.map(() => []) : await this.#problem.evaluate(programs, task, range, signal));
    }
    return programs.map((_, row) => byTask.map((values) => values[row]));
  }

  /** The same programs with their values on further networks. */
  async #extended(
    ran: readonly { readonly program: Program; readonly values: TaskValues }[],
    from: readonly number[],
    to: readonly number[],
    signal: AbortSignal | undefined,
  ): Promise<{ readonly program: Program; readonly values: TaskValues }[]> {
    const further = await this.#values(
      ran.map(({ program }) => program),
      from,
      to,
      signal,
    );
    return ran.map(({ program, values }, row) => ({
      program,
      values: values.map((before, task) => {
        const after = further[row]![task];
        return before && after && [...before, ...after];
      }),
    }));
  }

  /** How far each term agrees with the known accuracies, on the task where it does least. */
  #promises(terms: readonly Candidate[]): ReadonlyMap<string, number> {
    return new Map(
      terms.map(({ term, parts }) => [
        printFormula(term),
        Math.min(...this.#orders.map((order, task) => order.agreement(parts[task]!))),
      ]),
    );
  }

  #good(promises: ReadonlyMap<string, number>): ReadonlySet<string> {
    return new Set([...promises].flatMap(([term, promise]) => (promise >= this.#threshold! ? [term] : [])));
  }
}

/** Terms of a program that has values on all networks, else none. */
function candidates(program: Program, values: TaskValues, seen?: Set<string>): Candidate[] {
  const given = values.flatMap((one) => (one ? [one] : []));
  return given.length === values.length ? candidatesOf(program, given, seen) : [];
}

function withTerms(all: readonly Candidate[], kept: ReadonlySet<string>): Candidate[] {
  return all.filter(({ term }) => kept.has(printFormula(term)));
}

/** The agreement of the term at place `count` of the best, or of the last. */
function threshold(promises: readonly ReadonlyMap<string, number>[], count: number): number {
  const sorted = promises.flatMap((terms) => [...terms.values()]).sort((a, b) => b - a);
  return sorted[Math.min(count, sorted.length) - 1] ?? Number.NEGATIVE_INFINITY;
}
