import { EznasError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import type { SearchSpace } from '../spaces/space.ts';
import type { Benchmark } from './benchmark.ts';
import { loadDartsNasbench301 } from './darts-nasbench301.ts';
import { isNasbenchMacroName, readNasbenchMacro } from './nasbench-macro.ts';
import { loadNasbench101 } from './nasbench101.ts';
import { loadNasbench201 } from './nasbench201.ts';
import { readNdsBenchmark } from './nds.ts';
import { isPickledName, refusePickled } from './pickled.ts';

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

/** Benchmarks whose files are not in the package: how their names begin, and which file is needed. */
const DOWNLOADED: readonly (readonly [begin: string, file: string])[] = [
  ['nds-', 'a file of nds_data.zip (facebookresearch/nds), such as DARTS.json'],
  ['nasbench-macro', 'nas-bench-macro_cifar10.json (xiusu/NAS-Bench-Macro)'],
  [
    'transnas-micro',
    'a .csv file with the columns architecture, class_object and class_scene; docs/spaces.md tells how to make it',
  ],
];

/**
 * The benchmark of that name, or of a `.json` file of NDS (see readNdsBenchmark) or NAS-Bench-Macro (see readNasbenchMacro).
 *
 * @param space of a file whose name does not tell it
 * @throws EznasError INVALID_ARGUMENT naming those there are; INVALID_FILE when its table is damaged
 */
export function openBenchmark(name: string, space?: SearchSpace<unknown>): Benchmark<unknown> {
  if (isPickledName(name)) refusePickled(name);
  if (name.endsWith('.json') && (space?.name === 'nasbench-macro' || (!space && isNasbenchMacroName(name)))) {
    return readNasbenchMacro(name);
  }
  if (name.endsWith('.json')) return readNdsBenchmark(name, space && { space });
  const entry = BENCHMARKS.find((candidate) => candidate.name === name);
  if (entry !== undefined) return entry.open();
  const file = DOWNLOADED.find(([begin]) => name.startsWith(begin))?.[1];
  throw new EznasError(
    'INVALID_ARGUMENT',
    file === undefined
      ? `unknown benchmark '${name}'${didYouMean(name, BENCHMARK_NAMES)} (known: ${BENCHMARK_NAMES.join(', ')}, and .json files of NDS and NAS-Bench-Macro)`
      : `the accuracies of ${name} are not in the package; give the path of ${file} as the benchmark`,
  );
}

/** The benchmark that is meant where only a space is named, by its name; undefined where none ships. */
export function benchmarkOf(space: string): string | undefined {
  return BENCHMARKS.find((entry) => entry.space === space)?.name;
}
