import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Benchmark, NetworkFiles } from '../benchmarks/benchmark.ts';
import { PRECISIONS, type Precision } from '../engine/device.ts';
import { EznasError } from '../errors.ts';
import { SEPARABLE_UNITS, type SeparableUnit } from '../graph/units.ts';
import type { Contender } from './contenders.ts';
import type { EvaluateProxiesOptions, EvaluationResult } from './evaluate.ts';

/** An evaluation written down: what {@link EvaluateProxiesOptions} says, but for how it is run (threads, progress). */
export interface EvaluationRequest {
  /** All that is scored, by name or as a program's text, in order. */
  readonly contenders: readonly { readonly name: string; readonly kind: 'proxy' | 'program' }[];
  readonly space?: string | undefined;
  /** The table, where the protocol's `onnx` says that networks come from files. */
  readonly benchmark?: string | undefined;
  readonly dataset?: string | undefined;
  readonly networks?: number | 'all' | readonly number[] | undefined;
  readonly images?: string | undefined;
  readonly batch?: number | undefined;
  readonly separableUnit?: SeparableUnit | undefined;
  readonly precision?: Precision | undefined;
  readonly seed: number;
  readonly seeds: readonly number[];
}

/** The request of options, or null where these hold objects of the caller's. */
export function requestOf(
  options: EvaluateProxiesOptions,
  contenders: readonly Contender[],
  seeds: readonly number[],
  seed: number,
): EvaluationRequest | null {
  const { space, dataset, networks, images, batch, separableUnit, precision } = options;
  const benchmark = typeof options.benchmark === 'object' ? options.benchmark.files?.table : options.benchmark;
  if (typeof options.benchmark === 'object' && benchmark === undefined) return null;
  if ([space, images].some((given) => typeof given === 'object')) return null;
  return {
    contenders: contenders.map((contender) => {
      const named = options.proxies?.includes(contender.name) ?? false;
      return { name: contender.name, kind: named ? 'proxy' : 'program' };
    }),
    space: space as string | undefined,
    benchmark,
    dataset,
    networks,
    images: images as string | undefined,
    batch,
    separableUnit,
    precision,
    seed,
    seeds,
  };
}

const natural = z.int().min(0);

const requestSchema = z.object({
  contenders: z.array(z.object({ name: z.string(), kind: z.enum(['proxy', 'program']) })).min(1),
  space: z.string().optional(),
  benchmark: z.string().optional(),
  dataset: z.string().optional(),
  networks: z.union([natural, z.literal('all'), z.array(natural)]).optional(),
  images: z.string().optional(),
  batch: natural.optional(),
  separableUnit: z.enum(SEPARABLE_UNITS).optional(),
  precision: z.enum(PRECISIONS).optional(),
  seed: natural,
  seeds: z.array(natural).min(1),
});

const filesSchema = z.object({
  table: z.string(),
  weights: z.enum(['initialize', 'file']),
  sha256: z.record(z.string(), z.string()),
});

/** Of a result, what replaying needs; numbers are compared, whatever else the file has. */
const resultSchema = z.object({
  protocol: z.looseObject({ version: z.string(), onnx: filesSchema.nullish() }),
  request: requestSchema,
  results: z.array(z.looseObject({ name: z.string() })),
});

/** A result read from a file, and the options that make it again. */
export interface RecordedEvaluation {
  readonly options: EvaluateProxiesOptions;
  readonly recorded: z.output<typeof resultSchema>;
}

/** Opens the benchmark of networks in files. @throws EznasError INVALID_FILE where they are not those of the result */
export type OpenFiles = (files: NetworkFiles, separableUnit: SeparableUnit | undefined) => Benchmark<string>;

/**
 * Reads what `eznas evaluate --out` or `--json` wrote.
 *
 * @throws EznasError INVALID_FILE naming the file and what it lacks, and what `openFiles` throws
 */
export function readRecorded(path: string, openFiles: OpenFiles): RecordedEvaluation {
  const expected = 'a result of eznas evaluate is needed, as --out writes it';
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new EznasError('INVALID_FILE', `${path}: ${(cause as Error).message}; ${expected}`, { cause });
  }
  const parsed = resultSchema.safeParse(content);
  if (!parsed.success) {
    const { path: place, message } = parsed.error.issues[0]!;
    throw new EznasError('INVALID_FILE', `${path}: ${place.join('.') || 'the file'}: ${message}; ${expected}`);
  }
  const { contenders, ...rest } = parsed.data.request;
  const of = (kind: 'proxy' | 'program') => contenders.filter((one) => one.kind === kind).map(({ name }) => name);
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const { onnx } = parsed.data.protocol;
  const benchmark = onnx ? openFiles(onnx, rest.separableUnit) : undefined;
  const proxies = of('proxy');
  const programs = of('program');
  const options = { ...given, ...(benchmark && { benchmark }), proxies, programs } as EvaluateProxiesOptions;
  return { options, recorded: parsed.data };
}

/** What differs between a recorded evaluation and its repetition, one line each; nothing where all numbers are the same. Times do not count. */
export function differences({ recorded }: RecordedEvaluation, again: EvaluationResult): string[] {
  // Numbers that are not finite are null in JSON.
  const repeated = JSON.parse(JSON.stringify(again)) as unknown as RecordedEvaluation['recorded'];
  const found: string[] = [];
  for (const [at, before] of recorded.results.entries()) {
    compare(before, repeated.results[at], before.name, found);
  }
  return found;
}

function compare(before: unknown, after: unknown, place: string, found: string[]): void {
  if (typeof before === 'object' && before !== null && typeof after === 'object' && after !== null) {
    for (const [key, value] of Object.entries(before)) {
      if (key === 'secondsPerNetwork' || key === 'cached') continue;
      compare(value, (after as Record<string, unknown>)[key], `${place}: ${key}`, found);
    }
  } else if (before !== after) {
    const show = (value: unknown) =>
      typeof value === 'object' && value !== null ? 'there' : value === undefined ? 'missing' : value;
    found.push(`${place} was ${show(before)} and is ${show(after)}`);
  }
}
