import { addon } from '../addon.ts';
import { EznasError } from '../errors.ts';

/** Where networks and programs can be asked to run; `auto` takes the best there is. */
export const DEVICES = ['auto', 'cpu', 'cuda'] as const;

export type Device = (typeof DEVICES)[number];

/** A device that runs. */
export type Backend = 'cpu';

/**
 * The backend that a device name stands for.
 *
 * @throws EznasError INVALID_ARGUMENT for an unknown name, ADDON_UNAVAILABLE for one that this build lacks
 */
export function resolveDevice(device: Device): Backend {
  switch (device) {
    case 'cpu':
    case 'auto':
      return 'cpu';
    case 'cuda':
      throw new EznasError(
        'ADDON_UNAVAILABLE',
        `device 'cuda' is not available: this build of eznas has no CUDA backend; use 'cpu' or 'auto'`,
      );
    default:
      throw new EznasError('INVALID_ARGUMENT', `unknown device '${device}'; known are ${DEVICES.join(', ')}`);
  }
}

/** What the native side runs with: the instructions it uses, and so many threads where none are asked for. */
export function machine(threads: number | undefined): { simd: string; threads: number } {
  const info = addon().info();
  return { simd: info.simd.level, threads: threads || info.threads };
}
