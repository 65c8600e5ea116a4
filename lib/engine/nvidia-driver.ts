import { readFileSync } from 'node:fs';

/** Version of the NVIDIA driver that runs, such as `580.65.06`; null without one, and where it does not tell. */
export function nvidiaDriver(): string | null {
  try {
    const text = readFileSync('/proc/driver/nvidia/version', 'utf8');
    return /Kernel Module(?: for \S+)?\s+(\d[\d.]*)/.exec(text)?.[1] ?? null;
  } catch {
    return null;
  }
}
