import { EXIT } from './exit-codes.ts';

const CODES = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const;

/** An abort signal that fires on SIGINT and SIGTERM. */
export interface Interruption {
  readonly signal: AbortSignal;
  /** Exit code of the signal that came; undefined when none did. */
  readonly exitCode: number | undefined;
  /** Stops listening. */
  dispose(): void;
}

/** Listens for SIGINT and SIGTERM: the first aborts cleanly, the second ends the process at once. */
export function listenForInterruption(): Interruption {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const onSignal = (name: NodeJS.Signals) => {
    const code = CODES[name as keyof typeof CODES];
    if (exitCode !== undefined) process.exit(code);
    exitCode = code;
    process.stderr.write('\neznas: stopping; once more to stop at once\n');
    controller.abort(new Error(`stopped by ${name}`));
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    dispose() {
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    },
  };
}
