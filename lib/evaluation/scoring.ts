import { setImmediate } from 'node:timers/promises';
import type { Benchmark } from '../benchmarks/benchmark.ts';
import type { Network, RunOptions } from '../engine/networks.ts';
import { scoreNetworks } from '../engine/run.ts';
import { EznasError } from '../errors.ts';
import { type Contender, isProgram, type StructuralContender } from './contenders.ts';
import { buildNetwork, type Setting } from './setting.ts';
import { UnitCheck } from './unit-check.ts';

/** Networks handed to the native side at once: enough to keep all threads busy, few enough for their graphs not to matter in memory. */
const CHUNK = 512;

/** Scores of contenders on networks. */
export interface Scores {
  /** By contender, one score for each network; NaN where a program's value is not finite. */
  readonly scores: ReadonlyMap<string, Float64Array>;
  /**
   * By contender, seconds for all networks. All programs share one pass over the networks, and each is given the whole of it; a structural
   * proxy is given its own.
   */
  readonly seconds: ReadonlyMap<string, number>;
}

/** Architectures to score, in the order of the scores. */
export interface ArchitectureList {
  readonly length: number;
  /** The architecture at a place from 0 to length − 1. */
  at(place: number): unknown;
}

/** Architectures of the setting's benchmark by their numbers, made when they are asked for. */
export function benchmarkArchitectures(benchmark: Benchmark<unknown>, indices: readonly number[]): ArchitectureList {
  return { length: indices.length, at: (place) => benchmark.architecture(indices[place]!) };
}

/**
 * Scores contenders on architectures of the setting's space, chunk by chunk: while native threads run one chunk, the next is built, and no more
 * than these two are held.
 *
 * @throws EznasError INVALID_PROGRAM when a program's shapes do not fit some unit, ABORTED, and what scoreNetworks throws
 */
export async function scoreList(
  setting: Setting,
  contenders: readonly Contender[],
  architectures: ArchitectureList,
  options: RunOptions,
): Promise<Scores> {
  const programs = contenders.filter(isProgram);
  const structural = contenders.filter((contender): contender is StructuralContender => !isProgram(contender));
  const scores = new Map(contenders.map(({ name }) => [name, new Float64Array(architectures.length).fill(Number.NaN)]));
  const seconds = new Map(contenders.map(({ name }) => [name, 0]));
  const unitCheck = new UnitCheck(programs, setting.inputs.batch);

  const spent = (name: string, since: number) => {
    seconds.set(name, seconds.get(name)! + (performance.now() - since) / 1000);
  };
  const countStructure = (networks: readonly Network[], start: number) => {
    for (const { name, count } of structural) {
      const began = performance.now();
      for (const [at, { graph }] of networks.entries()) scores.get(name)![start + at] = count(graph);
      spent(name, began);
    }
  };
  const runPrograms = async (networks: readonly Network[], start: number) => {
    const report = (done: number) => options.onProgress?.(start + done, architectures.length);
    if (programs.length === 0) {
      report(networks.length);
      // Signals and timers get their turn between chunks.
      return setImmediate();
    }
    unitCheck.require(networks);
    const began = performance.now();
    const trees = programs.map(({ program }) => program);
    const { seed } = setting;
    const matrix = await scoreNetworks(networks, trees, setting.inputs, { ...options, seed, onProgress: report });
    for (const [row, { name }] of programs.entries()) {
      scores.get(name)!.set(matrix.row(row), start);
      spent(name, began);
    }
  };
  const build = async (start: number) => {
    const count = Math.max(0, Math.min(CHUNK, architectures.length - start));
    return Array.from({ length: count }, (_, place) => buildNetwork(setting, architectures.at(start + place)));
  };

  let ahead = await build(0);
  for (let start = 0; start < architectures.length; start += CHUNK) {
    if (options.signal?.aborted) {
      throw new EznasError('ABORTED', 'the operation was aborted', { cause: options.signal.reason as unknown });
    }
    const networks = ahead;
    countStructure(networks, start);
    // The run starts first, so that the next chunk is built beside it.
    [, ahead] = await Promise.all([runPrograms(networks, start), build(start + CHUNK)]);
  }
  return { scores, seconds };
}
