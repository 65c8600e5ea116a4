import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
  gitHead?: string;
};

/** Version of this package. */
export const VERSION: string = manifest.version;

/** Commit that the package was made from, where its manifest tells. */
export const COMMIT: string | undefined = manifest.gitHead;
