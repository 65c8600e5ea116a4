import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeRunReport } from '../report/write.ts';
import { warn } from './notes.ts';

/**
 * Draws what a run has found so far, however it ended. A page that cannot be written takes nothing from the result.
 *
 * @param source file of the folder that the page is drawn from: without it there is nothing to draw yet
 */
export function drawRunReport(folder: string, source: string): void {
  if (!existsSync(join(folder, source))) return;
  try {
    writeRunReport(folder);
  } catch (error) {
    warn(`no report was drawn: ${(error as Error).message}`);
  }
}
