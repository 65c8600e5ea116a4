/**
 * Loads a native part and prints what it tells of itself, as JSON: `node probe.js addon` or `node probe.js sqlite`. Doctor runs this file in a
 * process of its own, which a broken binary may crash.
 */
import { addon, type NativeInfo } from '../addon.ts';
import { sqliteVersion } from '../runs/database.ts';

/** What a probe of a part prints. */
export interface ProbeReports {
  readonly addon: { readonly info: NativeInfo };
  readonly sqlite: { readonly version: string };
}

/** In place of a report: why the part does not load. */
export interface ProbeFailure {
  readonly error: string;
}

const PROBES: { readonly [Part in keyof ProbeReports]: () => ProbeReports[Part] } = {
  addon: () => ({ info: addon().info() }),
  sqlite: () => ({ version: sqliteVersion() }),
};

process.stdout.write(JSON.stringify(probe(process.argv[2] as keyof ProbeReports)));

function probe(part: keyof ProbeReports): ProbeReports[typeof part] | ProbeFailure {
  try {
    return PROBES[part]();
  } catch (error) {
    return { error: (error as Error).message };
  }
}
