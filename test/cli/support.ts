import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCli } from '../../lib/cli/cli.ts';
import { exitCodeOf } from '../../lib/cli/exit-codes.ts';
import { EznasError } from '../../lib/errors.ts';

/** The command as package.json's `bin` has it. */
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface Outcome {
  /** Exit code, or the signal that ended the process. */
  readonly code: number | NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the command, which sees no GPU; the outcome resolves when it has ended. */
export function start(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): { readonly child: ChildProcess; readonly outcome: Promise<Outcome> } {
  assert.ok(existsSync(MAIN), `${MAIN} is missing; run "npm run build:ts" first`);
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, CUDA_VISIBLE_DEVICES: '', ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code: signal ?? code, stdout, stderr }));
  });
  return { child, outcome };
}

/** Runs the command to its end. */
export function eznas(...args: string[]): Promise<Outcome> {
  return start(args).outcome;
}

/** Runs the command and requires an exit code, nothing on stdout, and a message of one line or two on stderr. */
export async function assertFails(args: readonly string[], code: number, message: RegExp): Promise<void> {
  const outcome = await eznas(...args);
  assert.deepEqual({ code: outcome.code, stdout: outcome.stdout }, { code, stdout: '' }, outcome.stderr);
  assert.match(outcome.stderr, message);
  assert.ok(outcome.stderr.trim().split('\n').length <= 2, `a message, no stack: ${outcome.stderr}`);
}

/** Runs the command in this process, which is quicker than many processes, and requires it to fail. */
export async function assertRefuses(args: readonly string[], code: number, message: RegExp): Promise<void> {
  await assert.rejects(createCli(new AbortController().signal).parseAsync(args, { from: 'user' }), (error) => {
    assert.ok(error instanceof EznasError, String(error));
    assert.match(error.message, message);
    assert.equal(exitCodeOf(error), code);
    return true;
  });
}

/** Runs the command with --json, requires success and silence on stderr, and parses what it prints. */
export async function jsonOf(...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await eznas(...args, '--json');
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.equal(stdout.indexOf('\n'), stdout.length - 1, 'one line of JSON');
  return JSON.parse(stdout) as unknown;
}

/** A folder of the test's own, removed after it. */
export function useTemporaryFolder(): (name: string) => string {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'eznas-cli-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  return (name) => join(folder, name);
}
