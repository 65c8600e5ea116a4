import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { EznasError } from '../errors.ts';
import type { BenchEntry, BenchReport } from './report.ts';

const reportSchema = z.object({
  eznas: z.string(),
  entries: z.array(
    z.object({
      suite: z.string(),
      name: z.string(),
      timing: z.object({ median: z.number(), low: z.number(), high: z.number(), samples: z.number() }),
      figures: z.record(z.string(), z.number()),
    }),
  ),
});

/** How an entry's time stands to an earlier one's. */
export interface Comparison {
  readonly suite: string;
  readonly name: string;
  /** Earlier seconds over present seconds: above 1 is faster now. */
  readonly speedup: number;
  /** Range of the ratio when both times move within their quartiles. */
  readonly low: number;
  readonly high: number;
}

/**
 * Reads an earlier report.
 *
 * @throws EznasError INVALID_FILE when the file is no bench report
 */
export function readReport(path: string): Pick<BenchReport, 'entries'> {
  try {
    return reportSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    throw new EznasError('INVALID_FILE', `${path} is no report that 'eznas bench --json' wrote`, { cause });
  }
}

/** Entries that both runs have, with the change in time. */
export function compareReports(earlier: readonly BenchEntry[], now: readonly BenchEntry[]): Comparison[] {
  return now.flatMap(({ suite, name, timing }) => {
    const before = earlier.find((entry) => entry.suite === suite && entry.name === name);
    if (before === undefined) return [];
    return [
      {
        suite,
        name,
        speedup: before.timing.median / timing.median,
        low: before.timing.low / timing.high,
        high: before.timing.high / timing.low,
      },
    ];
  });
}
