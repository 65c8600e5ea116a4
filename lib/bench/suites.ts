import type { Backend } from '../engine/device.ts';
import { EznasError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import { benchCollect } from './collect.ts';
import { benchConvolutions } from './conv.ts';
import { benchPopulation } from './population.ts';
import type { BenchEntry, BenchMachine, SuiteOptions } from './report.ts';
import { benchSpaces } from './spaces.ts';

/** A suite measures its entries on a machine whose peaks are known. */
export type Suite = (machine: BenchMachine, options: SuiteOptions) => Promise<BenchEntry[]>;

/** The suites that ship with the package: kernels, recording, program evaluation, networks of every search space. */
export const SUITES: Readonly<Record<string, Suite>> = {
  conv: benchConvolutions,
  collect: benchCollect,
  population: benchPopulation,
  spaces: benchSpaces,
};

/** Those that are run where none is named, and that there are on a GPU; the others take minutes. */
export const DEFAULT_SUITES: readonly string[] = ['conv', 'collect', 'population'];

/** @throws EznasError INVALID_ARGUMENT for a suite that there is not on the device */
export function requireSuiteOn(device: Backend, name: string): void {
  if (device === 'cpu' || DEFAULT_SUITES.includes(name)) return;
  throw new EznasError(
    'INVALID_ARGUMENT',
    `the suite '${name}' is for the CPU; on a GPU there are ${DEFAULT_SUITES.join(', ')}`,
  );
}

/**
 * The suite of a name.
 *
 * @throws EznasError INVALID_ARGUMENT naming the suites there are
 */
export function findSuite(name: string, suites: Readonly<Record<string, Suite>> = SUITES): Suite {
  const suite = Object.hasOwn(suites, name) ? suites[name] : undefined;
  if (suite === undefined) {
    const names = Object.keys(suites);
    throw new EznasError(
      'INVALID_ARGUMENT',
      `unknown suite '${name}'${didYouMean(name, names)}; there are ${names.join(', ')}`,
    );
  }
  return suite;
}
