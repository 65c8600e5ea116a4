import { SingleBar } from 'cli-progress';

/** Shows how far a long piece of work has come. */
export interface Progress {
  /** `note` stands at the end of the line, such as the best fitness so far. */
  update(done: number, total: number, note?: string): void;
  stop(): void;
}

/** Seconds between two lines where there is no terminal. */
const LINE_INTERVAL = 10;

const SILENT: Progress = { update() {}, stop() {} };

/**
 * Progress on stderr: a bar on a terminal, else a line now and then, nothing when silent.
 *
 * @param label what is being done
 * @param unit what is counted, in the plural
 */
export function startProgress(label: string, unit: string, silent: boolean): Progress {
  if (silent) return SILENT;
  return process.stderr.isTTY ? barProgress(label, unit) : lineProgress(label, unit);
}

/** Does work with its progress shown. */
export async function withProgress<T>(
  progress: Progress,
  work: (onProgress: (done: number, total: number) => void) => Promise<T>,
): Promise<T> {
  try {
    return await work((done, total) => progress.update(done, total));
  } finally {
    progress.stop();
  }
}

/** Rate and time left, counted from the first thing that was done. */
class Pace {
  readonly #unit: string;
  #first: { readonly done: number; readonly time: number } | undefined;

  constructor(unit: string) {
    this.#unit = unit;
  }

  describe(done: number, total: number): string {
    const time = performance.now();
    this.#first ??= { done, time };
    const seconds = (time - this.#first.time) / 1000;
    const rate = (done - this.#first.done) / seconds;
    if (!(rate > 0 && rate < Number.POSITIVE_INFINITY)) return '';
    const pace = rate >= 1 ? `${formatRate(rate)} ${this.#unit}/s` : `${formatRate(1 / rate)} s each`;
    return `${pace}, ${done < total ? `${formatSeconds((total - done) / rate)} left` : formatSeconds(seconds)}`;
  }
}

function formatRate(rate: number): string {
  return rate >= 100 ? String(Math.round(rate)) : rate.toPrecision(2);
}

function formatSeconds(seconds: number): string {
  if (seconds < 100) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function barProgress(label: string, unit: string): Progress {
  const format = `${label} {bar} {value}/{total} {pace}{note}`;
  const bar = new SingleBar({ format, barCompleteChar: '█', barIncompleteChar: '░', barsize: 24, gracefulExit: false });
  const pace = new Pace(unit);
  let started = false;
  return {
    update(done, total, note) {
      const payload = { pace: pace.describe(done, total), note: note ? `  ${note}` : '' };
      if (started) bar.update(done, payload);
      else bar.start(total, done, payload);
      started = true;
    },
    stop() {
      if (started) bar.stop();
    },
  };
}

function lineProgress(label: string, unit: string): Progress {
  const pace = new Pace(unit);
  let last = performance.now();
  return {
    update(done, total, note) {
      const paceSoFar = pace.describe(done, total);
      const now = performance.now();
      if (done < total && now - last < LINE_INTERVAL * 1000) return;
      last = now;
      const parts = [`${done}/${total} ${unit}`, paceSoFar, note ?? ''];
      process.stderr.write(`${label}: ${parts.filter((part) => part !== '').join(', ')}\n`);
    },
    stop() {},
  };
}
