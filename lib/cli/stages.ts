import { type Progress, startProgress } from './progress.ts';

/** What each stage of a run is called, and what it counts. */
export type StageLabels<Stage extends string> = Readonly<
  Record<Stage, { readonly label: string; readonly unit: string }>
>;

/** Shows one progress after another, as a run goes from stage to stage. */
export class StageProgress<Stage extends string> {
  readonly #labels: StageLabels<Stage>;
  readonly #silent: boolean;
  #stage: Stage | undefined;
  #progress: Progress | undefined;

  constructor(labels: StageLabels<Stage>, silent: boolean) {
    this.#labels = labels;
    this.#silent = silent;
  }

  update(stage: Stage, done: number, total: number, note?: string): void {
    if (stage !== this.#stage) {
      this.stop();
      const { label, unit } = this.#labels[stage];
      this.#progress = startProgress(label, unit, this.#silent);
      this.#stage = stage;
    }
    this.#progress?.update(done, total, note);
  }

  stop(): void {
    this.#progress?.stop();
    this.#progress = undefined;
  }
}
