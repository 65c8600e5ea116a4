import { systematicPrograms } from '../forests/systematic.ts';
import { aggregateOf, type Term } from '../formulas/tree.ts';
import { formulaProblem } from '../formulas/validity.ts';
import type { Signature } from '../programs/typing.ts';
import { PROGRAM_PROXIES } from '../proxies/program-proxies.ts';
import type { Random } from '../random.ts';
import type { SearchConfig } from './config.ts';

/**
 * Formulas that a search begins with, valid under its signature: those of the catalogue, and with `systematic` a sample of the short programs that a person
 * would try first.
 *
 * @param most of the systematic ones
 */
export function seedFormulas(
  kind: NonNullable<SearchConfig['seeds']>,
  signature: Signature,
  most: number,
  random: Random,
): Term[] {
  if (kind === 'none') return [];
  const named = PROGRAM_PROXIES.map(({ program }): Term => aggregateOf('unit_mean', program));
  const fits = (term: Term) => formulaProblem(term, signature) === undefined;
  if (kind === 'catalogue') return named.filter(fits);
  const short = systematicPrograms().map((program): Term => aggregateOf('unit_mean', program));
  const fitting = short.filter(fits);
  const sample = random.sample(fitting.length, Math.min(most, fitting.length)).map((at) => fitting[at]!);
  return [...named.filter(fits), ...sample];
}
