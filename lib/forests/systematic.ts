import { OPERATORS } from '../programs/operators.ts';
import { parseProgram } from '../programs/parse.ts';
import { simplify } from '../programs/simplify.ts';
import { TENSORS } from '../programs/tensors.ts';
import { canonicalText, type Program } from '../programs/tree.ts';

/** What a tensor may go through first: as it is, its signs, its support, its magnitudes, its standardized values. */
const PREPARED = ['', 'sign', 'gt0', 'abs', 'normalize'] as const;

/** How its elements are arranged: samples first, or channels first. */
const ARRANGED = ['', 'channels_first'] as const;

/** What makes it a number, however it is arranged: how many directions the rows of its matrix have. */
const SPECTRAL = ['participation_ratio', 'spectral_entropy'] as const;

/** What makes it a number that does not depend on the arrangement. */
const SUMMARIES = ['frobenius_norm', 'l1_norm', 'mean', 'std', 'count_nonzero', 'numel', 'max', 'min'] as const;

/** Matrices whose log-determinant tells how different samples or channels are, of tensors prepared in these ways. */
const RELATED = ['gram', 'covariance'] as const;
const RELATED_PREPARED: ReadonlySet<string> = new Set(['', 'sign', 'gt0', 'normalize']);

/** Programs whose log-determinant is taken of the tensor itself. */
const SQUARE_PREPARED: ReadonlySet<string> = new Set(['', 'sign']);

const call = (name: string, operand: string) => (name === '' ? operand : `${name}(${operand})`);

/**
 * The short programs that a person would try first: every operator of one operand on every tensor, and every summary, spectrum and log-determinant of
 * every tensor after one step of preparation. About 2,200, distinct, in their simplest form, the same every time. A random search of as many programs
 * meets few of them.
 */
export function systematicPrograms(): Program[] {
  const texts = TENSORS.flatMap((tensor) => [
    ...OPERATORS.filter(({ arity }) => arity === 1).map(({ name }) => call(name, tensor)),
    ...PREPARED.flatMap((prepared) => ARRANGED.flatMap((arranged) => summariesOf(prepared, arranged, tensor))),
  ]);
  const programs = texts.map(parseProgram).map(simplify);
  return [...new Map(programs.map((program) => [canonicalText(program), program])).values()];
}

function summariesOf(prepared: string, arranged: string, tensor: string): string[] {
  const operand = call(prepared, call(arranged, tensor));
  const related = RELATED_PREPARED.has(prepared) ? RELATED : [];
  const determinants = SQUARE_PREPARED.has(prepared) ? ['max', 'mean'] : [];
  return [
    ...SPECTRAL.map((name) => call(name, operand)),
    ...(arranged === '' ? SUMMARIES.map((name) => call(name, operand)) : []),
    ...related.map((name) => `mean(logabsdet(${name}(${operand})))`),
    ...determinants.map((name) => `${name}(logabsdet(${operand}))`),
  ];
}
