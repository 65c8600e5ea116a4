import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Entry {
  name: string;
  shape: number[];
  /** In floats; absent for tensors of which only mean and norm are kept. */
  offset?: number;
  mean: number;
  norm: number;
}

/** One network of the golden fixtures: how it is built, and what PyTorch recorded of it. */
export class GoldenNetwork {
  readonly name: string;
  readonly architecture: string;
  readonly index: number;
  readonly channels: number;
  readonly cellsPerStage: number;
  readonly batch: number;
  readonly resolution: number;
  readonly classes: number;
  readonly #entries: Map<string, Entry>;
  readonly #floats: Float32Array;

  constructor(folder: string, name: string) {
    const description = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
    const bytes = readFileSync(join(folder, `${name}.bin`));
    this.name = name;
    this.architecture = description.architecture;
    this.index = description.index;
    this.channels = description.channels;
    this.cellsPerStage = description.cellsPerStage;
    this.batch = description.batch;
    this.resolution = description.resolution;
    this.classes = description.classes;
    this.#entries = new Map(description.tensors.map((entry: Entry) => [entry.name, entry]));
    this.#floats = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  }

  entry(name: string): Entry | undefined {
    return this.#entries.get(name);
  }

  /** Values of a tensor, or undefined when only its summary is kept. */
  values(name: string): Float32Array | undefined {
    const entry = this.#entries.get(name);
    if (entry?.offset === undefined) return undefined;
    return this.#floats.subarray(entry.offset, entry.offset + entry.shape.reduce((a, b) => a * b, 1));
  }

  /** Parameters in definition order. */
  parameters(): { name: string; values: Float32Array }[] {
    return [...this.#entries.keys()]
      .filter((name) => name.startsWith('parameter.'))
      .map((name) => ({ name, values: this.values(name)! }));
  }

  get units(): number {
    let count = 0;
    while (this.#entries.has(`unit${count}.T3`)) count++;
    return count;
  }
}

export interface GoldenScore {
  status: 'ok' | 'invalid' | 'nonfinite';
  score?: number;
  units?: number[];
}

export interface GoldenFolder {
  readonly name: string;
  readonly networks: readonly GoldenNetwork[];
  /** Program text → network name → outcome. */
  readonly programs: Readonly<Record<string, Record<string, GoldenScore>>>;
}

/** Every fixture folder below the one that EZNAS_GOLDEN names (default: the copy in test/fixtures). */
export function goldenFolders(): GoldenFolder[] {
  const root = process.env['EZNAS_GOLDEN'] ?? fileURLToPath(new URL('../fixtures/golden', import.meta.url));
  const folders = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, entry.name, 'scores.json')))
    .map(({ name }) => {
      const folder = join(root, name);
      const networks = readdirSync(folder)
        .filter((file) => file.endsWith('.bin'))
        .map((file) => new GoldenNetwork(folder, file.slice(0, -'.bin'.length)));
      return { name, networks, programs: JSON.parse(readFileSync(join(folder, 'scores.json'), 'utf8')).programs };
    });
  if (folders.length === 0) throw new Error(`no fixture folder (one with scores.json) below ${root}`);
  return folders;
}
