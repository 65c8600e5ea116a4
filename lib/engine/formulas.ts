import { EznasError } from '../errors.ts';
import { termValue } from '../formulas/evaluate.ts';
import { type Formula, matrixNumbers, termsOf } from '../formulas/tree.ts';
import { UnitRows } from '../formulas/unit-rows.ts';
import type { Program } from '../programs/tree.ts';
import type { Inputs, Network } from './networks.ts';
import { type EvaluateOptions, evaluatePrograms, scoreNetworks } from './run.ts';
import type { ScoreMatrix } from './scores.ts';
import type { Statistics } from './statistics.ts';

/** Values of the terms of formulas on networks: [formula][term][network]. A formula that is no forest has one term. */
export type TermValues = readonly (readonly Float64Array[])[];

/** Values on a network's units of a program that one of the formulas aggregates. */
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
  const rows = new UnitRows(formulas, inputs.batch);
  const matrix =
    rows.evaluated.length === 0
      ? undefined
      : await scoreNetworks(networks, rows.evaluated, inputs, { ...options, unitScores: true });
  if (matrix) onUnits?.((program, network) => rows.values(matrix, network).means(program));
  return termValues(networks, formulas, rows, matrix);
}

/**
 * Values of formulas' terms from recorded statistics of the networks, in the same order.
 *
 * @throws EznasError INVALID_ARGUMENT where formulas have matrices over the samples and not all units have equally many; what evaluatePrograms throws
 */
export async function evaluateTerms(
  statistics: Statistics,
  networks: readonly Network[],
  formulas: readonly Formula[],
  options: EvaluateOptions = {},
): Promise<TermValues> {
  const matrices = formulas.some((formula) => matrixNumbers(formula).length > 0);
  const rows = new UnitRows(formulas, matrices ? samplesOf(statistics) : 0);
  const matrix =
    rows.evaluated.length === 0
      ? undefined
      : await evaluatePrograms(statistics, rows.evaluated, { ...options, unitScores: true });
  return termValues(networks, formulas, rows, matrix);
}

/** The samples that every unit has. */
function samplesOf(statistics: Statistics): number {
  const batches = new Set(
    Array.from({ length: statistics.networks }, (_, network) =>
      statistics.units(network).map(({ before }) => before[0]!),
    ).flat(),
  );
  if (batches.size > 1) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `a matrix over the samples needs one batch size, got ${[...batches].join(', ')}`,
    );
  }
  return [...batches][0] ?? 0;
}

function termValues(
  networks: readonly Network[],
  formulas: readonly Formula[],
  rows: UnitRows,
  matrix: ScoreMatrix | undefined,
): TermValues {
  return formulas.map((formula) =>
    termsOf(formula).map((term) =>
      Float64Array.from(networks, ({ graph }, network) => termValue(term, graph, rows.values(matrix, network))),
    ),
  );
}
