import { canonicalFormula } from '../formulas/print.ts';
import { aggregateOf, formulaSize, replaceSubterm, subterms, type Term } from '../formulas/tree.ts';
import { isLeaf, type Program, replaceSubtree, subtreeAt, subtrees } from '../programs/tree.ts';
import { inferShapes, type Signature } from '../programs/typing.ts';
import type { Assessor, Evaluation } from './assessment.ts';
import { simplifyTerm } from './formula-variation.ts';
import type { Finalist, SearchProblem } from './search.ts';

/** Rounds of cutting at most: every round leaves a smaller formula. */
const MOST_ROUNDS = 20;

/** Formulas tried in a round at most, the smallest first. */
const MOST_TRIED = 200;

/**
 * The final choice with the winner cut down: as long as a formula with a part of it in the place of more has at least its fitness on the same tasks, the
 * smallest of these takes its place. Algebra removes what never counts (see simplify); this, what does not change the ranking enough to tell.
 */
export async function withPruned(
  { finalists, evaluations }: { readonly finalists: readonly Finalist[]; readonly evaluations: readonly Evaluation[] },
  { tasks, choiceTasks = [], signature }: SearchProblem,
  assessor: Assessor,
  signal?: AbortSignal,
): Promise<{ finalists: Finalist[]; evaluations: Evaluation[] }> {
  const judging = choiceTasks.length > 0 ? choiceTasks : tasks;
  const made = [...evaluations];
  let winner = finalists[0]!;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const reduced = reductionsOf(winner.formula, signature).slice(0, MOST_TRIED);
    if (reduced.length === 0) break;
    const { assessments, evaluations: more } = await assessor.assess(reduced, judging, signal);
    made.push(...more);
    const at = assessments.findIndex(({ fitness }) => fitness >= winner.fitness);
    if (at < 0) break;
    winner = { formula: reduced[at]!, ...assessments[at]! };
  }
  const others = finalists.filter(({ formula }) => canonicalFormula(formula) !== canonicalFormula(winner.formula));
  return { finalists: [winner, ...others], evaluations: made };
}

/** Every smaller formula with a subtree in the place of one that holds it, in its simplest form, the smallest first. */
export function reductionsOf(term: Term, signature: Signature): Term[] {
  const found = subterms(term).flatMap((part, index): Term[] => {
    if (part.kind === 'operation') return part.operands.map((operand) => replaceSubterm(term, index, operand));
    if (part.kind !== 'aggregate') return [];
    return reducedPrograms(part.program, signature).map((program) =>
      replaceSubterm(term, index, aggregateOf(part.aggregator, program)),
    );
  });
  const smaller = found.map(simplifyTerm).filter((one) => formulaSize(one) < formulaSize(term));
  const distinct = [...new Map(smaller.map((one) => [canonicalFormula(one), one])).values()];
  return distinct.sort((a, b) => formulaSize(a) - formulaSize(b));
}

/** A node makes way for a node of the same shape below it; the root, for any below it. */
function reducedPrograms(program: Program, signature: Signature): Program[] {
  const shapes = inferShapes(program, signature);
  if (!Array.isArray(shapes)) return [];
  return [...subtrees(program)].flatMap((node, index) => {
    if (isLeaf(node)) return [];
    return Array.from({ length: node.size - 1 }, (_, below) => index + 1 + below)
      .filter((place) => index === 0 || shapes[place]!.join() === shapes[index]!.join())
      .map((place) => replaceSubtree(program, index, subtreeAt(program, place)));
  });
}
