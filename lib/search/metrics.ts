import { EznasError } from '../errors.ts';
import { type Contender, formulaContender, resolveContenders } from '../evaluation/contenders.ts';
import { combineTerms } from '../formulas/combine.ts';
import { printFormula } from '../formulas/print.ts';
import { TENSORS, type TensorName } from '../programs/tensors.ts';
import { PROXIES } from '../proxies/catalogue.ts';
import type { AlgorithmName } from './config.ts';
import { ALGORITHMS } from './config.ts';
import { LATENCY, ORACLE } from './network-measure.ts';
import type { Comparative, Objective } from './problem.ts';

/** Metrics that are no proxies. */
const SPECIAL: readonly string[] = [ORACLE, LATENCY];

/** The proxies, programs and special metrics that a search names. */
export class MetricNames {
  readonly #contenders = new Map<string, Contender>();
  readonly #comparatives = new Map<string, Comparative>();

  /** The proxies and programs to measure for what was named so far. */
  get contenders(): readonly Contender[] {
    return [...this.#contenders.values()];
  }

  /** Forests and combined proxies named so far. */
  get comparatives(): readonly Comparative[] {
    return [...this.#comparatives.values()];
  }

  /**
   * The metric that a text names: `oracle`, `latency`, a proxy of the catalogue, or else a program. A forest or a combined proxy compares all
   * networks that a search has scored.
   *
   * @throws EznasError INVALID_ARGUMENT for an unknown name, INVALID_PROGRAM for text that does not parse
   */
  add(text: string): string {
    if (SPECIAL.includes(text)) return text;
    const isName = /^[\w-]+$/.test(text) && !TENSORS.includes(text as TensorName);
    const [contender] = resolveContenders(isName ? { proxies: [text] } : { programs: [text] });
    const comparative = comparativeOf(contender!);
    for (const part of comparative?.parts ?? [contender!]) this.#contenders.set(part.name, part);
    if (comparative) {
      const { name } = contender!;
      const parts = comparative.parts.map((part) => part.name);
      this.#comparatives.set(name, { name, parts, combine: comparative.combine });
    }
    return contender!.name;
  }

  /**
   * An objective of metrics: of one, or of several by the weighted sum of ranks.
   *
   * @param weights one for each text, default 1; a proxy whose lower scores mean higher accuracy counts negatively by itself
   * @throws EznasError INVALID_ARGUMENT, INVALID_PROGRAM
   */
  objective(texts: readonly string[], weights?: readonly number[]): Objective {
    if (weights !== undefined && weights.length !== texts.length) {
      throw new EznasError(
        'INVALID_ARGUMENT',
        `there are ${weights.length} weights for ${texts.length} metrics (${texts.join(', ')}); give one for each`,
      );
    }
    const terms = texts.map((text, place) => {
      const metric = this.add(text);
      const direction = PROXIES.find(({ name }) => name === metric)?.direction === -1 ? -1 : 1;
      return { metric, weight: direction * (weights?.[place] ?? 1) };
    });
    return { name: terms.map(({ metric }) => metric).join(' + '), terms };
  }

  /** An objective that wants less of a metric. */
  minimized(text: string): Objective {
    const metric = this.add(text);
    return { name: metric, terms: [{ metric, weight: -1 }] };
  }
}

/** What is measured for a contender that compares networks with each other, and how they are compared; undefined for one that does not. */
function comparativeOf(
  contender: Contender,
): { readonly parts: readonly Contender[]; readonly combine: Comparative['combine'] } | undefined {
  if ('parts' in contender) return contender;
  if (!('formula' in contender) || contender.formula.kind !== 'forest') return undefined;
  const { combiner, terms } = contender.formula;
  return {
    parts: terms.map((term) => formulaContender(printFormula(term), term)),
    combine: (rows) => combineTerms(combiner, rows),
  };
}

/** Another search that a search is compared with. */
export interface Rival {
  readonly name: string;
  readonly algorithm: AlgorithmName;
  /** What it searches by; undefined for the same as the search it is compared with. */
  readonly metric: string | undefined;
}

/**
 * Reads a rival: `random` (an algorithm), `oracle` (a metric), or both as `random:oracle`.
 *
 * @param algorithm what a rival without one uses
 */
export function parseRival(text: string, algorithm: AlgorithmName): Rival {
  const isAlgorithm = (name: string): name is AlgorithmName => ALGORITHMS.includes(name as AlgorithmName);
  if (isAlgorithm(text)) return { name: text, algorithm: text, metric: undefined };
  const colon = text.indexOf(':');
  const first = colon < 0 ? algorithm : text.slice(0, colon);
  const metric = text.slice(colon + 1);
  if (!isAlgorithm(first) || first === 'nsga2') {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `'${text}' is no search to compare with; expected an algorithm (aging, random, local), a metric, or both as random:oracle`,
    );
  }
  return { name: text, algorithm: first, metric };
}
