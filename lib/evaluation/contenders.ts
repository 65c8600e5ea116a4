import { EznasError } from '../errors.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import { parseProgram } from '../programs/parse.ts';
import { printProgram } from '../programs/print.ts';
import type { Program } from '../programs/tree.ts';
import { resolveProxy } from '../proxies/catalogue.ts';

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
}

/** Scored by looking at a network's graph. */
export interface StructuralContender {
  readonly name: string;
  readonly count: (graph: NetworkGraph) => number;
}

export type Contender = ProgramContender | StructuralContender;

/** Whether a contender is a program. */
export function isProgram(contender: Contender): contender is ProgramContender {
  return 'program' in contender;
}

/**
 * The named proxies, then the programs; a program's name is its text as printed. What is named twice comes once.
 *
 * @throws EznasError INVALID_ARGUMENT for an unknown proxy or when there is neither; INVALID_PROGRAM for text that does not parse
 */
export function resolveContenders({ proxies = [], programs = [] }: ContenderOptions): Contender[] {
  const named = proxies.map((name): Contender => {
    const proxy = resolveProxy(name);
    return proxy.kind === 'program' ? { name, program: proxy.program } : { name, count: proxy.count };
  });
  const written = programs.map((given): Contender => {
    const program = typeof given === 'string' ? parseProgram(given) : given;
    return { name: printProgram(program), program };
  });
  const contenders = new Map([...named, ...written].map((contender) => [contender.name, contender]));
  if (contenders.size === 0) {
    throw new EznasError('INVALID_ARGUMENT', 'nothing to score with: name at least one proxy or program');
  }
  return [...contenders.values()];
}
