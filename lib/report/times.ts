import type { StageTime } from '../runs/times.ts';
import type { TimesPanel } from './report.ts';

/** A run's times by stage and by generation. Stages that ran several times, as those of a resumed run, add up. */
export function timesPanel(times: readonly StageTime[]): TimesPanel {
  const total = (matches: (time: StageTime) => boolean, part: (time: StageTime) => number) =>
    times.filter(matches).reduce((sum, time) => sum + part(time), 0);
  const is =
    (...stages: StageTime['stage'][]) =>
    (time: StageTime) =>
      stages.includes(time.stage);
  const search = is('generation', 'choice');
  const evaluate = total(search, (time) => time.evaluate ?? 0);
  const save = total(search, (time) => time.save ?? 0);
  return {
    kind: 'times',
    stages: [
      { name: 'recording statistics of the search networks', seconds: total(is('record'), (time) => time.seconds) },
      { name: 'evaluating programs', seconds: evaluate },
      {
        name: 'variation, checks and ranking',
        seconds: Math.max(0, total(search, (time) => time.seconds) - evaluate - save),
      },
      { name: 'saving', seconds: save },
      { name: 'judging on held-out networks', seconds: total(is('judge'), (time) => time.seconds) },
    ],
    generations: times.filter(is('generation')).map(({ generation = 0, seconds, evaluate = 0, save = 0 }) => ({
      generation,
      evaluate,
      save,
      other: Math.max(0, seconds - evaluate - save),
    })),
  };
}
