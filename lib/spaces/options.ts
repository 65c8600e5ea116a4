import { EznasError } from '../errors.ts';
import type { NetworkOptions } from './space.ts';

/**
 * Network options with a space's defaults filled in.
 *
 * @param defaults the options that the space has, with their defaults
 * @throws EznasError INVALID_ARGUMENT naming the option that the space does not have or that is not a positive integer
 */
export function resolveOptions<Options extends { readonly [Name in keyof NetworkOptions]: number }>(
  options: NetworkOptions | undefined,
  defaults: Options,
): Options {
  const resolved: Record<string, number> = { ...defaults };
  for (const [name, value] of Object.entries(options ?? {})) {
    if (!Object.hasOwn(defaults, name)) {
      const known = Object.keys(defaults).join(', ');
      throw new EznasError('INVALID_ARGUMENT', `unknown network option ${name}; known: ${known}`);
    }
    if (value === undefined) continue;
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new EznasError('INVALID_ARGUMENT', `network option ${name} must be a positive integer, got ${value}`);
    }
    resolved[name] = value;
  }
  return resolved as Options;
}
