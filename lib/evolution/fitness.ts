import { kendallTauB } from '../correlation/kendall.ts';

/** Whether a program must rank all tasks in one direction, or may turn around between them. */
export type SignPolicy =
  /** One sign for all tasks, the better of the two. */
  | 'shared'
  /** The paper: the absolute value on each task, so that opposite directions go unpunished. */
  | 'per-task';

/** Direction of a program's scores: 1 when higher means more accurate, −1 when lower does. */
export type Sign = 1 | -1;

export interface Fitness {
  /** In [−1, 1]. */
  readonly fitness: number;
  readonly sign: Sign;
}

/** Fitness of a program that has no finite score for some network. */
export const INVALID_FITNESS = -1;

/**
 * Kendall's τ-b of a program's scores against the accuracies of a task; 0 when either is constant, since then nothing is ranked. Null when a
 * score is not finite: the program is invalid. (The released code also calls constant scores invalid; both are never selected over a
 * program that ranks anything.)
 */
export function taskTau(scores: ArrayLike<number>, accuracies: ArrayLike<number>): number | null {
  for (let network = 0; network < scores.length; network++) {
    if (!Number.isFinite(scores[network])) return null;
  }
  const tau = kendallTauB(scores, accuracies);
  return Number.isNaN(tau) ? 0 : tau;
}

/**
 * Fitness over several tasks: the minimum of what a program reaches on each (EZNAS, section 3.2).
 *
 * With a shared sign that is max over both signs s of min over tasks of s·τ: positive only if all tasks are ranked in one direction.
 * With a sign per task it is the minimum of |τ|; the sign reported is then that of the sum of τ. Invalid on any task: −1.
 *
 * @param taus τ on each task, at least one; null where the program is invalid
 */
export function combineTaus(taus: readonly (number | null)[], policy: SignPolicy): Fitness {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  let leastMagnitude = Number.POSITIVE_INFINITY;
  let sum = 0;
  for (const tau of taus) {
    if (tau === null) return { fitness: INVALID_FITNESS, sign: 1 };
    least = Math.min(least, tau);
    most = Math.max(most, tau);
    leastMagnitude = Math.min(leastMagnitude, Math.abs(tau));
    sum += tau;
  }
  if (policy === 'per-task') return { fitness: leastMagnitude, sign: sum < 0 ? -1 : 1 };
  return least >= -most ? { fitness: least, sign: 1 } : { fitness: 0 - most, sign: -1 };
}
