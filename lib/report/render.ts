import { readFileSync } from 'node:fs';
import { deflateSync, strToU8 } from 'fflate';
import { EznasError } from '../errors.ts';
import { VERSION } from '../version.ts';
import type { Report } from './report.ts';

/** Script and styles of a page, bundled by scripts/build-report.ts; found from lib/report and dist/report alike. */
const ASSETS = new URL('../../dist/report/assets/', import.meta.url);

/**
 * A report as one HTML file that needs nothing else: script, styles and data are inside, and its policy forbids the browser to load anything.
 *
 * @throws EznasError INVALID_FILE when the page's script is missing from this installation
 */
export function renderReport(report: Report): string {
  const data = Buffer.from(deflateSync(strToU8(JSON.stringify(report)), { level: 9 })).toString('base64');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:">
<meta name="generator" content="eznas ${VERSION}">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(report.title)}</title>
<link rel="icon" href="data:,">
<style>${asset('page.css')}</style>
</head>
<body>
<noscript>This report draws itself with the script that it holds; allow scripts to see it.</noscript>
<script type="text/plain" id="report">${data}</script>
<script type="module">${asset('page.js')}</script>
</body>
</html>
`;
}

/** A part of the page, made safe to stand in HTML. */
function asset(name: string): string {
  try {
    return readFileSync(new URL(name, ASSETS), 'utf8').replaceAll('</script', '<\\/script');
  } catch (cause) {
    throw new EznasError(
      'INVALID_FILE',
      `the page of reports is missing (${new URL(name, ASSETS).pathname}); install eznas anew, or run "npm run build:ts" in its repository`,
      { cause },
    );
  }
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
