import { distinctPrograms, termValue } from '../formulas/evaluate.ts';
import { type Formula, termsOf } from '../formulas/tree.ts';
import { canonicalText, type Program } from '../programs/tree.ts';
import type { Inputs, Network } from './networks.ts';
import { type EvaluateOptions, evaluatePrograms, scoreNetworks } from './run.ts';
import type { ScoreMatrix } from './scores.ts';
import type { Statistics } from './statistics.ts';

/** Values of the terms of formulas on networks: [formula][term][network]. A formula that is no forest has one term. */
export type TermValues = readonly (readonly Float64Array[])[];

/** Values of one of the formulas' programs on a network's units. */
export type UnitValues = (program: Program, network: number) => Float64Array;

export interface TermOptions extends EvaluateOptions {
  /** Called with the values on every unit, once all are there; not where no formula has a program. */
  readonly onUnits?: (values: UnitValues) => void;
}

/**
 * Values of formulas' terms on networks, run in one go (see scoreNetworks): NaN where a term has none. Equal programs of several formulas run once.
 *
 * @throws what scoreNetworks throws
 */
export async function scoreTerms(
  networks: readonly Network[],
  formulas: readonly Formula[],
  inputs: Inputs,
  { onUnits, ...options }: TermOptions = {},
): Promise<TermValues> {
  const { programs, rows } = distinctPrograms(formulas);
  const matrix =
    programs.length === 0
      ? undefined
      : await scoreNetworks(networks, programs, inputs, { ...options, unitScores: true });
  if (matrix) onUnits?.((program, network) => matrix.unitScores(rows.get(canonicalText(program))!, network)!);
  return termValues(networks, formulas, rows, matrix);
}

/** Values of formulas' terms from recorded statistics of the networks, in the same order. */
export async function evaluateTerms(
  statistics: Statistics,
  networks: readonly Network[],
  formulas: readonly Formula[],
  options: EvaluateOptions = {},
): Promise<TermValues> {
  const { programs, rows } = distinctPrograms(formulas);
  const matrix =
    programs.length === 0 ? undefined : await evaluatePrograms(statistics, programs, { ...options, unitScores: true });
  return termValues(networks, formulas, rows, matrix);
}

function termValues(
  networks: readonly Network[],
  formulas: readonly Formula[],
  rows: ReadonlyMap<string, number>,
  matrix: ScoreMatrix | undefined,
): TermValues {
  return formulas.map((formula) =>
    termsOf(formula).map((term) =>
      Float64Array.from(networks, ({ graph }, network) =>
        termValue(term, graph, (program) => matrix!.unitScores(rows.get(canonicalText(program))!, network)!),
      ),
    ),
  );
}
