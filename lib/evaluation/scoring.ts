import { setImmediate } from 'node:timers/promises';
import type { Benchmark } from '../benchmarks/benchmark.ts';
import { scoreTerms } from '../engine/formulas.ts';
import { measureNetworks } from '../engine/measures.ts';
import type { Network, RunOptions } from '../engine/networks.ts';
import { EznasError } from '../errors.ts';
import { combineTerms } from '../formulas/combine.ts';
import { asProgram, termsOf } from '../formulas/tree.ts';
import { type Contender, contenderKinds } from './contenders.ts';
import { buildNetwork, type Setting } from './setting.ts';
import { StageScores } from './stages.ts';
import { UnitCheck } from './unit-check.ts';

/** Networks handed to the native side at once: enough to keep all threads busy, few enough for their graphs not to matter in memory. */
const CHUNK = 512;

/** Scores of contenders on networks. */
export interface Scores {
  /** By contender, one score for each network; NaN where its value is not finite. */
  readonly scores: ReadonlyMap<string, Float64Array>;
  /**
   * By contender, seconds for all networks. All formulas share one pass over the networks, and each is given the whole of it; native proxies
   * that share a pass are each given the whole of theirs, and combined ones the time of their parts.
   */
  readonly seconds: ReadonlyMap<string, number>;
  /** Of the programs, when asked for. */
  readonly stages?: StageScores;
}

export interface ScoreListOptions extends RunOptions {
  /** Also keep the values by stage of formulas that are programs. */
  readonly stages?: boolean;
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
  { stages: byStage = false, ...options }: ScoreListOptions,
): Promise<Scores> {
  const { formulas, measures, structural, combined } = contenderKinds(contenders);
  const base = [...formulas, ...measures, ...structural];
  const scores = new Map<string, Float64Array>(
    base.map(({ name }) => [name, new Float64Array(architectures.length).fill(Number.NaN)]),
  );
  const seconds = new Map(base.map(({ name }) => [name, 0]));
  const programs = formulas.flatMap(({ name, formula }) => {
    const program = asProgram(formula);
    return program ? [{ name, program }] : [];
  });
  const stages = byStage ? new StageScores(programs, architectures.length) : undefined;
  const unitCheck = new UnitCheck(formulas, setting.inputs.batch);
  const terms = new Map(
    formulas.map(({ name, formula }) => [name, termsOf(formula).map(() => new Float64Array(architectures.length))]),
  );

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
  const runFormulas = async (networks: readonly Network[], start: number, report: (done: number) => void) => {
    if (formulas.length === 0) return;
    unitCheck.require(networks);
    const began = performance.now();
    const { seed, inputs, backend: device, precision } = setting;
    const values = await scoreTerms(
      networks,
      formulas.map(({ formula }) => formula),
      inputs,
      {
        ...options,
        seed,
        device,
        precision,
        onProgress: report,
        ...(stages && { onUnits: (values) => stages.add(networks, values, start) }),
      },
    );
    for (const [row, { name }] of formulas.entries()) {
      for (const [term, column] of terms.get(name)!.entries()) column.set(values[row]![term]!, start);
      spent(name, began);
    }
  };
  const runMeasures = async (networks: readonly Network[], start: number, report: (done: number) => void) => {
    if (measures.length === 0) return;
    const began = performance.now();
    const names = measures.map(({ measure }) => measure);
    const { seed } = setting;
    const found = await measureNetworks(networks, names, setting.inputs, { ...options, seed, onProgress: report });
    const took = (performance.now() - began) / 1000;
    for (const { name, measure } of measures) {
      const { scores: row, share } = found.get(measure)!;
      scores.get(name)!.set(
        row.map((score) => (Number.isFinite(score) ? score : Number.NaN)),
        start,
      );
      seconds.set(name, seconds.get(name)! + share * took);
    }
  };
  /** Formulas, then measures; half of the progress is each one's where there are both. */
  const run = async (networks: readonly Network[], start: number) => {
    const parts = formulas.length > 0 && measures.length > 0 ? 2 : 1;
    const reportFrom = (before: number) => (done: number) =>
      options.onProgress?.(start + Math.floor((before + done) / parts), architectures.length);
    await runFormulas(networks, start, reportFrom(0));
    await runMeasures(networks, start, reportFrom(parts === 2 ? networks.length : 0));
    reportFrom(0)(parts * networks.length);
    // Signals and timers get their turn between chunks.
    await setImmediate();
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
    [, ahead] = await Promise.all([run(networks, start), build(start + CHUNK)]);
  }
  // Networks are ranked among all of them, so forests wait for the last.
  for (const { name, formula, reference } of formulas) {
    const values = terms.get(name)!;
    scores.set(
      name,
      formula.kind === 'forest'
        ? combineTerms(formula.combiner, values, reference)
        : values[0]!.map((value) => (Number.isFinite(value) ? value : Number.NaN)),
    );
  }
  for (const { name, parts, combine } of combined) {
    scores.set(name, combine(parts.map((part) => scores.get(part.name)!)));
    seconds.set(
      name,
      parts.reduce((sum, part) => sum + seconds.get(part.name)!, 0),
    );
  }
  const only = <T>(all: ReadonlyMap<string, T>) => new Map(contenders.map(({ name }) => [name, all.get(name)!]));
  return { scores: only(scores), seconds: only(seconds), ...(stages && { stages }) };
}
