import type { z } from 'zod';
import { EznasError } from '../errors.ts';
import type { RunConfig } from './folder.ts';

/**
 * The configuration in a run folder: its settings, and `search`, which the search's own room checks.
 *
 * @param folder for messages
 * @throws EznasError INVALID_RUN when it is none
 */
export function parseRunConfig<Settings extends object, Search>(
  value: RunConfig,
  settings: z.ZodType<Settings>,
  parseSearch: (search: unknown) => Search,
  folder: string,
): Settings & { readonly search: Search } {
  const { search, ...rest } = value;
  const fail = (reason: string, cause: unknown): never => {
    throw new EznasError(
      'INVALID_RUN',
      `the configuration of run folder ${folder} cannot be used (${reason}); start a new run in another folder`,
      { cause },
    );
  };
  const result = settings.safeParse(rest);
  if (!result.success) {
    const { path, message } = result.error.issues[0]!;
    return fail(`${path.join('.')}: ${message}`, result.error);
  }
  try {
    return { ...result.data, search: parseSearch(search) };
  } catch (error) {
    return fail((error as Error).message, error);
  }
}
