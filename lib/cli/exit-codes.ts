import { type ErrorCode, EznasError } from '../errors.ts';

/** Exit codes of the command, stable; docs/cli.md lists them. */
export const EXIT = {
  success: 0,
  /** A defect of eznas. */
  unexpected: 1,
  /** An option, argument, program or architecture is wrong. */
  usage: 2,
  /** A file or run folder is unreadable, damaged or unwritable. */
  file: 3,
  /** More memory is needed than there is or may be used. */
  resources: 4,
  /** The native addon does not load or lacks the device asked for. */
  addon: 5,
  /** Stopped by SIGINT (Ctrl-C); 128 + the signal's number, as shells have it. */
  interrupted: 130,
  /** Stopped by SIGTERM. */
  terminated: 143,
} as const;

const BY_ERROR_CODE: Readonly<Record<ErrorCode, number>> = {
  INVALID_ARGUMENT: EXIT.usage,
  INVALID_PROGRAM: EXIT.usage,
  INVALID_ARCHITECTURE: EXIT.usage,
  INVALID_GRAPH: EXIT.usage,
  INVALID_FILE: EXIT.file,
  UNSUPPORTED_MODEL: EXIT.file,
  INVALID_RUN: EXIT.file,
  TOO_LARGE: EXIT.resources,
  OUT_OF_MEMORY: EXIT.resources,
  ADDON_UNAVAILABLE: EXIT.addon,
  NO_DEVICE: EXIT.addon,
  CUDA_ERROR: EXIT.addon,
  ABORTED: EXIT.interrupted,
};

/** The exit code for what a command threw. */
export function exitCodeOf(error: unknown): number {
  return error instanceof EznasError ? BY_ERROR_CODE[error.code] : EXIT.unexpected;
}
