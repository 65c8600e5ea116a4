import { dirname } from 'node:path';
import type { Benchmark } from '../benchmarks/benchmark.ts';
import { type CsvBenchmarkOptions, readCsvBenchmark } from '../benchmarks/csv.ts';
import { datasetOf } from './dataset.ts';
import { networkFiles } from './hashes.ts';
import type { ReadOnnxOptions } from './read.ts';
import { onnxSpace } from './space.ts';

/**
 * Accuracies of networks in ONNX files: a CSV file with a column `architecture`, paths of the files from its folder on, and a column for each dataset,
 * as readCsvBenchmark reads it. Images have the extents that the networks take.
 *
 * @throws EznasError INVALID_FILE naming the line that is wrong; INVALID_ARGUMENT when networks take different images
 */
export function openOnnxBenchmark(
  path: string,
  { weights, separableUnit, ...options }: Omit<CsvBenchmarkOptions, 'datasets'> & ReadOnnxOptions = {},
): Benchmark<string> {
  const space = onnxSpace({
    folder: dirname(path),
    ...(weights && { weights }),
    ...(separableUnit && { separableUnit }),
  });
  const read = readCsvBenchmark(path, space, options);
  const files = Array.from({ length: read.size }, (_, index) => read.architecture(index));
  const datasets = read.datasets.map(({ name }) => datasetOf(space, files, name));
  const models = files.map((file) => ({ path: file, dataFiles: space.network(file).dataFiles }));
  return {
    ...read,
    datasets,
    dataset: (name) => datasets[read.datasets.indexOf(read.dataset(name))]!,
    files: networkFiles(path, weights ?? 'initialize', models),
  };
}
