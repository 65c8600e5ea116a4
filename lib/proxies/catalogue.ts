import { EznasError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import { COMBINED_PROXIES } from './combined-proxies.ts';
import type { NamedProxy } from './description.ts';
import { MEASURE_PROXIES } from './measure-proxies.ts';
import { PROGRAM_PROXIES } from './program-proxies.ts';
import { STRUCTURAL_PROXIES } from './structural-proxies.ts';

export type {
  CombinedProxy,
  CostClass,
  MeasureProxy,
  NamedProxy,
  Passes,
  ProgramProxy,
  StructuralProxy,
} from './description.ts';

/** Every named proxy. */
export const PROXIES: readonly NamedProxy[] = [
  ...PROGRAM_PROXIES,
  ...STRUCTURAL_PROXIES,
  ...MEASURE_PROXIES,
  ...COMBINED_PROXIES,
];

/**
 * The proxy of that name.
 *
 * @throws EznasError INVALID_ARGUMENT, suggesting the nearest name and listing all
 */
export function resolveProxy(name: string): NamedProxy {
  const proxy = PROXIES.find((candidate) => candidate.name === name);
  if (proxy) return proxy;
  const names = PROXIES.map((candidate) => candidate.name);
  throw new EznasError(
    'INVALID_ARGUMENT',
    `unknown proxy '${name}'${didYouMean(name, names)} (known: ${names.join(', ')})`,
  );
}
