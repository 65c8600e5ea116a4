import { DATASETS, type Dataset, findDataset } from '../benchmarks/datasets.ts';
import { EznasError } from '../errors.ts';
import type { OnnxSpace } from './space.ts';

/**
 * A dataset with images and classes as the networks of files take and give them, all the same.
 *
 * @param name of the dataset whose normalization the images get
 * @throws EznasError INVALID_ARGUMENT when two differ, or images are not square
 */
export function datasetOf(space: OnnxSpace, [first, ...others]: readonly string[], name: string): Dataset {
  const { graph, classes } = space.network(first!);
  const [channels, height, width] = graph.inputShape;
  if (height !== width) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `${first} takes images of ${height}×${width}; minibatches are of square images alone`,
    );
  }
  for (const path of others) {
    const { inputShape } = space.network(path).graph;
    if (inputShape.join() === graph.inputShape.join()) continue;
    throw new EznasError(
      'INVALID_ARGUMENT',
      `${first} takes images of ${graph.inputShape.join('×')} and ${path} of ${inputShape.join('×')}; scores compare on the same images: score them apart`,
    );
  }
  const { normalization } = findDataset(DATASETS, name, 'the package');
  return { name, classes, resolution: height, channels, normalization };
}
