import { collectStatistics, evaluatePrograms, scoreNetworks } from '../engine/run.ts';
import type { Statistics } from '../engine/statistics.ts';
import { EznasError } from '../errors.ts';
import { inferShapes } from '../graph/shapes.ts';
import type { Program } from '../programs/tree.ts';
import type { Evaluator, ProgramScores } from './assessment.ts';
import type { FitnessTask } from './task.ts';

export interface EngineEvaluatorOptions {
  /** Decides initial parameters, noise and perturbation; integer in [0, 2^53), default 0. */
  readonly seed?: number;
  /** Default: all threads the process may use. */
  readonly threads?: number;
  /** Bytes of statistics to keep between generations; default 1.5 GiB, 0 keeps none. */
  readonly keepBytes?: number;
}

const DEFAULT_KEEP_BYTES = 1.5 * 2 ** 30;

/**
 * Scores from running the networks. The statistics of the tasks that fit are collected once and kept; tasks beyond run anew each time,
 * network by network. The scores are the same either way. Release with `using` or `dispose()`.
 */
export class EngineEvaluator {
  readonly #options: EngineEvaluatorOptions;
  readonly #keepBytes: number;
  readonly #kept = new Map<string, Statistics>();
  #keptBytes = 0;
  #disposed = false;

  /** @throws EznasError INVALID_ARGUMENT when keepBytes is not a number from 0 */
  constructor(options: EngineEvaluatorOptions = {}) {
    const { keepBytes = DEFAULT_KEEP_BYTES } = options;
    if (!(keepBytes >= 0)) {
      throw new EznasError('INVALID_ARGUMENT', `keepBytes must be a number of bytes from 0, got ${keepBytes}`);
    }
    this.#options = options;
    this.#keepBytes = keepBytes;
  }

  /** Bytes of statistics kept now. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /**
   * @throws EznasError INVALID_PROGRAM, INVALID_GRAPH, OUT_OF_MEMORY, ABORTED; INVALID_ARGUMENT after release
   */
  readonly evaluate: Evaluator = async (
    programs: readonly Program[],
    task: FitnessTask,
    signal?: AbortSignal,
  ): Promise<ProgramScores> => {
    if (this.#disposed) throw new EznasError('INVALID_ARGUMENT', 'this evaluator was disposed; make another');
    const options = { ...this.#options, ...(signal && { signal }) };
    let statistics = this.#kept.get(task.name);
    if (statistics === undefined) {
      if (this.#keptBytes + estimateBytes(task) > this.#keepBytes) {
        return scoreNetworks(task.networks, programs, task.inputs, options);
      }
      statistics = await collectStatistics(task.networks, task.inputs, options);
      this.#keep(task.name, statistics);
    }
    return evaluatePrograms(statistics, programs, options);
  };

  dispose(): void {
    this.#disposed = true;
    for (const statistics of this.#kept.values()) statistics.dispose();
    this.#kept.clear();
    this.#keptBytes = 0;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #keep(name: string, statistics: Statistics): void {
    if (this.#disposed) {
      statistics.dispose();
      throw new EznasError('INVALID_ARGUMENT', 'this evaluator was disposed; make another');
    }
    this.#kept.set(name, statistics);
    this.#keptBytes += statistics.bytes;
  }
}

/**
 * Bytes of all 22 tensors of a task's units: twelve of the shape before the convolution (T1, T2 and their gradients, in three passes), four of
 * the weight's, six of the shape after it, in float32.
 */
export function estimateBytes({ networks, inputs }: FitnessTask): number {
  let elements = 0;
  for (const { graph } of networks) {
    const shapes = inferShapes(graph);
    for (const { relu, conv, batchNorm } of graph.units) {
      const node = graph.nodes[conv]!;
      if (node.kind !== 'conv2d') continue;
      const [channels, height, width] = shapes[relu]!;
      const weight = node.outChannels * (channels / node.groups) * node.kernel[0] * node.kernel[1];
      const after = shapes[batchNorm]!.reduce((product, size) => product * size, 1);
      elements += inputs.batch * (12 * channels * height * width + 6 * after) + 4 * weight;
    }
  }
  return 4 * elements;
}
