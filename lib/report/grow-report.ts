import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { COURSE, type EvolveForestResult, type GrowthCourse } from '../discovery/grow-forest.ts';
import { EznasError } from '../errors.ts';
import { TIMES } from '../evolution/run-folder.ts';
import { parseTimes } from '../runs/times.ts';
import { correlations, protocolFacts } from './evaluation-report.ts';
import { paretoOf, type SizedProgram } from './pareto.ts';
import { programCard } from './programs.ts';
import type { GenerationRow, Report, Section } from './report.ts';
import { timesPanel } from './times.ts';

const quartile = z.number().nullable();

const course = z
  .array(
    z.object({
      beside: z.array(z.string()),
      considered: z.array(z.object({ term: z.string(), size: z.int(), fitness: z.number() })),
      batches: z.array(
        z.object({
          programs: z.int(),
          valid: z.int(),
          best: quartile,
          upper: quartile,
          median: quartile,
          lower: quartile,
        }),
      ),
    }),
  )
  .min(1);

/**
 * The report on a run of `eznas grow`, finished or not, from its folder. Reads only.
 *
 * @throws EznasError INVALID_RUN when the folder holds no such run, one that found no term yet, or one that is damaged
 */
export function growReport(folder: string): Report {
  const path = resolve(folder);
  const text = readText(join(path, COURSE));
  if (text === undefined) {
    throw new EznasError(
      'INVALID_RUN',
      `${path} holds no ${COURSE}: it is no run of eznas grow, or one that was stopped before its first term; continue it with: eznas grow --resume ${folder}`,
    );
  }
  const rounds = parse(course, text, join(path, COURSE));
  const report = readText(join(path, 'report.json'));
  const result = report === undefined ? undefined : (JSON.parse(report) as EvolveForestResult);
  const settings = readText(join(path, 'config.json'));
  const config = settings === undefined ? {} : ((JSON.parse(settings) as { config?: Settings }).config ?? {});
  const grown = result?.best.growth ?? soFar(rounds);
  const formula = result?.best.formula ?? `share_sum(${grown.map(({ term }) => term).join(', ')})`;
  const fitness = result?.best.fitness ?? grown.at(-1)?.fitness ?? null;
  const card = programCard(formula, { fitness, sign: 1, generation: null });

  const sections: Section[] = [
    {
      title: result ? 'The forest' : 'The forest so far',
      note: 'Higher scores mean higher accuracy. r is the rank that a term gives a network among those scored together, as a share; u counts the units.',
      panel: { kind: 'programs', programs: [card] },
    },
  ];
  if (result !== undefined) {
    sections.push({
      title: 'On networks that the search never saw',
      note: `${result.protocol.networks.count.toLocaleString('en')} held-out networks at batch ${result.protocol.batch}, beside known proxies; 95 % bootstrap intervals.`,
      panel: correlations([{ name: 'the forest', ...result.best.heldOut }, ...result.baselines]),
    });
  }
  sections.push(
    {
      title: 'Terms as they came in',
      note: 'Fitness of the forest with each. In the end, every term is exchanged for a better one where there is one beside the others, so the forest may hold others.',
      panel: {
        kind: 'table',
        caption: 'Terms chosen',
        columns: ['place', 'term', 'fitness with it', 'gain'],
        rows: grown.map(({ term, fitness }, at) => [
          at + 1,
          term,
          fitness,
          at === 0 ? fitness : fitness - grown[at - 1]!.fitness,
        ]),
      },
    },
    {
      title: 'Each term',
      panel: { kind: 'programs', programs: termsOf(formula).map((term) => programCard(term)) },
    },
    {
      title: 'Fitness by generation',
      note: `Correlation with predicted accuracies of the best forest that each generation allows, and quartiles over the candidates that become parents. ${generationsNote(rounds)}`,
      panel: { kind: 'generations', rows: rowsOf(rounds) },
    },
  );
  const { points, front } = paretoOf(forestsOf(rounds, { program: formula, size: card.size, fitness }));
  sections.push({
    title: 'Size against fitness',
    note: 'Forests with each of the best candidates for every term. The line joins those that no smaller one matches.',
    panel: { kind: 'pareto', points, front },
  });
  const times = parseTimes(readText(join(path, TIMES)) ?? '');
  if (times.length > 0) sections.push({ title: 'Where the time went', panel: timesPanel(times) });
  return {
    title: `Forest grown on ${config.tasks?.join(', ') ?? 'unknown tasks'}`,
    lead: leadOf(result, grown.length, fitness),
    facts: [...(result ? protocolFacts(result.protocol) : []), ...searchFacts(config, result)],
    sections,
  };
}

/** What a run's configuration says about itself. */
interface Settings {
  readonly tasks?: readonly string[];
  readonly networks?: number;
  readonly batch?: number;
  readonly search?: Readonly<Record<string, unknown>>;
}

function readText(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

function parse<T>(schema: z.ZodType<T>, text: string, path: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new EznasError('INVALID_RUN', `${path} is damaged; delete it and resume the run, which writes it anew`, {
      cause,
    });
  }
}

/** The terms of a forest's text, which the parser has checked: at commas outside of any term. */
function termsOf(formula: string): string[] {
  const inside = formula.slice(formula.indexOf('(') + 1, -1);
  const terms: string[] = [];
  let depth = 0;
  let start = 0;
  for (const [at, character] of [...inside, ','].entries()) {
    if (character === '(') depth++;
    if (character === ')') depth--;
    if (character !== ',' || depth > 0) continue;
    terms.push(inside.slice(start, at).trim());
    start = at + 1;
  }
  return terms;
}

/** Terms taken by a search that has not ended: a round's best, where the next round stands beside it; of the last round, its best. */
function soFar(rounds: readonly GrowthCourse[]): { term: string; fitness: number }[] {
  return rounds.flatMap(({ considered }, at) => {
    const [best] = considered;
    const taken = at + 1 === rounds.length || rounds[at + 1]!.beside.length > at;
    return best && taken ? [{ term: best.term, fitness: best.fitness }] : [];
  });
}

function rowsOf(rounds: readonly GrowthCourse[]): GenerationRow[] {
  return rounds
    .flatMap(({ batches }) => batches)
    .map(({ programs, valid, best, upper, median, lower }, generation) => ({
      generation,
      best,
      upper,
      median,
      lower,
      validity: programs === 0 ? 0 : valid / programs,
      distinct: programs,
      population: programs,
    }));
}

/** Which generations looked for which term. */
function generationsNote(rounds: readonly GrowthCourse[]): string {
  let next = 0;
  const parts = rounds.map(({ batches }, at) => {
    const first = next;
    next += batches.length;
    return `term ${at + 1}: ${first} to ${next - 1}`;
  });
  return `Generations by term: ${parts.join(', ')}.`;
}

function* forestsOf(rounds: readonly GrowthCourse[], final: SizedProgram): Iterable<SizedProgram> {
  for (const { beside, considered } of rounds) {
    const before = beside.reduce((sum, term) => sum + programCard(term).size, 0);
    for (const { term, fitness } of considered) {
      // The combiner is a node too.
      const size = 1 + before + programCard(term).size;
      yield { program: `share_sum(${[...beside, term].join(', ')})`, size, fitness };
    }
  }
  yield final;
}

function leadOf(result: EvolveForestResult | undefined, terms: number, fitness: number | null): string {
  if (result === undefined) {
    return `This run is not finished: ${terms} term${terms === 1 ? '' : 's'}, fitness ${fitness?.toFixed(3) ?? 'none'}.`;
  }
  const { value, low, high } = result.best.heldOut.kendallTau;
  const networks = result.protocol.networks.count.toLocaleString('en');
  // NaN is null in a report's JSON.
  if (!Number.isFinite(value))
    return `The forest's scores have no correlation that is defined on ${networks} networks.`;
  return `A forest of ${terms} term${terms === 1 ? '' : 's'} ranks ${networks} networks that it never saw with Kendall τ-b ${value.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)}).`;
}

function searchFacts(config: Settings, result: EvolveForestResult | undefined): Report['facts'] {
  const { terms, generations, population, initial, seed } = config.search ?? {};
  const facts: [string, unknown][] = [
    ['Terms', terms === undefined ? undefined : `${terms} at most`],
    ['Generations', generations === undefined ? undefined : `${generations} for each term`],
    ['Population', population === undefined ? undefined : `${population}, ${initial} at first`],
    ['Programs met', result?.programs.toLocaleString('en')],
    ['Networks of known accuracy', config.networks],
    ['Networks of predicted accuracy', result?.search.unlabelled],
    ['Search minibatch', config.batch],
    ['Search seed', seed],
  ];
  return facts.filter(([, value]) => value !== undefined).map(([label, value]) => ({ label, value: String(value) }));
}
