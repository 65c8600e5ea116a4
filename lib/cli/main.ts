#!/usr/bin/env node
import { CommanderError } from 'commander';
import { EznasError } from '../errors.ts';
import { createCli } from './cli.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { printError } from './notes.ts';
import { listenForInterruption } from './signals.ts';

// A reader that has gone, as `head` does, has what it wanted.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.success);
});

const interruption = listenForInterruption();
try {
  await createCli(interruption.signal).parseAsync();
} catch (error) {
  const code = report(error);
  process.exitCode = interruption.exitCode ?? code;
} finally {
  interruption.dispose();
}

/** Prints what went wrong, unless commander has; returns the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.success : EXIT.usage;
  if (error instanceof EznasError) printError(error.message);
  else printError(`unexpected error, please report it: ${error instanceof Error ? error.stack : String(error)}`);
  return exitCodeOf(error);
}
