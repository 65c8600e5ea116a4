import { nonDominated } from '../dominance.ts';
import { EznasError } from '../errors.ts';
import { searchByAging } from './algorithms/aging.ts';
import { searchLocally } from './algorithms/local.ts';
import { searchByNsga2 } from './algorithms/nsga2.ts';
import { searchAtRandom } from './algorithms/random.ts';
import type { AlgorithmName } from './config.ts';
import type { Evaluation, History } from './history.ts';
import type { SearchProblem } from './problem.ts';
import { SearchSession } from './session.ts';

/** How far a search has come. */
export interface SearchProgress<A> {
  /** Networks scored. */
  readonly done: number;
  /** The budget. */
  readonly total: number;
  readonly history: History<A>;
}

/** What a search did. */
export interface SearchOutcome<A> {
  /** Every network scored, in order. */
  readonly history: History<A>;
  /** Architectures proposed, whether or not they were new. */
  readonly proposals: number;
  /** Seconds of all measuring, warm-up and move proposals included. */
  readonly seconds: number;
  /** Why it ended: the budget was spent, or nothing new was found any more. */
  readonly ended: 'budget' | 'exhausted';
}

export interface SearchRunOptions<A> {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: SearchProgress<A>) => void;
}

const RUN: { readonly [Name in AlgorithmName]: <A>(session: SearchSession<A>) => Promise<void> } = {
  aging: searchByAging,
  random: searchAtRandom,
  local: searchLocally,
  nsga2: searchByNsga2,
};

/**
 * Searches a space. The same problem gives the same outcome, seconds aside.
 *
 * @throws EznasError INVALID_ARGUMENT when objectives do not suit the algorithm or constraints leave no architecture, ABORTED, and whatever the
 *   measuring throws
 */
export async function search<A>(
  problem: SearchProblem<A>,
  { signal, onProgress }: SearchRunOptions<A> = {},
): Promise<SearchOutcome<A>> {
  checkObjectives(problem);
  const { algorithm, budget } = problem.config;
  const session: SearchSession<A> = new SearchSession(problem, {
    ...(signal && { signal }),
    onScored: () => onProgress?.({ done: session.history.evaluations.length, total: budget, history: session.history }),
  });
  await RUN[algorithm](session);
  const { history, proposals, seconds, exhausted } = session;
  return { history, proposals, seconds, ended: exhausted ? 'exhausted' : 'budget' };
}

/** What a search found: the best by its one objective, the best first, or the whole front of several in the order scored. */
export function found<A>(history: History<A>, count: number): Evaluation<A>[] {
  if (history.objectives.length === 1) return history.best(count);
  const points = history.evaluations.map((evaluation) => history.merits(evaluation));
  return nonDominated(points).map((place) => history.evaluations[place]!);
}

/** @throws EznasError INVALID_ARGUMENT when the objectives do not suit the algorithm */
export function checkObjectives({
  config: { algorithm },
  objectives,
}: Pick<SearchProblem<never>, 'config' | 'objectives'>): void {
  if (objectives.length === 0) throw new EznasError('INVALID_ARGUMENT', 'a search needs an objective');
  if (objectives.length > 1 && algorithm !== 'nsga2') {
    const names = objectives.map(({ name }) => name).join(', ');
    throw new EznasError(
      'INVALID_ARGUMENT',
      `${algorithm} search has one objective, got ${names}; use nsga2, or combine proxies by weights`,
    );
  }
  for (const { name, terms } of objectives) {
    const wrong = terms.find(({ weight }) => !Number.isFinite(weight) || weight === 0);
    if (wrong || terms.length === 0) {
      throw new EznasError('INVALID_ARGUMENT', `objective ${name}: weights must be finite numbers other than 0`);
    }
  }
}
