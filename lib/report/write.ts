import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { EznasError } from '../errors.ts';
import type { EvaluationResult } from '../evaluation/evaluate.ts';
import { writeFileAtomic } from '../runs/atomic-file.ts';
import { evaluationReport } from './evaluation-report.ts';
import { renderReport } from './render.ts';
import type { Report } from './report.ts';
import { runReport } from './run-report.ts';

/** JSON has null for NaN, which the report shows as not defined. */
const estimate = z.object({ value: z.number().nullable(), low: z.number().nullable(), high: z.number().nullable() });

/** What a report needs of an evaluation's JSON; measures that later versions add are shown too. */
const evaluation = z.object({
  protocol: z.object({
    version: z.string(),
    space: z.string(),
    dataset: z.string(),
    networks: z.object({ count: z.int(), chosen: z.string() }),
  }),
  results: z.array(z.object({ name: z.string(), networks: z.int(), kendallTau: estimate })).min(1),
  networks: z
    .object({
      indices: z.array(z.int()),
      architectures: z.array(z.string()),
      accuracies: z.array(z.number()),
      scores: z.record(z.string(), z.array(z.number().nullable())),
    })
    .refine(
      ({ indices, architectures, accuracies, scores }) =>
        [architectures, accuracies, ...Object.values(scores)].every(({ length }) => length === indices.length),
      { error: 'lists of different lengths' },
    )
    .optional(),
  stages: z
    .array(
      z.object({
        name: z.string(),
        stages: z.array(z.object({ name: z.string(), networks: z.int(), kendallTau: estimate })),
      }),
    )
    .optional(),
});

/** Name of the report in a run folder. */
export const RUN_REPORT = 'report.html';

/**
 * Draws the report of a run of `eznas evolve` in its folder, finished or not; returns its path.
 *
 * @throws EznasError INVALID_RUN when the folder holds no such run; an error of the file system when it cannot be written
 */
export function writeRunReport(folder: string): string {
  const path = join(resolve(folder), RUN_REPORT);
  writeFileAtomic(path, renderReport(runReport(folder)));
  return path;
}

/**
 * The report on what a path names: a run folder of `eznas evolve`, or the JSON that `eznas evaluate` gave.
 *
 * @throws EznasError INVALID_RUN, INVALID_FILE
 */
export function reportOf(path: string): Report {
  const kind = statSync(path, { throwIfNoEntry: false });
  if (kind === undefined) {
    throw new EznasError(
      'INVALID_FILE',
      `there is no ${path}; give a run folder, or a file that eznas evaluate --out wrote`,
    );
  }
  return kind.isDirectory() ? runReport(path) : evaluationReport(readEvaluation(path));
}

function readEvaluation(path: string): EvaluationResult {
  const fail = (reason: string, cause?: unknown): never => {
    throw new EznasError(
      'INVALID_FILE',
      `${path} is not the JSON of eznas evaluate (${reason}); make one with: eznas evaluate --details --out result.json`,
      { cause },
    );
  };
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    return fail((error as Error).message, error);
  }
  const result = evaluation.safeParse(value);
  if (!result.success) {
    const { path: field, message } = result.error.issues[0]!;
    return fail(`${field.join('.') || 'the whole'}: ${message}`, result.error);
  }
  return value as EvaluationResult;
}
