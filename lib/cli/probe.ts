/**
 * Loads the native addon and prints what it tells of itself, as JSON. Doctor runs this file in a process of its own, which a broken binary may
 * crash.
 */
import { createRequire } from 'node:module';
import { addon, type NativeInfo } from '../addon.ts';

/** What a probe prints: what it found, or why the addon does not load. */
export type ProbeReport =
  | {
      /** Path of the binary. */
      readonly path: string | null;
      readonly info: NativeInfo;
    }
  | { readonly error: string };

process.stdout.write(JSON.stringify(probe()));

function probe(): ProbeReport {
  try {
    const info = addon().info();
    const files = Object.keys(createRequire(import.meta.url).cache);
    return { path: files.find((file) => file.endsWith('.node')) ?? null, info };
  } catch (error) {
    return { error: (error as Error).message };
  }
}
