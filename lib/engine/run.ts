import {
  callNative,
  type NativeAddon,
  type NativeCollectRequest,
  type NativeJob,
  type NativeProgress,
  runNative,
} from '../addon.ts';
import { EznasError } from '../errors.ts';
import { encodeGraph } from '../graph/encode.ts';
import { type Evaluated, encodePrograms } from '../programs/encode.ts';
import { TENSORS, type TensorName } from '../programs/tensors.ts';
import { resolveDevice } from './device.ts';
import type { Inputs, Network, RunOptions } from './networks.ts';
import { ScoreMatrix } from './scores.ts';
import { Statistics } from './statistics.ts';

/** How programs are evaluated. */
export interface EvaluateOptions extends RunOptions {
  /** Evaluate equal subtrees once across the population (default true). */
  readonly share?: boolean;
  /** Also keep every program's value on every unit. */
  readonly unitScores?: boolean;
}

export interface CollectOptions extends RunOptions {
  /** Which of the 22 tensors to record (default all). */
  readonly tensors?: readonly TensorName[];
  /** Keep the logits of the passes that run. */
  readonly logits?: boolean;
}

/**
 * Runs the networks and records their units' tensors.
 *
 * Memory, of the device, grows with the networks (about 25 MB each for a NASBench-201 network, all tensors, batch 1); to score
 * many networks once, use {@link scoreNetworks}.
 *
 * @throws EznasError INVALID_GRAPH, INVALID_ARGUMENT, TOO_LARGE, OUT_OF_MEMORY, NO_DEVICE, CUDA_ERROR, ABORTED
 */
export async function collectStatistics(
  networks: readonly Network[],
  inputs: Inputs,
  options: CollectOptions = {},
): Promise<Statistics> {
  const tensors = (options.tensors ?? TENSORS).reduce((mask, name) => mask | (1 << TENSORS.indexOf(name)), 0);
  const request = { ...nativeRequest(networks, inputs, options), tensors, logits: options.logits ?? false };
  const handle = await runWithProgress(
    (native, onProgress) => native.collect(request, onProgress),
    networks.length,
    options,
  );
  return new Statistics(handle);
}

/**
 * Evaluates programs on recorded statistics, where these lie: one row per program, one column per network.
 *
 * @throws EznasError INVALID_ARGUMENT, also for a device other than that of the statistics; OUT_OF_MEMORY, CUDA_ERROR, ABORTED
 */
export async function evaluatePrograms(
  statistics: Statistics,
  programs: readonly Evaluated[],
  options: EvaluateOptions = {},
): Promise<ScoreMatrix> {
  const { threads = 0, unitScores = false, share = true, device = 'auto' } = options;
  if (device !== 'auto' && resolveDevice(device) !== statistics.device) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `these statistics lie on '${statistics.device}', where programs are evaluated; collect them with device '${device}'`,
    );
  }
  const encoded = { ...encodePrograms(programs), share };
  const scores = await runWithProgress(
    (native, onProgress) => native.evaluate(statistics.handle, encoded, { threads, unitScores }, onProgress),
    statistics.networks,
    options,
  );
  return new ScoreMatrix(scores);
}

/**
 * Scores programs on networks in one go, network by network: records only what the programs read, keeps nothing, and needs
 * no more memory for 15,625 networks than for a few.
 *
 * @throws EznasError INVALID_GRAPH, INVALID_ARGUMENT, TOO_LARGE, OUT_OF_MEMORY, NO_DEVICE, CUDA_ERROR, ABORTED
 */
export async function scoreNetworks(
  networks: readonly Network[],
  programs: readonly Evaluated[],
  inputs: Inputs,
  options: EvaluateOptions = {},
): Promise<ScoreMatrix> {
  const { threads = 0, unitScores = false, share = true } = options;
  const request = nativeRequest(networks, inputs, options);
  const encoded = { ...encodePrograms(programs), share };
  const scores = await runWithProgress(
    (native, onProgress) => native.score(request, encoded, { threads, unitScores }, onProgress),
    networks.length,
    options,
  );
  return new ScoreMatrix(scores);
}

/** Gradients of the sum of the logits of one network in pass D, with respect to its input and parameters. */
export async function networkGradients(network: Network, inputs: Inputs, options: RunOptions = {}) {
  const request = nativeRequest([network], inputs, options);
  return runNative((native) => native.gradients(request), options.signal);
}

/** The parameters a network starts from: convolutions Kaiming normal (fan-out), linear N(0, 0.01²), biases 0. */
export function initialParameters(network: Network, seed = 0): Float32Array[] {
  return callNative((native) => native.initialParameters(encodeGraph(network.graph), seed, network.key));
}

/** The request of a run, without tensors. */
export function nativeRequest(networks: readonly Network[], inputs: Inputs, options: RunOptions): NativeCollectRequest {
  const given = networks.some((network) => network.parameters !== undefined);
  return {
    graphs: networks.map((network) => encodeGraph(network.graph)),
    keys: Float64Array.from(networks, (network) => network.key),
    ...(given && { parameters: networks.map((network) => network.parameters) }),
    batch: inputs.batch,
    inputShape: inputs.shape,
    data: inputs.data,
    ...(inputs.noise && { noise: inputs.noise }),
    ...(inputs.perturbed && { perturbed: inputs.perturbed }),
    seed: options.seed ?? 0,
    tensors: 0,
    threads: options.threads ?? 0,
    device: resolveDevice(options.device ?? 'auto'),
    precision: options.precision ?? 'float32',
  };
}

/** Runs a job on so many networks, with progress: native threads report in any order and leave out some; what is passed on only rises, up to all. */
export async function runWithProgress<T>(
  start: (native: NativeAddon, onProgress: NativeProgress | undefined) => NativeJob<T>,
  total: number,
  { signal, onProgress }: RunOptions,
): Promise<T> {
  let most = 0;
  const report = (done: number) => {
    if (done <= most) return;
    most = done;
    onProgress?.(done, total);
  };
  const result = await runNative((native) => start(native, onProgress && report), signal);
  report(total);
  return result;
}
