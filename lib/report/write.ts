import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { EznasError } from '../errors.ts';
import type { EvaluationResult } from '../evaluation/evaluate.ts';
import { writeFileAtomic } from '../runs/atomic-file.ts';
import { type RunKind, runKind } from '../runs/folder.ts';
import type { ArchitectureSearchResult } from '../search/result.ts';
import { evaluationReport } from './evaluation-report.ts';
import { growReport } from './grow-report.ts';
import { renderReport } from './render.ts';
import type { Report } from './report.ts';
import { runReport } from './run-report.ts';
import { searchReport } from './search-report.ts';

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

/** What a report needs of a search's JSON. */
const search = z.object({
  protocol: z.object({ version: z.string(), space: z.string(), networks: z.object({ count: z.int() }) }),
  search: z.object({ algorithm: z.string(), objectives: z.array(z.object({ name: z.string() })).min(1) }),
  scored: z.int(),
  best: z.array(z.object({ architecture: z.string(), found: z.int() })).min(1),
  comparison: z.array(z.object({ name: z.string() })),
});

/** Name of the report in a run folder. */
export const RUN_REPORT = 'report.html';

/**
 * Draws the report of a run in its folder, finished or not; returns its path.
 *
 * @throws EznasError INVALID_RUN when the folder holds no run, or one with nothing to draw; an error of the file system when it cannot be written
 */
export function writeRunReport(folder: string): string {
  const path = join(resolve(folder), RUN_REPORT);
  writeFileAtomic(path, renderReport(reportOfRun(folder)));
  return path;
}

/**
 * The report on what a path names: a run folder, or the JSON that `eznas evaluate` or `eznas search` gave.
 *
 * @throws EznasError INVALID_RUN, INVALID_FILE
 */
export function reportOf(path: string): Report {
  const kind = statSync(path, { throwIfNoEntry: false });
  if (kind === undefined) {
    throw new EznasError(
      'INVALID_FILE',
      `there is no ${path}; give a run folder, or a file that eznas evaluate --out or eznas search --out wrote`,
    );
  }
  return kind.isDirectory() ? reportOfRun(path) : reportOfFile(path);
}

const BY_KIND: { readonly [Kind in RunKind]: (folder: string) => Report } = {
  evolve: runReport,
  search: (folder) => reportOfFile(finished(folder, 'search')),
  grow: growReport,
};

function reportOfRun(folder: string): Report {
  return BY_KIND[runKind(folder)](folder);
}

/** The result of a run that ended. */
function finished(folder: string, kind: RunKind): string {
  const path = join(resolve(folder), 'report.json');
  if (existsSync(path)) return path;
  throw new EznasError(
    'INVALID_RUN',
    `${folder} holds a run of eznas ${kind} that has not ended, so there is nothing to draw; end it with: eznas ${kind} --resume ${folder}`,
  );
}

function reportOfFile(path: string): Report {
  const fail = (reason: string, cause?: unknown): never => {
    throw new EznasError(
      'INVALID_FILE',
      `${path} is not the JSON of eznas evaluate or eznas search (${reason}); make one with: eznas evaluate --details --out result.json`,
      { cause },
    );
  };
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    return fail((error as Error).message, error);
  }
  const check = (schema: z.ZodType) => {
    const result = schema.safeParse(value);
    if (result.success) return;
    const { path: field, message } = result.error.issues[0]!;
    fail(`${field.join('.') || 'the whole'}: ${message}`, result.error);
  };
  if (typeof value === 'object' && value !== null && 'best' in value) {
    check(search);
    return searchReport(value as ArchitectureSearchResult);
  }
  check(evaluation);
  return evaluationReport(value as EvaluationResult);
}
