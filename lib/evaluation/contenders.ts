import { EznasError } from '../errors.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import { parseProgram } from '../programs/parse.ts';
import { printProgram } from '../programs/print.ts';
import type { Program } from '../programs/tree.ts';
import { type CombinedProxy, type NamedProxy, type Passes, resolveProxy } from '../proxies/catalogue.ts';
import { LABELLED } from '../proxies/measure-proxies.ts';
import type { MeasureName } from '../proxies/measures.ts';
import { programPasses } from '../proxies/program-proxies.ts';

/** What to score networks with: proxies by name, programs by text or as trees, in any mixture. */
export interface ContenderOptions {
  /** Names of the catalogue (see PROXIES), such as `eznas-a` or `params`. */
  readonly proxies?: readonly string[];
  /** Programs such as `frobenius_norm(T3)`. */
  readonly programs?: readonly (string | Program)[];
}

/** Scored by running networks. */
export interface ProgramContender {
  readonly name: string;
  readonly program: Program;
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

export type Contender = ProgramContender | MeasureContender | StructuralContender | CombinedContender;

/** Contenders by how they are scored, each once, with the parts of combined ones among them. */
export interface ContenderKinds {
  readonly programs: readonly ProgramContender[];
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
    programs: list.filter((contender) => 'program' in contender),
    measures: list.filter((contender) => 'measure' in contender),
    structural: list.filter((contender) => 'count' in contender),
    combined: list.filter((contender) => 'parts' in contender),
  };
}

/** Whether contenders need networks to run. */
export function runsNetworks(contenders: readonly Contender[]): boolean {
  const { programs, measures } = contenderKinds(contenders);
  return programs.length + measures.length > 0;
}

/** Whether scores of some contender depend on labels. */
export function readsLabels(contenders: readonly Contender[]): boolean {
  return contenderKinds(contenders).measures.some(({ measure }) => LABELLED.has(measure));
}

function contenderOf(proxy: NamedProxy): Contender {
  const { name } = proxy;
  const passes = (batch: number) => proxy.passes(batch);
  switch (proxy.kind) {
    case 'program':
      return { name, passes, program: proxy.program };
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

/** A contender of a program. */
export function programContender(name: string, program: Program): ProgramContender {
  return { name, program, passes: (batch) => programPasses(program, batch) };
}

/**
 * The named proxies, then the programs; a program's name is its text as printed. What is named twice comes once.
 *
 * @throws EznasError INVALID_ARGUMENT for an unknown proxy or when there is neither; INVALID_PROGRAM for text that does not parse
 */
export function resolveContenders({ proxies = [], programs = [] }: ContenderOptions): Contender[] {
  const named = proxies.map((name) => contenderOf(resolveProxy(name)));
  const written = programs.map((given): Contender => {
    const program = typeof given === 'string' ? parseProgram(given) : given;
    return programContender(printProgram(program), program);
  });
  const contenders = new Map([...named, ...written].map((contender) => [contender.name, contender]));
  if (contenders.size === 0) {
    throw new EznasError('INVALID_ARGUMENT', 'nothing to score with: name at least one proxy or program');
  }
  return [...contenders.values()];
}
