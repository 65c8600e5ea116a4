import { scoreTerms } from '../engine/formulas.ts';
import { measureNetworks } from '../engine/measures.ts';
import type { Network, RunOptions } from '../engine/networks.ts';
import { asProgram } from '../formulas/tree.ts';
import type { BaseContender, FormulaContender } from './contenders.ts';
import type { Setting } from './setting.ts';
import { type StageMean, stageMeans } from './stages.ts';
import { UnitCheck } from './unit-check.ts';

/** What a contender gives on one network, whatever other networks and contenders there are. */
export interface Figures {
  /** The values of a formula's terms, or the one score; not finite where there is none. */
  readonly values: readonly number[];
  /** Of a program, where they are asked for. */
  readonly stages: readonly StageMean[];
}

/** A contender's figures on the networks of a chunk. */
export interface ChunkFigures {
  readonly figures: readonly Figures[];
  /** Seconds of the passes that the contender takes part in. */
  readonly seconds: number;
}

/** Scores chunks of networks with base contenders: formulas all together, then measures, and counts. */
export class ChunkScorer {
  readonly #setting: Setting;
  readonly #contenders: readonly BaseContender[];
  readonly #options: RunOptions & { readonly stages: boolean };
  readonly #unitCheck: UnitCheck;

  constructor(
    setting: Setting,
    contenders: readonly BaseContender[],
    options: RunOptions & { readonly stages: boolean },
  ) {
    this.#setting = setting;
    this.#contenders = contenders;
    this.#options = options;
    this.#unitCheck = new UnitCheck(this.#formulas, setting.inputs.batch);
  }

  get #formulas(): FormulaContender[] {
    return this.#contenders.filter((contender) => 'formula' in contender);
  }

  /** @throws EznasError INVALID_PROGRAM when a program's shapes do not fit some unit, and what scoreTerms and measureNetworks throw */
  async score(
    networks: readonly Network[],
    onProgress: (done: number) => void,
  ): Promise<Map<BaseContender, ChunkFigures>> {
    const found = new Map<BaseContender, ChunkFigures>();
    this.#count(networks, found);
    const isSplit = this.#formulas.length > 0 && this.#contenders.some((contender) => 'measure' in contender);
    // Half of the progress is the formulas', half the measures', where there are both.
    const reportFrom = (before: number) => (done: number) =>
      onProgress(isSplit ? Math.floor((before + done) / 2) : done);
    await this.#runFormulas(networks, found, reportFrom(0));
    await this.#runMeasures(networks, found, reportFrom(isSplit ? networks.length : 0));
    onProgress(networks.length);
    return found;
  }

  #count(networks: readonly Network[], found: Map<BaseContender, ChunkFigures>): void {
    for (const contender of this.#contenders) {
      if (!('count' in contender)) continue;
      const began = performance.now();
      const figures = networks.map(({ graph }) => ({ values: [contender.count(graph)], stages: [] }));
      found.set(contender, { figures, seconds: secondsSince(began) });
    }
  }

  async #runFormulas(
    networks: readonly Network[],
    found: Map<BaseContender, ChunkFigures>,
    onProgress: (done: number) => void,
  ): Promise<void> {
    const contenders = this.#formulas;
    if (contenders.length === 0) return;
    this.#unitCheck.require(networks);
    const began = performance.now();
    const { seed, inputs, backend: device, precision } = this.#setting;
    const { stages: byStage, ...options } = this.#options;
    const stages = new Map<FormulaContender, StageMean[][]>();
    const formulas = contenders.map(({ formula }) => formula);
    const values = await scoreTerms(networks, formulas, inputs, {
      ...options,
      seed,
      device,
      precision,
      onProgress,
      ...(byStage && {
        onUnits: (ofUnits) => {
          for (const contender of contenders) {
            const program = asProgram(contender.formula);
            if (program === undefined) continue;
            stages.set(
              contender,
              networks.map(({ graph }, at) => stageMeans(graph, ofUnits(program, at))),
            );
          }
        },
      }),
    });
    const seconds = secondsSince(began);
    for (const [row, contender] of contenders.entries()) {
      const figures = networks.map((_, at) => {
        return { values: values[row]!.map((term) => term[at]!), stages: stages.get(contender)?.[at] ?? [] };
      });
      found.set(contender, { figures, seconds });
    }
  }

  async #runMeasures(
    networks: readonly Network[],
    found: Map<BaseContender, ChunkFigures>,
    onProgress: (done: number) => void,
  ): Promise<void> {
    const contenders = this.#contenders.filter((contender) => 'measure' in contender);
    if (contenders.length === 0) return;
    const began = performance.now();
    const { seed, inputs } = this.#setting;
    const names = contenders.map(({ measure }) => measure);
    const { stages: _, ...options } = this.#options;
    const measured = await measureNetworks(networks, names, inputs, { ...options, seed, onProgress });
    const seconds = secondsSince(began);
    for (const contender of contenders) {
      const { scores, share } = measured.get(contender.measure)!;
      const figures = Array.from(scores, (score) => ({ values: [score], stages: [] }));
      found.set(contender, { figures, seconds: share * seconds });
    }
  }
}

function secondsSince(began: number): number {
  return (performance.now() - began) / 1000;
}
