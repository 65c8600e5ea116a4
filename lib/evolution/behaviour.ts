import type { Evaluation } from './assessment.ts';
import type { Sign } from './fitness.ts';
import type { TaskResult } from './fitness-rule.ts';

/** Networks that two formulas must rank alike before they are taken to be equal: of fewer, too many formulas agree by chance. */
const LEAST_NETWORKS = 10;

/** A formula that ranks as another does, or the other way round. */
export interface Twin {
  readonly of: string;
  readonly direction: Sign;
}

/**
 * Formulas by how they rank the networks of a task, whatever they look like. One that ranks the first task of an assessment exactly as one evaluated
 * before, or in exactly the opposite order, is taken to do so on the others too.
 *
 * Of several that rank alike the first generation's counts, and of one generation's the first by text: a resumed run, which learns from an archive, takes the
 * same.
 */
export class Behaviours {
  /** Canonical text by ranking, see {@link rankingOf}. */
  readonly #first = new Map<string, string>();

  /** Learns from all evaluations of a generation together. */
  learn(evaluations: readonly Evaluation[]): void {
    const ordered = evaluations.toSorted((a, b) => (a.program < b.program ? -1 : a.program > b.program ? 1 : 0));
    for (const { program, task, tau, scores } of ordered) {
      const ranking = tau === null ? undefined : rankingOf(task, scores);
      if (ranking && !this.#first.has(ranking.key)) this.#first.set(ranking.key, program);
    }
  }

  /**
   * Those of the formulas just evaluated on a task that rank it as an earlier one, or as one before them in the list; which stands for them everywhere.
   *
   * @param stands whether an earlier formula's results on all tasks are known
   * @param scoresOf a formula's scores on the task
   */
  twins(
    evaluated: readonly Evaluation[],
    stands: (text: string) => boolean,
    scoresOf: (text: string) => Float64Array,
  ): Map<string, Twin> {
    const twins = new Map<string, Twin>();
    const before = new Map<string, string>();
    for (const { program, task, tau, scores } of evaluated) {
      const ranking = tau === null ? undefined : rankingOf(task, scores);
      if (ranking === undefined) continue;
      const learned = this.#first.get(ranking.key);
      const of = learned !== undefined && stands(learned) ? learned : before.get(ranking.key);
      if (of === undefined) before.set(ranking.key, program);
      else
        twins.set(program, { of, direction: rankingOf(task, scoresOf(of))?.direction === ranking.direction ? 1 : -1 });
    }
    return twins;
  }
}

/** A result with its scores in the given direction. */
export function copyOf({ tau, scores }: TaskResult, direction: Sign): TaskResult {
  return direction === 1
    ? { tau, scores }
    : { tau: tau === null ? null : 0 - tau, scores: scores.map((score) => 0 - score) };
}

/** The order in which scores put networks, as a text: the same for the opposite order, which `direction` tells apart. */
function rankingOf(task: string, scores: Float64Array): { key: string; direction: Sign } | undefined {
  if (scores.length < LEAST_NETWORKS) return undefined;
  const places = [...scores.keys()].sort((a, b) => scores[a]! - scores[b]! || a - b);
  const ranks = new Uint32Array(scores.length);
  let rank = 0;
  for (const [at, place] of places.entries()) {
    if (at > 0 && scores[place] !== scores[places[at - 1]!]) rank += 1;
    ranks[place] = rank;
  }
  if (rank === 0) return undefined;
  // In one of the two directions the first network that is not in the middle is in the lower half.
  const telling = ranks.find((of) => 2 * of !== rank);
  const direction = telling === undefined || 2 * telling < rank ? 1 : -1;
  const text = direction === 1 ? ranks.join() : ranks.map((of) => rank - of).join();
  return { key: `${task} ${text}`, direction };
}
