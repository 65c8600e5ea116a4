import { EznasError } from '../errors.ts';
import type { Reference } from '../formulas/combine.ts';
import { parseFormula } from '../formulas/parse.ts';
import { printFormula } from '../formulas/print.ts';
import { aggregateOf, type Formula, formulaTensors } from '../formulas/tree.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import type { Program } from '../programs/tree.ts';
import { type CombinedProxy, type NamedProxy, type Passes, resolveProxy } from '../proxies/catalogue.ts';
import type { MeasureName } from '../proxies/measures.ts';
import { tensorPasses } from '../proxies/program-proxies.ts';

/** A forest with the networks that it compares others with, so that it scores even a single one. */
export interface ReferencedFormula {
  readonly formula: string | Formula;
  readonly reference: Reference;
}

/** What to score networks with: proxies by name, programs by text or as trees, in any mixture. */
export interface ContenderOptions {
  /** Names of the catalogue (see PROXIES), such as `eznas-a` or `params`. */
  readonly proxies?: readonly string[];
  /**
   * Programs such as `frobenius_norm(T3)`, which stand for their mean over the units, or formulas such as
   * `rank_sum(unit_sum(frobenius_norm(T3)), neg(params))`: see parseFormula.
   */
  readonly programs?: readonly (string | Program | Formula | ReferencedFormula)[];
}

/** Scored by the units of networks that run. */
export interface FormulaContender {
  readonly name: string;
  readonly formula: Formula;
  /** What a forest compares networks with; without one, with each other. */
  readonly reference?: Reference;
  passes(batch: number): Passes;
}

/** Scored natively by running networks, each in its own way. */
export interface MeasureContender {
  readonly name: string;
  readonly measure: MeasureName;
  passes(batch: number): Passes;
}

/** Scored by the scores of others, which are scored too. */
export interface CombinedContender {
  readonly name: string;
  readonly parts: readonly Contender[];
  readonly combine: CombinedProxy['combine'];
  passes(batch: number): Passes;
}

/** Scored by looking at a network's graph. */
export interface StructuralContender {
  readonly name: string;
  readonly count: (graph: NetworkGraph) => number;
  passes(batch: number): Passes;
}

/** Scored on one network after another. */
export type BaseContender = FormulaContender | MeasureContender | StructuralContender;

export type Contender = BaseContender | CombinedContender;

/** Contenders by how they are scored, each once, with the parts of combined ones among them. */
export interface ContenderKinds {
  readonly formulas: readonly FormulaContender[];
  readonly measures: readonly MeasureContender[];
  readonly structural: readonly StructuralContender[];
  readonly combined: readonly CombinedContender[];
}

/** Sorts contenders out. */
export function contenderKinds(contenders: readonly Contender[]): ContenderKinds {
  const all = new Map<string, Contender>();
  const add = (contender: Contender) => {
    if ('parts' in contender) contender.parts.forEach(add);
    all.set(contender.name, contender);
  };
  contenders.forEach(add);
  const list = [...all.values()];
  return {
    formulas: list.filter((contender) => 'formula' in contender),
    measures: list.filter((contender) => 'measure' in contender),
    structural: list.filter((contender) => 'count' in contender),
    combined: list.filter((contender) => 'parts' in contender),
  };
}

function contenderOf(proxy: NamedProxy): Contender {
  const { name } = proxy;
  const passes = (batch: number) => proxy.passes(batch);
  switch (proxy.kind) {
    case 'program':
      return { name, passes, formula: aggregateOf('unit_mean', proxy.program) };
    case 'structural':
      return { name, passes, count: proxy.count };
    case 'native':
      return { name, passes, measure: proxy.measure };
    case 'combined': {
      const parts = proxy.reads.map((part) => contenderOf(resolveProxy(part)));
      return { name, passes, parts, combine: proxy.combine };
    }
  }
}

/** A contender of a formula. */
export function formulaContender(name: string, formula: Formula, reference?: Reference): FormulaContender {
  const passes = (batch: number) => tensorPasses(formulaTensors(formula), batch);
  return { name, formula, ...(reference && { reference }), passes };
}

/** A contender of a program: of its mean over the units. */
export function programContender(name: string, program: Program): FormulaContender {
  return formulaContender(name, aggregateOf('unit_mean', program));
}

/**
 * The named proxies, then the programs; a formula's name is its text as printed. What is named twice comes once.
 *
 * @throws EznasError INVALID_ARGUMENT for an unknown proxy or when there is neither; INVALID_PROGRAM for text that does not parse
 */
export function resolveContenders({ proxies = [], programs = [] }: ContenderOptions): Contender[] {
  const named = proxies.map((name) => contenderOf(resolveProxy(name)));
  const written = programs.map((given): Contender => {
    const { formula: one, reference } =
      typeof given === 'object' && 'formula' in given ? given : { formula: given, reference: undefined };
    const formula = typeof one === 'string' ? parseFormula(one) : 'kind' in one ? one : aggregateOf('unit_mean', one);
    return formulaContender(printFormula(formula), formula, reference);
  });
  const contenders = new Map([...named, ...written].map((contender) => [contender.name, contender]));
  if (contenders.size === 0) {
    throw new EznasError('INVALID_ARGUMENT', 'nothing to score with: name at least one proxy or program');
  }
  return [...contenders.values()];
}
