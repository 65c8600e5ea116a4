/**
 * The rule that tells an ill-conditioned score from a wrong one. A float32 program decides its score only as far as rounding
 * lets it: an eigenvalue ratio of a rank-deficient Gram matrix, a determinant near zero, a comparison at equality or a sum
 * that cancels has no digits to compare. The rule (Monte Carlo arithmetic) evaluates the program in float64 several times,
 * each time with
 *   - every non-zero element of a recorded tensor moved by up to 2⁻²⁰ of that tensor's root mean square, well below
 *     what the tensors themselves may differ by (10⁻⁴), and
 *   - every operator's result moved by up to one float32 rounding (2⁻²³ relative), and every eigenvalue by up to one of the
 *     largest;
 * a score whose evaluations spread by more than the tolerance, or of which one is not finite, is ill-conditioned.
 */
import { Random } from '../../lib/random.ts';
import { parseReference, type ReferenceProgram, type ReferenceTensor, referenceScore } from '../oracle/evaluator.ts';

const EVALUATIONS = 6;
const LEAF_NOISE = 2 ** -20;
const ROUNDING = 2 ** -23;

/** Reads a recorded tensor of one unit. */
export type UnitLeaves = (unit: number) => (name: string) => ReferenceTensor;

/** Whether float32 leaves a program's score on a network undecided beyond a relative tolerance. */
export function isIllConditioned(text: string, units: number, leaves: UnitLeaves, tolerance: number): boolean {
  const program = parseReference(text);
  const scores = Array.from({ length: EVALUATIONS }, (_, seed) => perturbedScore(program, units, leaves, seed));
  const spread = Math.max(...scores) - Math.min(...scores);
  return !(spread <= tolerance * Math.max(...scores.map(Math.abs)));
}

function perturbedScore(program: ReferenceProgram, units: number, leaves: UnitLeaves, seed: number): number {
  const random = new Random(seed);
  const noise = () => 2 * random.uniform() - 1;
  let sum = 0;
  for (let unit = 0; unit < units; unit++) {
    const perturbed = new Map<string, ReferenceTensor>();
    const leaf = (name: string): ReferenceTensor => {
      const known = perturbed.get(name);
      if (known !== undefined) return known;
      const { shape, data } = leaves(unit)(name);
      const scale = LEAF_NOISE * Math.sqrt(data.reduce((total, x) => total + x * x, 0) / data.length);
      const moved = { shape, data: data.map((x) => (x === 0 ? 0 : x + scale * noise())) };
      perturbed.set(name, moved);
      return moved;
    };
    sum += referenceScore(program, { leaf, rounding: (x, scale = x) => x + scale * ROUNDING * noise() });
  }
  return sum / units;
}
