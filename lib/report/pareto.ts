import type { ParetoPanel } from './report.ts';

/** A program or formula, its nodes and its fitness; null where it has none. */
export interface SizedProgram {
  readonly program: string;
  readonly size: number;
  readonly fitness: number | null;
}

/** Sizes and fitnesses of programs, how many have each, and the programs that are fitter than every smaller one. */
export function paretoOf(programs: Iterable<SizedProgram>): Omit<ParetoPanel, 'kind'> {
  const points = new Map<string, { size: number; fitness: number; programs: number }>();
  const fittest = new Map<number, { size: number; fitness: number; program: string }>();
  for (const { program, size, fitness } of programs) {
    if (fitness === null) continue;
    const key = `${size} ${fitness}`;
    const point = points.get(key) ?? { size, fitness, programs: 0 };
    point.programs++;
    points.set(key, point);
    if (fitness > (fittest.get(size)?.fitness ?? Number.NEGATIVE_INFINITY))
      fittest.set(size, { size, fitness, program });
  }
  const front: { size: number; fitness: number; program: string }[] = [];
  for (const candidate of [...fittest.values()].sort((a, b) => a.size - b.size)) {
    if (candidate.fitness > (front.at(-1)?.fitness ?? Number.NEGATIVE_INFINITY)) front.push(candidate);
  }
  return { points: [...points.values()], front };
}
