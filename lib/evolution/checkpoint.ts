import { z } from 'zod';
import { EznasError } from '../errors.ts';
import { parseProgram } from '../programs/parse.ts';
import { printProgram } from '../programs/print.ts';
import { Random, type RandomState } from '../random.ts';
import type { Leader, SearchState } from './search.ts';

const program = z.string().transform((text, context) => {
  try {
    return parseProgram(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
});

const leader = z.strictObject({
  program,
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
  parents: z.array(program).min(1),
  lastBest: leader.nullable(),
  bestEver: z.array(leader),
});

/** A search's state as JSON text, programs printed. */
export function printCheckpoint(state: SearchState): string {
  const printed = (best: Leader) => ({ ...best, program: printProgram(best.program) });
  const value: z.input<typeof checkpoint> = {
    generation: state.generation,
    random: state.random,
    parents: state.parents.map(printProgram),
    lastBest: state.lastBest ? printed(state.lastBest) : null,
    bestEver: state.bestEver.map(printed),
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
  const result = checkpoint.safeParse(value);
  if (!result.success) {
    const { path: field, message } = result.error.issues[0]!;
    return fail(`${field.join('.') || 'the whole'}: ${message}`);
  }
  return { ...result.data, lastBest: result.data.lastBest ?? undefined };
}
