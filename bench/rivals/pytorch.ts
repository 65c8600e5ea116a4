import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What every rival's answer holds beside its task's. */
interface RivalRun {
  readonly torch: string;
  readonly peakBytes: number;
  readonly missing?: undefined;
}

/** A task's answer, or why there is none. */
export type RivalAnswer<T> = (RivalRun & T) | { readonly missing: string };

/** What a task imports, and Debian's packages that have it. */
const TORCH = { modules: 'torch', packages: 'python3-torch' };
const SEARCH = { modules: 'torch, deap, scipy', packages: 'python3-torch python3-deap python3-scipy' };

/** The Python that has PyTorch: EZNAS_PYTHON, else Debian's. */
function python(): string {
  return process.env['EZNAS_PYTHON'] ?? '/usr/bin/python3';
}

/**
 * Runs bench/rivals/run.py on a request. Floats go through a file: inputs of the three passes, then every network's parameters.
 */
export function runPyTorch<T>(
  request: { readonly task: string; readonly [field: string]: unknown },
  floats: readonly Float32Array[] = [],
): RivalAnswer<T> {
  const { modules, packages } = request.task === 'search' ? SEARCH : TORCH;
  const probe = spawnSync(python(), ['-c', `import ${modules}`], { encoding: 'utf8' });
  if (probe.status !== 0) {
    return {
      missing: `${python()} cannot import ${modules}; on Debian: apt-get install ${packages}, or name another Python by EZNAS_PYTHON`,
    };
  }
  const folder = mkdtempSync(join(tmpdir(), 'eznas-rival-'));
  try {
    const floatFile = join(folder, 'floats.bin');
    const requestFile = join(folder, 'request.json');
    writeFileSync(
      floatFile,
      Buffer.concat(floats.map((part) => new Uint8Array(part.buffer, part.byteOffset, part.byteLength))),
    );
    writeFileSync(requestFile, JSON.stringify({ ...request, floats: floatFile }));
    const script = fileURLToPath(new URL('run.py', import.meta.url));
    const run = spawnSync(python(), [script, requestFile], { encoding: 'utf8', maxBuffer: 2 ** 30 });
    if (run.status !== 0) throw new Error(`the PyTorch rival failed:\n${run.stderr}`);
    return JSON.parse(run.stdout) as RivalAnswer<T>;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
