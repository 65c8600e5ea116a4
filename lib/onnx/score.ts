import { EznasError } from '../errors.ts';
import type { ContenderOptions } from '../evaluation/contenders.ts';
import { type ScoreResult, scoreArchitectures } from '../evaluation/score.ts';
import type { SettingOptions } from '../evaluation/setting.ts';
import { flops, params } from '../graph/counts.ts';
import { datasetOf } from './dataset.ts';
import type { ReadOnnxOptions } from './read.ts';
import { onnxSpace } from './space.ts';

/** `dataset` gives the images' normalization, default that of CIFAR-10; their extents are those that the networks take. */
export interface ScoreOnnxOptions
  extends Omit<SettingOptions, 'space' | 'benchmark'>,
    ContenderOptions,
    ReadOnnxOptions {
  /** Paths of ONNX files whose networks take images of one shape. */
  readonly models: readonly string[];
  readonly dataset?: string;
}

/** What was read from a file. */
export interface OnnxSummary {
  readonly file: string;
  /** Version of its standard operators. */
  readonly opset: number;
  /** Channels, height, width. */
  readonly input: readonly [number, number, number];
  readonly classes: number;
  /** Trainable parameters, and multiply-adds of one image. */
  readonly params: number;
  readonly flops: number;
  readonly units: number;
  /** What is read otherwise than it is written. */
  readonly notes: readonly string[];
}

/** Scores in the order of the models. */
export interface ScoreOnnxResult extends ScoreResult {
  readonly models: readonly OnnxSummary[];
}

/**
 * Scores the networks of ONNX files with proxies and programs; see readOnnx for what is read.
 *
 * @throws EznasError what {@link scoreArchitectures} and readOnnx throw; INVALID_ARGUMENT when models take different images
 */
export async function scoreOnnx({
  models,
  weights,
  separableUnit,
  ...options
}: ScoreOnnxOptions): Promise<ScoreOnnxResult> {
  if (models.length === 0) throw new EznasError('INVALID_ARGUMENT', 'no models are given; at least one is needed');
  const space = onnxSpace({ ...(weights && { weights }), ...(separableUnit && { separableUnit }) });
  const dataset = datasetOf(space, models, options.dataset ?? 'cifar10');
  const result = await scoreArchitectures({
    ...options,
    ...(separableUnit && { separableUnit }),
    space,
    dataset,
    architectures: models,
  });
  const summaries = models.map((file): OnnxSummary => {
    const { graph, opset, classes, notes } = space.network(file);
    const counts = { params: params(graph), flops: flops(graph), units: graph.units.length };
    return { file, opset, input: graph.inputShape, classes, ...counts, notes };
  });
  return { ...result, models: summaries };
}
