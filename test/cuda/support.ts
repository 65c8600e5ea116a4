import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { addon } from '../../lib/addon.ts';
import { type ErrorCode, EznasError } from '../../lib/errors.ts';

/** Bytes that statistics and runs hold on all devices. */
export function deviceBytes(): number {
  return addon()
    .info()
    .cuda!.devices.reduce((sum, { inUse }) => sum + inUse, 0);
}

/** Runs with a limit on what may be held on each device, in bytes above what is held. */
export async function within<T>(bytes: number, run: () => Promise<T>): Promise<T> {
  process.env['EZNAS_GPU_MEMORY_LIMIT'] = String(deviceBytes() + bytes);
  try {
    return await run();
  } finally {
    delete process.env['EZNAS_GPU_MEMORY_LIMIT'];
  }
}

/** Requires an error of a code whose message says so much. */
export function withCode(code: ErrorCode, ...words: RegExp[]) {
  return (error: unknown) => {
    assert.ok(error instanceof EznasError, String(error));
    assert.equal(error.code, code, error.message);
    for (const word of words) assert.match(error.message, word);
    return true;
  };
}

/** What one try of the fixture came to. */
export interface Attempt {
  readonly scores?: readonly number[];
  readonly error?: { readonly code: string; readonly message: string };
}

/** Scores three small networks on a device twice, in a process of its own with these variables. */
export async function attemptTwice(device: string, env: Readonly<Record<string, string>>): Promise<Attempt[]> {
  const fixture = fileURLToPath(new URL('fixtures/score-twice.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', fixture, device], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Attempt[];
}
