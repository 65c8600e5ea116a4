import { type OpenFiles, type RecordedEvaluation, readRecorded } from '../evaluation/replay.ts';
import { openOnnxBenchmark } from './benchmark.ts';
import { requireSame } from './hashes.ts';

/**
 * Reads what `eznas evaluate --out` or `--json` wrote; where networks come from ONNX files, these have to be what they were.
 *
 * @throws EznasError INVALID_FILE naming the file and what it lacks, or an ONNX file that is missing or has changed
 */
export function readEvaluation(path: string): RecordedEvaluation {
  const openFiles: OpenFiles = (files, separableUnit) => {
    requireSame(files);
    return openOnnxBenchmark(files.table, { weights: files.weights, ...(separableUnit && { separableUnit }) });
  };
  return readRecorded(path, openFiles);
}
