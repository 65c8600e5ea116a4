import type { LineageNode, LineagePanel } from './report.ts';
import type { KnownProgram } from './run-report.ts';

/** Ancestors drawn at most; the youngest are kept. */
const MOST_NODES = 60;

/**
 * A program's ancestors, each where it first occurs in the run: nodes from the program back, so that parents come after their children. A parent
 * occurs before its child, so the links have no circle.
 *
 * @param text canonical text of the program
 */
export function lineageOf(text: string, programs: ReadonlyMap<string, KnownProgram>): LineagePanel {
  const ancestors = new Set<string>();
  const frontier = [text].filter((one) => programs.has(one));
  let cut = false;
  // Youngest first, so that what is cut off is the oldest.
  while (frontier.length > 0) {
    frontier.sort((a, b) => programs.get(b)!.first.generation - programs.get(a)!.first.generation);
    const next = frontier.shift()!;
    if (ancestors.has(next)) continue;
    if (ancestors.size >= MOST_NODES) {
      cut = true;
      break;
    }
    ancestors.add(next);
    frontier.push(...programs.get(next)!.first.parents.filter((parent) => programs.has(parent)));
  }
  const places = new Map([...ancestors].map((program, place) => [program, place]));
  const nodes = [...ancestors].map((program): LineageNode => {
    const { first, fitness } = programs.get(program)!;
    const parents = [...new Set(first.parents)].map((parent) => places.get(parent)).filter((at) => at !== undefined);
    return { program, generation: first.generation, operation: first.operation, fitness, parents };
  });
  return { kind: 'lineage', nodes, cut };
}
