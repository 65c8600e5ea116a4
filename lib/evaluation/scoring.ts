import { setImmediate } from 'node:timers/promises';
import type { Benchmark } from '../benchmarks/benchmark.ts';
import type { RunOptions } from '../engine/networks.ts';
import { EznasError } from '../errors.ts';
import { combineTerms } from '../formulas/combine.ts';
import { asProgram, termsOf } from '../formulas/tree.ts';
import { type ChunkFigures, ChunkScorer, type Figures } from './chunk-scorer.ts';
import { type BaseContender, type Contender, contenderKinds } from './contenders.ts';
import type { ScoreCache } from './score-cache.ts';
import { ScoringCache } from './scoring-cache.ts';
import { buildNetwork, type Setting } from './setting.ts';
import { StageScores } from './stages.ts';

/** Networks handed to the native side at once: enough to keep all threads busy, few enough for their graphs not to matter in memory. */
const CHUNK = 512;

/** With a cache, networks of the first chunk, and the seconds that later ones are to take: what a killed process loses. */
const FIRST_KEPT = 32;
const KEEP_SECONDS = 5;

/** Scores of contenders on networks. */
export interface Scores {
  /** By contender, one score for each network; NaN where its value is not finite. */
  readonly scores: ReadonlyMap<string, Float64Array>;
  readonly timings: ReadonlyMap<string, Timing>;
  /** For each network, the seconds of all its scores: contenders that were run together share their time. Of cached scores, what they once took. */
  readonly seconds: Float64Array;
  /** Of the programs, when asked for. */
  readonly stages?: StageScores;
}

/**
 * How long a contender took on the networks that were scored with it, those whose scores were cached left out. All formulas share one pass over
 * the networks, and each is given the whole of it; native proxies that share a pass are each given the whole of theirs, and combined ones the time
 * of their parts.
 */
export interface Timing {
  readonly networks: number;
  readonly seconds: number;
}

export interface ScoreListOptions extends RunOptions {
  /** Also keep the values by stage of formulas that are programs. */
  readonly stages?: boolean | undefined;
  /** Where scores are looked up, and kept as networks are scored. */
  readonly cache?: ScoreCache | undefined;
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
 * @throws EznasError INVALID_PROGRAM when a program's shapes do not fit some unit, INVALID_FILE when the cache cannot be read or written, ABORTED,
 *   and what scoreNetworks throws
 */
export async function scoreList(
  setting: Setting,
  contenders: readonly Contender[],
  architectures: ArchitectureList,
  options: ScoreListOptions,
): Promise<Scores> {
  const { formulas, measures, structural } = contenderKinds(contenders);
  const scoring = new Scoring(setting, [...formulas, ...measures, ...structural], architectures, options);
  await scoring.run();
  return scoring.scoresOf(contenders);
}

/** The figures of base contenders on a list of architectures, as they come in. */
class Scoring {
  readonly #setting: Setting;
  readonly #contenders: readonly BaseContender[];
  readonly #architectures: ArchitectureList;
  readonly #options: ScoreListOptions;
  readonly #cache: ScoringCache | undefined;
  readonly #figures: ReadonlyMap<BaseContender, (Figures | undefined)[]>;
  readonly #timings: ReadonlyMap<BaseContender, { networks: number; seconds: number }>;
  readonly #seconds: Float64Array;
  #done = 0;

  constructor(
    setting: Setting,
    contenders: readonly BaseContender[],
    architectures: ArchitectureList,
    options: ScoreListOptions,
  ) {
    this.#setting = setting;
    this.#contenders = contenders;
    this.#architectures = architectures;
    this.#options = options;
    this.#cache = options.cache && new ScoringCache(options.cache, setting);
    const { length } = architectures;
    this.#figures = new Map(contenders.map((contender) => [contender, Array.from({ length }, () => undefined)]));
    this.#timings = new Map(contenders.map((contender) => [contender, { networks: 0, seconds: 0 }]));
    this.#seconds = new Float64Array(length);
  }

  async run(): Promise<void> {
    if (this.#cache) await this.#readCache(this.#cache);
    const groups = this.#missing();
    this.#done = this.#architectures.length - groups.reduce((sum, { places }) => sum + places.length, 0);
    if (this.#done > 0) this.#report(0);
    for (const { contenders, places } of groups) await this.#score(contenders, places);
  }

  async #readCache(cache: ScoringCache): Promise<void> {
    const names = Array.from({ length: this.#architectures.length }, (_, place) =>
      cache.name(this.#architectures.at(place)),
    );
    for (const contender of this.#contenders) {
      this.#checkAbort();
      const row = this.#figures.get(contender)!;
      for (const [place, found] of cache.find(contender, names).entries()) {
        if (found === undefined) continue;
        row[place] = found;
        this.#seconds[place]! += found.seconds;
      }
      await setImmediate();
    }
  }

  /** Places of networks that lack figures, by the contenders whose figures they lack. */
  #missing(): { contenders: BaseContender[]; places: number[] }[] {
    const groups = new Map<string, { contenders: BaseContender[]; places: number[] }>();
    for (let place = 0; place < this.#architectures.length; place++) {
      const lacks = this.#contenders.map((contender) => this.#figures.get(contender)![place] === undefined);
      if (!lacks.includes(true)) continue;
      const key = lacks.map(Number).join('');
      const group = groups.get(key) ?? { contenders: this.#contenders.filter((_, row) => lacks[row]), places: [] };
      group.places.push(place);
      groups.set(key, group);
    }
    return [...groups.values()];
  }

  async #score(contenders: readonly BaseContender[], places: readonly number[]): Promise<void> {
    const scorer = new ChunkScorer(this.#setting, contenders, {
      ...this.#options,
      // What is kept serves evaluations that want them, too.
      stages: this.#options.stages === true || this.#cache !== undefined,
    });
    let size = this.#cache ? FIRST_KEPT : CHUNK;
    let next = 0;
    const build = async () => {
      const chunk = places.slice(next, next + size);
      next += chunk.length;
      return { chunk, networks: chunk.map((place) => buildNetwork(this.#setting, this.#architectures.at(place))) };
    };
    let began = performance.now();
    for (let ahead = await build(); ahead.chunk.length > 0; ) {
      this.#checkAbort();
      const { chunk, networks } = ahead;
      // The run starts first, so that the next chunk is built beside it.
      const [found, following] = await Promise.all([scorer.score(networks, (done) => this.#report(done)), build()]);
      const seconds = (performance.now() - began) / 1000;
      began = performance.now();
      for (const [contender, { seconds: ofPass }] of found) {
        const timing = this.#timings.get(contender)!;
        timing.networks += chunk.length;
        timing.seconds += ofPass;
      }
      this.#take(chunk, found, seconds / (contenders.length * chunk.length));
      this.#done += chunk.length;
      if (this.#cache) size = Math.min(CHUNK, Math.max(1, Math.round((chunk.length * KEEP_SECONDS) / seconds)));
      // Signals and timers get their turn between chunks.
      await setImmediate();
      ahead = following;
    }
  }

  /** @param seconds of each contender on each network */
  #take(places: readonly number[], found: ReadonlyMap<BaseContender, ChunkFigures>, seconds: number): void {
    for (const [contender, { figures }] of found) {
      const row = this.#figures.get(contender)!;
      for (const [at, place] of places.entries()) {
        row[place] = figures[at]!;
        this.#seconds[place]! += seconds;
      }
    }
    if (this.#cache === undefined) return;
    const names = places.map((place) => this.#cache!.name(this.#architectures.at(place)));
    this.#cache.keep(names, new Map([...found].map(([contender, { figures }]) => [contender, figures])), seconds);
  }

  #report(done: number): void {
    this.#options.onProgress?.(this.#done + done, this.#architectures.length);
  }

  #checkAbort(): void {
    const { signal } = this.#options;
    if (signal?.aborted) {
      throw new EznasError('ABORTED', 'the operation was aborted', { cause: signal.reason as unknown });
    }
  }

  /** What all figures together say. Networks are ranked among all of them, so forests and combined proxies wait for the last. */
  scoresOf(contenders: readonly Contender[]): Scores {
    const scores = new Map<string, Float64Array>();
    const timings = new Map<string, Timing>();
    for (const contender of this.#contenders) {
      scores.set(contender.name, scoresFrom(contender, this.#columns(contender)));
      timings.set(contender.name, this.#timings.get(contender)!);
    }
    for (const { name, parts, combine } of contenderKinds(contenders).combined) {
      scores.set(name, combine(parts.map((part) => scores.get(part.name)!)));
      // Counts, which take next to nothing, are left out: they may be known where the others are not.
      const run = parts.filter((part) => !('count' in part));
      timings.set(name, combineTimings(run.map((part) => timings.get(part.name)!)));
    }
    const only = <T>(all: ReadonlyMap<string, T>) => new Map(contenders.map(({ name }) => [name, all.get(name)!]));
    const stages = this.#options.stages ? this.#stages() : undefined;
    return { scores: only(scores), timings: only(timings), seconds: this.#seconds, ...(stages && { stages }) };
  }

  /** By term of a formula; of what is none, the scores. */
  #columns(contender: BaseContender): Float64Array[] {
    const row = this.#figures.get(contender)!;
    const count = 'formula' in contender ? termsOf(contender.formula).length : 1;
    return Array.from({ length: count }, (_, term) => Float64Array.from(row, (figures) => figures!.values[term]!));
  }

  #stages(): StageScores {
    const programs = this.#contenders.filter((one) => 'formula' in one && asProgram(one.formula) !== undefined);
    const stages = new StageScores(
      programs.map(({ name }) => name),
      this.#architectures.length,
    );
    for (const program of programs) {
      for (const [place, figures] of this.#figures.get(program)!.entries()) {
        stages.add(program.name, place, figures!.stages);
      }
    }
    return stages;
  }
}

function scoresFrom(contender: BaseContender, terms: readonly Float64Array[]): Float64Array {
  return 'formula' in contender && contender.formula.kind === 'forest'
    ? combineTerms(contender.formula.combiner, terms, contender.reference)
    : terms[0]!.map((score) => (Number.isFinite(score) ? score : Number.NaN));
}

/** Timing of a proxy by those of its parts. Its seconds are NaN where some part was cached and others were not. */
function combineTimings(parts: readonly Timing[]): Timing {
  const networks = Math.max(...parts.map((part) => part.networks));
  const each = parts.reduce((sum, part) => sum + part.seconds / part.networks, 0);
  return { networks, seconds: networks === 0 ? 0 : each * networks };
}
