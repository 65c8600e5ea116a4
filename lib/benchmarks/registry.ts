import { EznasError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import type { Benchmark } from './benchmark.ts';
import { loadDartsNasbench301 } from './darts-nasbench301.ts';
import { loadNasbench101 } from './nasbench101.ts';
import { loadNasbench201 } from './nasbench201.ts';

interface BenchmarkEntry {
  readonly name: string;
  /** Name of its search space. */
  readonly space: string;
  readonly open: () => Benchmark<unknown>;
}

/** Benchmarks that ship with the package; the first of a space is the one meant where only the space is named. */
const BENCHMARKS: readonly BenchmarkEntry[] = [
  { name: 'nasbench201', space: 'nasbench201', open: () => loadNasbench201() },
  { name: 'nasbench101', space: 'nasbench101', open: () => loadNasbench101() },
  { name: 'darts-nasbench301', space: 'darts', open: () => loadDartsNasbench301() },
];

/** Names that {@link openBenchmark} knows. */
export const BENCHMARK_NAMES: readonly string[] = BENCHMARKS.map(({ name }) => name);

/**
 * The benchmark of that name.
 *
 * @throws EznasError INVALID_ARGUMENT naming those there are; INVALID_FILE when its table is damaged
 */
export function openBenchmark(name: string): Benchmark<unknown> {
  const entry = BENCHMARKS.find((candidate) => candidate.name === name);
  if (entry === undefined) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `unknown benchmark '${name}'${didYouMean(name, BENCHMARK_NAMES)} (known: ${BENCHMARK_NAMES.join(', ')})`,
    );
  }
  return entry.open();
}

/** The benchmark that is meant where only a space is named, by its name; undefined where none ships. */
export function benchmarkOf(space: string): string | undefined {
  return BENCHMARKS.find((entry) => entry.space === space)?.name;
}
