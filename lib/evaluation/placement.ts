import { EznasError } from '../errors.ts';
import { unitPrograms } from '../formulas/tree.ts';
import { LABELLED } from '../proxies/measure-proxies.ts';
import { type Contender, contenderKinds } from './contenders.ts';
import type { Setting } from './setting.ts';

/** What scores come from. */
export interface Scored {
  /** Whether some are those of programs, which run on the setting's device. */
  readonly programs: boolean;
  /** Whether some are those of native measures, which run on the CPU. */
  readonly measures: boolean;
  /** Whether some depend on labels. */
  readonly labelled: boolean;
}

/** Of a search for programs, whose baselines are programs and counts. */
export const PROGRAMS_ALONE: Scored = { programs: true, measures: false, labelled: false };

/** What the scores of contenders come from. */
export function scoredBy(contenders: readonly Contender[]): Scored {
  const { formulas, measures } = contenderKinds(contenders);
  return {
    programs: formulas.some(({ formula }) => unitPrograms(formula).length > 0),
    measures: measures.length > 0,
    labelled: measures.some(({ measure }) => LABELLED.has(measure)),
  };
}

/**
 * Requires that the device asked for runs all contenders. `auto` always does: native measures run on the CPU, beside programs on GPUs.
 *
 * @throws EznasError INVALID_ARGUMENT for native measures on `cuda`
 */
export function requireDevice({ device }: Pick<Setting, 'device'>, contenders: readonly Contender[]): void {
  const { measures } = contenderKinds(contenders);
  if (device !== 'cuda' || measures.length === 0) return;
  const names = measures.map(({ name }) => name).join(', ');
  throw new EznasError(
    'INVALID_ARGUMENT',
    `device 'cuda' does not run ${names}: native measures have no GPU kernels; take 'auto', which runs them on the CPU and programs on the GPUs, or 'cpu'`,
  );
}
