import { EznasError } from '../errors.ts';
import type { NetworkOptions } from './space.ts';

/**
 * Network options with a space's defaults filled in.
 *
 * @throws EznasError INVALID_ARGUMENT naming the option that is unknown or not a positive integer
 */
export function resolveOptions(
  options: NetworkOptions | undefined,
  defaults: Required<NetworkOptions>,
): Required<NetworkOptions> {
  const resolved = { ...defaults };
  for (const [name, value] of Object.entries(options ?? {})) {
    if (!Object.hasOwn(defaults, name)) {
      const known = Object.keys(defaults).join(', ');
      throw new EznasError('INVALID_ARGUMENT', `unknown network option ${name}; known: ${known}`);
    }
    if (value === undefined) continue;
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new EznasError('INVALID_ARGUMENT', `network option ${name} must be a positive integer, got ${value}`);
    }
    resolved[name as keyof NetworkOptions] = value;
  }
  return resolved;
}
