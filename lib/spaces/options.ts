import { EznasError } from '../errors.ts';
import { SEPARABLE_UNITS } from '../graph/units.ts';
import { type NetworkOptions, STEMS } from './space.ts';

/** What the options take that are no numbers. */
const CHOICES: Readonly<Record<string, readonly string[]>> = { separableUnit: SEPARABLE_UNITS, stem: STEMS };

/**
 * Network options with a space's defaults filled in.
 *
 * @param defaults the options that the space has, with their defaults
 * @throws EznasError INVALID_ARGUMENT naming the option that the space does not have, or whose value is out of range
 */
export function resolveOptions<Options extends NetworkOptions>(
  options: NetworkOptions | undefined,
  defaults: Options,
): Options {
  const resolved = { ...defaults } as Record<string, unknown>;
  for (const [name, value] of Object.entries((options ?? {}) as Record<string, unknown>)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(defaults, name)) {
      const known = Object.keys(defaults).join(', ');
      throw new EznasError('INVALID_ARGUMENT', `unknown network option ${name}; known: ${known}`);
    }
    const choices = CHOICES[name];
    if (choices ? !choices.includes(value as string) : !Number.isSafeInteger(value) || (value as number) < 1) {
      const right = choices ? `one of ${choices.join(', ')}` : 'a positive integer';
      throw new EznasError('INVALID_ARGUMENT', `network option ${name} must be ${right}, got ${String(value)}`);
    }
    resolved[name] = value;
  }
  return resolved as Options;
}
