import { z } from 'zod';
import { EznasError } from '../errors.ts';
import { parseFormula } from '../formulas/parse.ts';
import { printFormula } from '../formulas/print.ts';
import { Random, type RandomState } from '../random.ts';
import type { Leader, SearchState } from './search.ts';

const formula = z.string().transform((text, context) => {
  try {
    const parsed = parseFormula(text);
    if (parsed.kind !== 'forest') return parsed;
    context.addIssue({ code: 'custom', message: `a search varies no forests, got ${text}` });
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
  }
  return z.NEVER;
});

const leader = z.strictObject({
  program: formula,
  fitness: z.number().min(-1).max(1),
  sign: z.literal([1, -1]),
  generation: z.int().min(1),
});

const random = z.custom<RandomState>((state) => {
  try {
    Random.restore(state as RandomState);
    return true;
  } catch {
    return false;
  }
}, 'not a state of the random generator');

const checkpoint = z.strictObject({
  generation: z.int().min(0),
  random,
  islands: z.array(z.strictObject({ parents: z.array(formula), pool: z.array(formula) })).min(1),
  lastBest: leader.nullable(),
  bestEver: z.array(leader),
  front: z.array(leader),
  stuckSince: z.int().min(0),
  toSurpass: z.number().nullable(),
});

/** Of versions without islands, where a generation replaced the last and no search stopped early. */
const withoutIslands = z
  .strictObject({
    generation: z.int().min(0),
    random,
    parents: z.array(formula).min(1),
    lastBest: leader.nullable(),
    bestEver: z.array(leader),
  })
  .transform(({ parents, ...state }) => ({
    ...state,
    islands: [{ parents, pool: [] }],
    front: [],
    stuckSince: 0,
    toSurpass: null,
  }));

/** A search's state as JSON text, formulas printed. */
export function printCheckpoint(state: SearchState): string {
  const printed = ({ formula: text, ...best }: Leader) => ({ program: printFormula(text), ...best });
  const value: z.input<typeof checkpoint> = {
    generation: state.generation,
    random: state.random,
    islands: state.islands.map(({ parents, pool }) => ({
      parents: parents.map(printFormula),
      pool: pool.map(printFormula),
    })),
    lastBest: state.lastBest ? printed(state.lastBest) : null,
    bestEver: state.bestEver.map(printed),
    front: state.front.map(printed),
    stuckSince: state.stuckSince,
    toSurpass: state.toSurpass ?? null,
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/**
 * The state that {@link printCheckpoint} wrote.
 *
 * @param path for messages
 * @throws EznasError INVALID_RUN when the text is not such a state
 */
export function parseCheckpoint(text: string, path: string): SearchState {
  const fail = (reason: string): never => {
    throw new EznasError(
      'INVALID_RUN',
      `${path} is damaged (${reason}); restore it from a copy, or start a new run in another folder`,
    );
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return fail((error as Error).message);
  }
  const old = typeof value === 'object' && value !== null && 'parents' in value;
  const result = (old ? withoutIslands : checkpoint).safeParse(value);
  if (!result.success) {
    const { path: field, message } = result.error.issues[0]!;
    return fail(`${field.join('.') || 'the whole'}: ${message}`);
  }
  const { lastBest, bestEver, front, toSurpass, ...state } = result.data;
  const restored = ({ program: term, ...best }: z.output<typeof leader>): Leader => ({ formula: term, ...best });
  return {
    ...state,
    lastBest: lastBest ? restored(lastBest) : undefined,
    bestEver: bestEver.map(restored),
    front: front.map(restored),
    toSurpass: toSurpass ?? undefined,
  };
}
