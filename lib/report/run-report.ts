import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { EvolveResult } from '../discovery/evolve-proxy.ts';
import { EznasError } from '../errors.ts';
import { Archive, type ArchivedIndividual } from '../evolution/archive.ts';
import { ARCHIVE, TIMES } from '../evolution/run-folder.ts';
import { parseFormula } from '../formulas/parse.ts';
import { canonicalFormula } from '../formulas/print.ts';
import { parseTimes } from '../runs/times.ts';
import { correlations, protocolFacts } from './evaluation-report.ts';
import { lineageOf } from './lineage.ts';
import { paretoOf } from './pareto.ts';
import { programCard } from './programs.ts';
import type { GenerationRow, ProgramCard, Report, Section } from './report.ts';
import { timesPanel } from './times.ts';

/** Programs shown beside the best. */
const SHOWN_PROGRAMS = 8;

/** Every program of a run, as the report needs it. */
export interface KnownProgram {
  /** Where it first occurs. */
  readonly first: ArchivedIndividual;
  /** Its best fitness in any generation; null when it was never assessed or is invalid. */
  readonly fitness: number | null;
  readonly sign: 1 | -1 | null;
}

/**
 * The report on a run of `eznas evolve`, finished or not, from its folder. Reads only.
 *
 * @throws EznasError INVALID_RUN when the folder holds no such run, or one that is damaged
 */
export function runReport(folder: string): Report {
  const path = resolve(folder);
  if (!existsSync(join(path, ARCHIVE))) {
    throw new EznasError(
      'INVALID_RUN',
      `${path} holds no ${ARCHIVE}: it is no run of eznas evolve, or one that was stopped before its first generation`,
    );
  }
  const config = readJson<{ config: RunSettings }>(path, 'config.json')?.config;
  const result = resultOf(readJson<unknown>(path, 'report.json'));
  const timesFile = join(path, TIMES);
  const times = parseTimes(existsSync(timesFile) ? readFileSync(timesFile, 'utf8') : '');

  const { generations, programs } = readArchive(join(path, ARCHIVE));
  const winner = winnerOf(result, programs);
  const sections: Section[] = [];
  if (winner !== undefined) {
    sections.push({
      title: result ? 'The winner' : 'The best so far',
      note: winner.sign === -1 ? 'Lower scores mean higher accuracy.' : 'Higher scores mean higher accuracy.',
      panel: { kind: 'programs', programs: [winner] },
    });
  }
  if (result !== undefined) {
    sections.push({
      title: 'On networks that the search never saw',
      note: `${result.protocol.networks.count.toLocaleString('en')} held-out networks at batch ${result.protocol.batch}, beside known proxies; 95 % bootstrap intervals.`,
      panel: correlations([{ name: 'the winner', ...result.best.heldOut }, ...result.baselines]),
    });
  }
  sections.push({
    title: 'Fitness by generation',
    note: 'Each generation is assessed on the tasks that it draws; where it does not draw all, its fitness does not quite compare with others.',
    panel: { kind: 'generations', rows: generations },
  });
  const { points, front } = paretoOf(
    [...programs.values()].map(({ first: { program, size }, fitness }) => ({ program, size, fitness })),
  );
  if (points.length > 0) {
    sections.push({
      title: 'Size against fitness',
      note: 'Every program that has a fitness. The line joins those that no smaller program matches.',
      panel: { kind: 'pareto', points, front },
    });
  }
  const others = bestPrograms(programs, winner);
  if (others.length > 0) {
    sections.push({
      title: 'Other good programs',
      note: 'One of each fitness, the smallest: programs of equal fitness rank alike.',
      panel: { kind: 'programs', programs: others },
    });
  }
  const lineage = winner && lineageOf(canonicalFormula(parseFormula(winner.text)), programs);
  if (lineage && lineage.nodes.length > 0) {
    sections.push({
      title: 'How it came about',
      note: `The ancestors of the ${result ? 'winner' : 'best program'}, each in the generation where it first occurs.`,
      panel: lineage,
    });
  }
  if (times.length > 0) {
    sections.push({ title: 'Where the time went', panel: timesPanel(times) });
  }
  const last = generations.at(-1)?.generation ?? 0;
  return {
    title: `Search on ${config?.space ?? 'a benchmark'}, ${config?.dataset ?? ''}`.replace(/, $/, ''),
    lead: leadOf(result, winner, last),
    facts: [...(result ? protocolFacts(result.protocol) : []), ...searchFacts(config, last, programs.size)],
    sections,
  };
}

/** What a run's configuration says about itself; all optional, since a page is better with gaps than none. */
interface RunSettings {
  readonly space?: string;
  readonly dataset?: string;
  readonly batch?: number;
  readonly search?: Readonly<Record<string, unknown>>;
}

function readJson<T>(folder: string, name: string): T | undefined {
  const path = join(folder, name);
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch (cause) {
    throw new EznasError(
      'INVALID_RUN',
      `${path} is damaged (${(cause as Error).message}); restore it from a copy, or resume the run, which writes it anew`,
      { cause },
    );
  }
}

const estimate = z.object({ value: z.number().nullable() });

/** What the report reads of a result, see EvolveResult. */
const evolveResult = z.object({
  protocol: z.object({ networks: z.object({ count: z.int() }), batch: z.int() }),
  best: z.object({
    program: z.string(),
    fitness: z.number(),
    sign: z.literal([1, -1]),
    heldOut: z.object({ kendallTau: estimate }),
  }),
  baselines: z.array(z.object({ name: z.string(), kendallTau: estimate })),
});

/** The result of evolveProxy; undefined for that of another caller of RunFolder, who may end a run with any JSON. */
function resultOf(value: unknown): EvolveResult | undefined {
  return evolveResult.safeParse(value).success ? (value as EvolveResult) : undefined;
}

function readArchive(path: string): { generations: GenerationRow[]; programs: Map<string, KnownProgram> } {
  const archive = new Archive(path, { readonly: true });
  try {
    const programs = new Map<string, KnownProgram>();
    const generations = archive.generations().map(({ generation, drawn }) => {
      const individuals = archive.individuals(generation);
      for (const individual of individuals) {
        const { program } = individual;
        // −1 is the fitness of invalid programs.
        const fitness = individual.fitness === null || individual.fitness <= -1 ? null : individual.fitness;
        const known = programs.get(program);
        if (known === undefined) programs.set(program, { first: individual, fitness, sign: individual.sign });
        else if (fitness !== null && fitness > (known.fitness ?? -1)) {
          programs.set(program, { ...known, fitness, sign: individual.sign });
        }
      }
      return generationRow(generation, individuals, drawn);
    });
    return { generations, programs };
  } finally {
    archive.close();
  }
}

function generationRow(generation: number, individuals: readonly ArchivedIndividual[], drawn: number): GenerationRow {
  const assessed = individuals.map(({ fitness }) => fitness).filter((fitness) => fitness !== null);
  const sorted = assessed.toSorted((a, b) => a - b);
  const quantile = (share: number) => {
    if (sorted.length === 0) return null;
    const place = share * (sorted.length - 1);
    const below = sorted[Math.floor(place)]!;
    return below + (place % 1) * (sorted[Math.ceil(place)]! - below);
  };
  const valid = individuals.filter(({ fitness }) => fitness === null || fitness > -1).length;
  return {
    generation,
    best: quantile(1),
    upper: quantile(0.75),
    median: quantile(0.5),
    lower: quantile(0.25),
    validity: valid / drawn,
    distinct: new Set(individuals.map(({ program }) => program)).size,
    population: individuals.length,
  };
}

function winnerOf(
  result: EvolveResult | undefined,
  programs: ReadonlyMap<string, KnownProgram>,
): ProgramCard | undefined {
  if (result !== undefined) {
    const { program, fitness, sign } = result.best;
    const generation = programs.get(canonicalFormula(parseFormula(program)))?.first.generation ?? null;
    return programCard(program, { fitness, sign, generation });
  }
  let best: KnownProgram | undefined;
  for (const known of programs.values()) {
    if (known.fitness !== null && (best === undefined || known.fitness > best.fitness!)) best = known;
  }
  return best && cardOf(best);
}

function bestPrograms(programs: ReadonlyMap<string, KnownProgram>, winner: ProgramCard | undefined): ProgramCard[] {
  const smallest = new Map<number, KnownProgram>();
  for (const known of programs.values()) {
    if (known.fitness === null || known.first.program === winner?.text) continue;
    const other = smallest.get(known.fitness);
    if (other === undefined || known.first.size < other.first.size) smallest.set(known.fitness, known);
  }
  return [...smallest.values()]
    .sort((a, b) => b.fitness! - a.fitness!)
    .slice(0, SHOWN_PROGRAMS)
    .map(cardOf);
}

function cardOf({ first, fitness, sign }: KnownProgram): ProgramCard {
  return programCard(first.program, { fitness, sign, generation: first.generation });
}

function leadOf(result: EvolveResult | undefined, winner: ProgramCard | undefined, generations: number): string {
  if (result === undefined) {
    const best = winner?.fitness == null ? 'no program has a fitness yet' : `best fitness ${winner.fitness.toFixed(3)}`;
    return `This run is not finished: ${generations} generations, ${best}.`;
  }
  const { value, low, high } = result.best.heldOut.kendallTau;
  const networks = result.protocol.networks.count.toLocaleString('en');
  // NaN is null in a report's JSON.
  if (!Number.isFinite(value))
    return `The winner's scores have no correlation that is defined on ${networks} held-out networks.`;
  return `The winner ranks ${networks} networks that it never saw with Kendall τ-b ${value.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)}).`;
}

function searchFacts(config: RunSettings | undefined, generations: number, programs: number): Report['facts'] {
  const { population, generations: planned, tasksPerPool, networksPerTask, seed } = config?.search ?? {};
  const facts: [string, unknown][] = [
    ['Generations', planned === undefined ? generations : `${generations} of ${planned}`],
    ['Population', population],
    ['Programs met', programs.toLocaleString('en')],
    ['Search networks', tasksPerPool && networksPerTask ? `${tasksPerPool} tasks of ${networksPerTask}` : undefined],
    ['Search seed', seed],
    ['Search minibatch', config?.batch],
  ];
  return facts.filter(([, value]) => value !== undefined).map(([label, value]) => ({ label, value: String(value) }));
}
