import { callNative, type NativeGivenUnit, type NativeStatistics, type NativeUnitShapes } from '../addon.ts';
import { EznasError } from '../errors.ts';
import { TENSORS, type TensorName } from '../programs/tensors.ts';
import { type Backend, resolveDevice } from './device.ts';
import type { RunOptions } from './networks.ts';

/** Tensors of one unit given by the caller, row-major. Shapes: before B×Cin×H×W (T1, T2), weight Cout×Cin×k×k (T3), after B×Cout×H'×W' (T4). */
export interface GivenUnit {
  /** Shape of T1 and its gradients, where it is not `before`. */
  readonly activation?: readonly number[];
  readonly before: readonly number[];
  readonly weight: readonly number[];
  readonly after: readonly number[];
  readonly tensors: Partial<Record<TensorName, Float32Array>>;
}

/**
 * Recorded tensors of many networks, held in native memory of the machine or of its GPUs. Release with `using`, `dispose()`, or leave it to the
 * collector; any use after release throws INVALID_ARGUMENT.
 */
export class Statistics {
  #handle: NativeStatistics | undefined;
  readonly #shapes: NativeUnitShapes[][];
  /** Bytes held natively. */
  readonly bytes: number;
  /** Where they lie, and programs are evaluated on them. */
  readonly device: Backend;

  constructor(handle: NativeStatistics) {
    this.#handle = handle;
    this.#shapes = callNative((native) => native.statisticsShapes(handle));
    this.bytes = callNative((native) => native.statisticsBytes(handle));
    this.device = callNative((native) => native.statisticsDevice(handle));
  }

  /**
   * Statistics made of tensors from elsewhere: one list of units per network.
   *
   * @param options where to take them, default `auto`
   * @throws EznasError INVALID_ARGUMENT, OUT_OF_MEMORY, NO_DEVICE, CUDA_ERROR
   */
  static fromTensors(
    networks: readonly (readonly GivenUnit[])[],
    options: Pick<RunOptions, 'device'> = {},
  ): Statistics {
    const device = resolveDevice(options.device ?? 'auto');
    const given: NativeGivenUnit[][] = networks.map((units) =>
      units.map((unit) => ({ ...unit, tensors: TENSORS.map((name) => unit.tensors[name]) })),
    );
    return new Statistics(callNative((native) => native.statisticsFromTensors(given, { device })));
  }

  /** The native handle, for lib/engine. */
  get handle(): NativeStatistics {
    if (this.#handle === undefined) {
      throw new EznasError('INVALID_ARGUMENT', 'these statistics were disposed; collect them again');
    }
    return this.#handle;
  }

  get networks(): number {
    return this.#shapes.length;
  }

  /** Shapes of the units of one network. */
  units(network: number): readonly NativeUnitShapes[] {
    const units = this.#shapes[network];
    if (units === undefined) {
      throw new EznasError('INVALID_ARGUMENT', `network ${network} is not in [0, ${this.#shapes.length})`);
    }
    return units;
  }

  /** A copy of one tensor, row-major; undefined when it was not recorded. */
  tensor(network: number, unit: number, name: TensorName): Float32Array | undefined {
    const units = this.units(network).length;
    if (!Number.isInteger(unit) || unit < 0 || unit >= units) {
      throw new EznasError('INVALID_ARGUMENT', `unit ${unit} is not in [0, ${units}) of network ${network}`);
    }
    const { handle } = this;
    return callNative((native) => native.statisticsTensor(handle, network, unit, TENSORS.indexOf(name)));
  }

  /** A copy of the logits (batch × classes) of a pass as it ran; undefined unless they were asked for. */
  logits(network: number, pass: 'D' | 'N' | 'P'): Float32Array | undefined {
    this.units(network);
    const { handle } = this;
    return callNative((native) => native.statisticsLogits(handle, network, 'DNP'.indexOf(pass)));
  }

  dispose(): void {
    if (this.#handle === undefined) return;
    const handle = this.#handle;
    this.#handle = undefined;
    callNative((native) => native.disposeStatistics(handle));
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
