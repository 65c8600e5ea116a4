import type { Report } from '../report.ts';

/** What panels know besides their own data. */
export interface PageContext {
  readonly report: Report;
}
