/** Bundles the page of reports, script and styles, into dist/report/assets, from which lib/report/render.ts takes them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';

const options = {
  entryPoints: { page: 'lib/report/page/main.ts' },
  outdir: 'dist/report/assets',
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'warning',
} as const satisfies BuildOptions;

/** The packages whose code ends up in the bundle. */
async function bundledPackages(): Promise<string[]> {
  const { metafile } = await build({ ...options, write: false, metafile: true });
  const used = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0),
  );
  const names = used.map(([path]) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))].sort();
}

interface Licence {
  /** Name, version, licence and copyright of the package. */
  readonly title: string;
  /** The terms. */
  readonly terms: string;
}

function licenceOf(name: string): Licence {
  const folder = join('node_modules', name);
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, string>;
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined) throw new Error(`${name} has no licence file`);
  const text = readFileSync(join(folder, file), 'utf8').trim();
  const [copyright = ''] = /^Copyright .*$/m.exec(text) ?? [];
  return { title: `${name} ${version}, ${license}. ${copyright}`, terms: text.replace(copyright, '').trim() };
}

/** The licences in full, which go wherever the code goes; equal terms, as those of most d3 packages, come once. */
function licences(names: readonly string[]): string {
  const titles = new Map<string, string[]>();
  for (const { title, terms } of names.map(licenceOf)) titles.set(terms, [...(titles.get(terms) ?? []), title]);
  return [...titles].map(([terms, those]) => `${those.join('\n')}\n\n${terms}`).join('\n\n');
}

const notice = `/* This page contains:\n\n${licences(await bundledPackages()).replaceAll('*/', '* /')}\n*/`;
await build({ ...options, banner: { js: notice } });
