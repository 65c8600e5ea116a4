import { createHash } from 'node:crypto';
import { machine } from '../engine/device.ts';
import { printFormula } from '../formulas/print.ts';
import { termsOf } from '../formulas/tree.ts';
import { VERSION } from '../version.ts';
import type { Figures } from './chunk-scorer.ts';
import type { BaseContender } from './contenders.ts';
import { INITIALIZATION } from './protocol.ts';
import type { ScoreCache } from './score-cache.ts';
import type { Setting } from './setting.ts';

/** Figures of one network, and the seconds that they once took. */
export interface KeptFigures extends Figures {
  readonly seconds: number;
}

/** The figures that a cache has of contenders in a setting. */
export class ScoringCache {
  readonly #cache: ScoreCache;
  readonly #setting: Setting;

  constructor(cache: ScoreCache, setting: Setting) {
    this.#cache = cache;
    this.#setting = setting;
  }

  /** What names each architecture in the cache: its text, and what its network starts from where that is not the default. */
  name(architecture: unknown): string {
    const { space } = this.#setting;
    const text = space.print(architecture);
    const start = space.start?.(architecture);
    return start ? `${text} ${start.key} ${start.parameters ? digest(start.parameters.entries()) : ''}` : text;
  }

  /** Figures of architectures by name; undefined for those that are not here. @throws EznasError INVALID_FILE */
  find(contender: BaseContender, names: readonly string[]): (KeptFigures | undefined)[] {
    const count = 'formula' in contender ? termsOf(contender.formula).length : 1;
    return this.#cache.find(this.#describe(contender), names).map((found) => {
      if (found === undefined) return undefined;
      const { values, seconds } = found;
      // Three numbers for each stage.
      const stages = Array.from({ length: (values.length - count) / 3 }, (_, stage) => {
        const [height, width, mean] = values.slice(count + 3 * stage) as [number, number, number];
        return { height, width, mean };
      });
      return { values: values.slice(0, count), stages, seconds };
    });
  }

  /**
   * Keeps figures of contenders on the named architectures, all at once.
   *
   * @param seconds that each took
   * @throws EznasError INVALID_FILE
   */
  keep(names: readonly string[], figures: ReadonlyMap<BaseContender, readonly Figures[]>, seconds: number): void {
    const scores = [...figures].flatMap(([contender, ofContender]) => {
      const scoring = this.#describe(contender);
      return ofContender.map(({ values, stages }, at) => ({
        scoring,
        architecture: names[at]!,
        values: [...values, ...stages.flatMap(({ height, width, mean }) => [height, width, mean])],
        seconds,
      }));
    });
    this.#cache.keep(scores);
  }

  /** Everything that decides a contender's figures besides the architecture. */
  #describe(contender: BaseContender): string {
    const { space, dataset, inputs, seed, precision, separableUnit } = this.#setting;
    const { classes, resolution, channels } = dataset;
    const unit = separableUnit && { separableUnit };
    const network = { eznas: VERSION, space: space.name, classes, resolution, channels, ...unit };
    if ('count' in contender) return JSON.stringify({ ...network, count: contender.name });
    const backend = 'formula' in contender ? this.#setting.backend : 'cpu';
    const { threads: _, ...machinery } = machine(backend, { precision });
    return JSON.stringify({
      ...network,
      ...('formula' in contender ? { formula: printFormula(contender.formula) } : { measure: contender.measure }),
      inputs: digestOf(inputs),
      seed,
      initialization: INITIALIZATION,
      backend,
      ...machinery,
    });
  }
}

const digests = new WeakMap<Setting['inputs'], string>();

/** A hash of everything that networks are given, taken once. */
function digestOf(inputs: Setting['inputs']): string {
  const known = digests.get(inputs) ?? digest(Object.entries(inputs));
  digests.set(inputs, known);
  return known;
}

function digest(parts: Iterable<readonly [name: string | number, part: unknown]>): string {
  const hash = createHash('sha256');
  for (const [name, part] of parts) {
    hash.update(`${name}:`);
    if (ArrayBuffer.isView(part)) hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
    else hash.update(JSON.stringify(part) ?? '');
  }
  return hash.digest('hex');
}
