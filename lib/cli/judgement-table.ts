import type { TaskJudgement } from '../discovery/evolve-proxy.ts';
import type { Ranking } from '../evaluation/ranking.ts';
import { noteToUser } from './notes.ts';
import { RANKING_COLUMNS } from './ranking-columns.ts';
import { type Column, formatTable } from './table.ts';

interface Row extends Ranking {
  readonly name: string;
  readonly task: string;
  readonly seen: boolean;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'on networks new to the search', text: ({ name }) => name, fields: { name: ({ name }) => name } },
  ...RANKING_COLUMNS,
];

const TASK_COLUMNS: readonly Column<Row>[] = [
  { title: 'task', text: ({ task }) => task, fields: { task: ({ task }) => task } },
  {
    title: 'learned from',
    text: ({ seen }) => (seen ? 'yes' : 'never seen'),
    fields: { seen: ({ seen }) => String(seen) },
  },
  ...COLUMNS,
];

/** The judgement of what a search found, and of the baselines, on one task or several. */
export function judgementTable(name: string, tasks: readonly TaskJudgement[]): string {
  const rows = tasks.flatMap(({ task, seen, heldOut, baselines }) =>
    [{ name, ...heldOut }, ...baselines].map((row) => ({ ...row, task, seen })),
  );
  return formatTable(tasks.length > 1 ? TASK_COLUMNS : COLUMNS, rows);
}

/** Tells a person on stderr which tasks are judged on fewer networks than others. */
export function describeShortened(tasks: readonly TaskJudgement[]): void {
  for (const { task, judged } of tasks) {
    if (!judged.shortened) continue;
    noteToUser(
      `${task} is judged on ${judged.networks} networks, since they are dear at batch ${judged.batch}; --held-out takes another number of each task`,
    );
  }
}
