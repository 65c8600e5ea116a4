import { EznasError } from '../errors.ts';

/** Endings of files that Python pickles and PyTorch saves. */
const PICKLED = /\.(pth|pt|pkl|pickle)$/i;

/** Whether a file of that name is Python's own. */
export function isPickledName(path: string): boolean {
  return PICKLED.test(path);
}

/**
 * What makes a file of accuracies of TransNAS-Bench-101's `.pth` file, in Python, with the benchmark's own code.
 */
export const TRANSNAS_CONVERSION = [
  "from api import TransNASBenchAPI; api, tasks = TransNASBenchAPI('transnas-bench_v10141024.pth'), ['class_object', 'class_scene']",
  "rows = [[arch, *(str(api.get_single_metric(arch, task, 'test_top1', mode='final')) for task in tasks)] for arch in api.all_arch_dict['micro']]",
  "open('transnas-micro.csv', 'w').write('\\n'.join(','.join(row) for row in [['architecture', *tasks], *rows]))",
] as const;

/**
 * Refuses a file that only Python reads.
 *
 * @throws EznasError INVALID_FILE telling how to convert it
 */
export function refusePickled(path: string): never {
  throw new EznasError(
    'INVALID_FILE',
    `${path}: pickled files are not read, since reading one runs the code in it; write it as a .csv file with the columns architecture and <dataset>. For TransNAS-Bench-101, in Python:\n${TRANSNAS_CONVERSION.join('\n')}\nthen give --space transnas-micro --benchmark transnas-micro.csv`,
  );
}
