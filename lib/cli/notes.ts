import pc from 'picocolors';
import type { Protocol } from '../evaluation/protocol.ts';

const colors = pc.createColors(process.stderr.isTTY === true && pc.isColorSupported);

/** Tells a person something on stderr. */
export function noteToUser(text: string): void {
  process.stderr.write(`${colors.dim(text)}\n`);
}

/** Tells a person on stderr how a result was made. */
export function describeProtocol(protocol: Protocol): void {
  const { space, dataset, networks, batch, seed, images, measures, simd, threads, gpus, precision, separableUnit } =
    protocol;
  const { count, chosen } = networks;
  const drawn = {
    all: `all ${count}`,
    listed: `${count}`,
    random: `${count} random`,
    'held-out': `${count} held-out`,
    searched: `${count} searched`,
  }[chosen];
  const parts = [`${drawn} networks of ${space}, ${dataset}`, `seed ${seed}`];
  if (simd !== null) parts.push(`batch ${batch} of ${images}`);
  if (separableUnit === 'second') parts.push('units hold second convolutions');
  const cpu = `${simd}, ${threads} thread${threads === 1 ? '' : 's'}`;
  if (gpus.length > 0) parts.push(`${gpus.join(' and ')}, ${precision}`);
  else if (simd !== null) parts.push(cpu);
  if (gpus.length > 0 && measures !== null) parts.push(`native measures on the CPU: ${cpu}`);
  noteToUser(parts.join('; '));
}

/** Warns on stderr. */
export function warn(text: string): void {
  process.stderr.write(`${colors.yellow('warning')}: ${text}\n`);
}

/** Says on stderr that some networks have no score. */
export function warnUndefined(name: string, networks: number): void {
  if (networks === 0) return;
  warn(`${name} is not finite on ${networks} network${networks === 1 ? '' : 's'}, which do not count`);
}

/** Prints an error on stderr. */
export function printError(message: string): void {
  process.stderr.write(`${colors.red('eznas')}: ${message}\n`);
}
