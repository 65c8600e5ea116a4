import type { Network, RunOptions } from '../engine/networks.ts';
import { collectStatistics, type EvaluateOptions, evaluatePrograms, scoreNetworks } from '../engine/run.ts';
import type { ScoreMatrix } from '../engine/scores.ts';
import type { Statistics } from '../engine/statistics.ts';
import { unitShapes } from '../evaluation/unit-shapes.ts';
import type { Evaluator, FormulaScores } from '../evolution/assessment.ts';
import type { FitnessTask } from '../evolution/task.ts';
import { termValue } from '../formulas/evaluate.ts';
import { asProgram, type Term } from '../formulas/tree.ts';
import { UnitRows } from '../formulas/unit-rows.ts';
import type { Evaluated } from '../programs/encode.ts';
import type { Program } from '../programs/tree.ts';

/** Tensors of each shape among the 22: T1 and gradients in three passes; T2 and gradients; weights and gradients; T4 and gradients. */
const TENSORS_OF_SHAPE = { activation: 6, before: 6, weight: 4, after: 6 };

const FLOAT_BYTES = 4;

/** What every run of the evaluator takes. */
type EngineOptions = Pick<RunOptions, 'seed' | 'threads' | 'device' | 'precision'>;

export interface TaskEvaluatorOptions extends EngineOptions {
  /** Bytes of statistics to keep at most, default 3 GiB. */
  readonly keptBytes?: number;
}

/**
 * Evaluates programs on evolution tasks. The statistics of a task are recorded on first use and kept for all generations, as long as there is
 * room for them; the networks of other tasks are run again whenever they are asked for. Scores are the same either way.
 */
export class TaskEvaluator {
  readonly #options: EngineOptions;
  readonly #keptBytes: number;
  readonly #kept = new Map<string, Statistics>();
  #bytes = 0;

  constructor({ keptBytes = 3 * 2 ** 30, ...options }: TaskEvaluatorOptions) {
    this.#keptBytes = keptBytes;
    this.#options = options;
  }

  /** Records the statistics of as many of the tasks as there is room for, in order. */
  async prepare(tasks: readonly FitnessTask[], { signal, onProgress }: Omit<RunOptions, 'seed'> = {}): Promise<void> {
    const total = tasks.reduce((sum, { networks }) => sum + networks.length, 0);
    let before = 0;
    for (const task of tasks) {
      const report = (done: number) => onProgress?.(before + done, total);
      await this.#statistics(task, { ...(signal && { signal }), onProgress: report });
      before += task.networks.length;
    }
  }

  /** See {@link Evaluator}. */
  readonly evaluate: Evaluator = async (
    formulas: readonly Term[],
    task: FitnessTask,
    signal?: AbortSignal,
  ): Promise<FormulaScores> => {
    const rows = new UnitRows(formulas, task.inputs.batch);
    const onUnits = formulas.some((formula) => asProgram(formula) === undefined);
    const matrix =
      rows.evaluated.length === 0
        ? undefined
        : await this.#evaluate(rows.evaluated, task, { unitScores: onUnits, ...(signal && { signal }) });
    return {
      row: (index) => {
        const formula = formulas[index]!;
        const alone = asProgram(formula);
        if (alone) return matrix!.row(rows.rowOf(alone));
        return Float64Array.from(task.networks, ({ graph }, network) => {
          const invalid = rows.rowsOf(formula).some((row) => matrix!.status(row, network) === 'invalid');
          if (invalid) return Number.NaN;
          return termValue(formula, graph, rows.values(matrix, network));
        });
      },
    };
  };

  /** Scores with every program's value on every unit. */
  evaluateUnits(programs: readonly Program[], task: FitnessTask, signal?: AbortSignal): Promise<ScoreMatrix> {
    return this.#evaluate(programs, task, { unitScores: true, ...(signal && { signal }) });
  }

  async #evaluate(programs: readonly Evaluated[], task: FitnessTask, given: EvaluateOptions): Promise<ScoreMatrix> {
    const options = { ...this.#options, ...given };
    const statistics = await this.#statistics(task, options);
    return statistics
      ? evaluatePrograms(statistics, programs, options)
      : scoreNetworks(task.networks, programs, task.inputs, options);
  }

  /** Frees what is kept. */
  dispose(): void {
    for (const statistics of this.#kept.values()) statistics.dispose();
    this.#kept.clear();
    this.#bytes = 0;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async #statistics(
    task: FitnessTask,
    options: Pick<RunOptions, 'signal' | 'onProgress'>,
  ): Promise<Statistics | undefined> {
    const known = this.#kept.get(task.name);
    if (known !== undefined) return known;
    const expected = task.networks.reduce((sum, network) => sum + statisticsBytes(network, task.inputs.batch), 0);
    if (this.#bytes + expected > this.#keptBytes) return undefined;
    const statistics = await collectStatistics(task.networks, task.inputs, { ...this.#options, ...options });
    this.#kept.set(task.name, statistics);
    this.#bytes += statistics.bytes;
    return statistics;
  }
}

/** Bytes of all 22 tensors of a network's units. */
function statisticsBytes({ graph }: Network, batch: number): number {
  const elements = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);
  return unitShapes(graph, batch).reduce(
    (sum, { before, activation = before, weight, after }) =>
      sum +
      FLOAT_BYTES *
        (TENSORS_OF_SHAPE.activation * elements(activation) +
          TENSORS_OF_SHAPE.before * elements(before) +
          TENSORS_OF_SHAPE.weight * elements(weight) +
          TENSORS_OF_SHAPE.after * elements(after)),
    0,
  );
}
