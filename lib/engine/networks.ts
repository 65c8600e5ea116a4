import type { NetworkGraph } from '../graph/graph.ts';
import type { Device, Precision } from './device.ts';

/** A network to run: its graph and the key that, with the seed, decides its initial parameters. */
export interface Network {
  readonly graph: NetworkGraph;
  /** Integer in [0, 2^53), the same for the same network everywhere (NASBench-201: the canonical index). */
  readonly key: number;
  /** Given parameters in definition order (weight, then bias, of every convolution and linear layer). */
  readonly parameters?: readonly Float32Array[];
}

/** Inputs of the three passes, batch × channels × height × width, normalized. */
export interface Inputs {
  readonly batch: number;
  readonly shape: readonly [channels: number, height: number, width: number];
  readonly data: Float32Array;
  /** Pass N and pass P; drawn from the seed when left out (N(0, 1), and data + 0.1·N(0, 1)). */
  readonly noise?: Float32Array;
  readonly perturbed?: Float32Array;
  /** The class of each image, from 0 on; only proxies that differentiate a loss read them. */
  readonly labels?: Int32Array;
}

/** What every run takes, under the same names everywhere. */
export interface RunOptions {
  /** Integer in [0, 2^53); default 0. */
  readonly seed?: number;
  /** Threads of the CPU. Default: all that the process may use. */
  readonly threads?: number;
  /**
   * Where to run, default `auto`. Scores of CPU and GPU agree to rounding, not to the last bit; those of equal devices are equal.
   */
  readonly device?: Device;
  /**
   * How convolutions multiply on a GPU: `float32` (default), as on the CPU, or `tf32`, faster, on tensor cores, with operands rounded to 10 bits
   * of mantissa. The CPU multiplies float32 whatever is asked for.
   */
  readonly precision?: Precision;
  readonly signal?: AbortSignal;
  /** Called as networks finish, with the number done and the total. */
  readonly onProgress?: (done: number, total: number) => void;
}
