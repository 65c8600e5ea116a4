/** What went wrong, for code that handles it. Codes are stable; messages are for people. */
export type ErrorCode =
  /** An option or argument is missing, of the wrong type or out of range. */
  | 'INVALID_ARGUMENT'
  /** A network graph is malformed: unknown node, wrong shapes, cycles. */
  | 'INVALID_GRAPH'
  /** An architecture string or index does not belong to its search space. */
  | 'INVALID_ARCHITECTURE'
  /** Program text does not parse, names an unknown operator or tensor, or its shapes do not fit. */
  | 'INVALID_PROGRAM'
  /** An image, table or archive file is truncated, foreign or holds impossible values. */
  | 'INVALID_FILE'
  /** A network from elsewhere uses what eznas does not run; the message names all of it. */
  | 'UNSUPPORTED_MODEL'
  /** A run folder cannot be written, is half-written, or belongs to another version or configuration. */
  | 'INVALID_RUN'
  /** The request needs more than the machine or the stated limit allows; refused before allocation. */
  | 'TOO_LARGE'
  | 'OUT_OF_MEMORY'
  /** The caller's AbortSignal fired. */
  | 'ABORTED'
  /** The native addon is missing or does not load. */
  | 'ADDON_UNAVAILABLE'
  /** The device asked for is not there or cannot be used; the message says why. */
  | 'NO_DEVICE'
  /** A call of the CUDA runtime failed; the message names it and says whether the device can still be used. */
  | 'CUDA_ERROR';

/** Every error the package throws on purpose: a stable code, and a message that names the input and what would be right. */
export class EznasError extends Error {
  override readonly name = 'EznasError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
