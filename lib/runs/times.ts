import { z } from 'zod';

const time = z.object({
  stage: z.enum(['record', 'generation', 'choice', 'judge']),
  /** Of stage `generation`. */
  generation: z.int().optional(),
  /** Wall-clock time of the whole. */
  seconds: z.number(),
  /** Of it, evaluating programs, and saving the generation. */
  evaluate: z.number().optional(),
  save: z.number().optional(),
});

/** What a part of a run took. No part of its result, which does not depend on times. */
export type StageTime = Readonly<z.infer<typeof time>>;

/** One line of the file of times. */
export function printTime(entry: StageTime): string {
  const rounded = Object.entries(entry).map(([key, value]) => [
    key,
    typeof value === 'number' && key !== 'generation' ? Math.round(value * 1e6) / 1e6 : value,
  ]);
  return `${JSON.stringify(Object.fromEntries(rounded))}\n`;
}

/**
 * The times in the file's text. What a killed process left half-written is passed over; of a generation that was made again, the last time
 * counts.
 */
export function parseTimes(text: string): StageTime[] {
  const times: StageTime[] = [];
  for (const line of text.split('\n')) {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      continue;
    }
    const result = time.safeParse(value);
    if (result.success) times.push(result.data as StageTime);
  }
  const last = new Map(times.map((entry, place) => [`${entry.stage} ${entry.generation ?? place}`, entry]));
  return [...last.values()];
}
