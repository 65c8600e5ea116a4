import { ScoreCache } from '../evaluation/score-cache.ts';
import type { SettingOptions } from '../evaluation/setting.ts';
import type { Formula } from '../formulas/tree.ts';
import type { ImageSource } from '../images/source.ts';
import type { Program } from '../programs/tree.ts';
import { LockedFolder } from '../runs/folder.ts';
import type { SearchConfig } from './config.ts';
import type { Latency } from './latency.ts';
import { type ArchitectureSearchResult, resultOf } from './result.ts';
import { parseSearchRunConfig, type SearchRunConfig } from './run-config.ts';
import { type SearchOutcome, search } from './search.ts';
import { type Contest, configOf, ownParts, type Parts, setUp } from './set-up.ts';

/** How far searches have come. */
export interface ArchitectureSearchProgress {
  /** Networks scored, over all repeats and rivals. */
  readonly done: number;
  /** Their budgets. */
  readonly total: number;
  /** The search under way: its name, and the text of its best network so far. */
  readonly search: string;
  readonly best: string;
}

/** What may differ between the parts of a run without changing its result, and what its configuration cannot keep. */
export interface SearchRunningOptions extends Pick<SettingOptions, 'threads' | 'signal' | 'device'> {
  readonly onProgress?: (progress: ArchitectureSearchProgress) => void;
  /** Whether the result lists every network scored, as its report needs; default false. */
  readonly details?: boolean;
}

/** What to search, for what, and how. */
export interface SearchArchitecturesOptions
  extends SearchRunningOptions,
    Omit<SettingOptions, 'threads' | 'signal' | 'device' | 'onProgress'>,
    Partial<Omit<SearchConfig, 'seed' | 'warmup' | 'move'>> {
  /**
   * Names of proxies, or `oracle` for the benchmark's accuracy. Several metrics, programs included, are combined by the weighted sum of their
   * ranks. Default `eznas-a`.
   */
  readonly proxies?: readonly string[];
  readonly programs?: readonly (string | Program | Formula)[];
  /** One for each proxy and program, in this order; default 1. */
  readonly weights?: readonly number[];
  /** Further objectives of NSGA-II, less of which is better: names of proxies, such as `params` and `flops`, or `latency`. */
  readonly minimize?: readonly string[];
  readonly maxParams?: number;
  readonly maxFlops?: number;
  readonly maxLatency?: number;
  /** The file of a table, see {@link readLatencyTable}, or a function. */
  readonly latency?: string | Latency;
  /** Starts from the best `keep` (default all, the best first) of `count` random architectures by a proxy or program. */
  readonly warmup?: { readonly proxy: string; readonly count: number; readonly keep?: number };
  /** Proxy or program that proposes moves: of a parent's neighbours the best by it, in three of four moves. */
  readonly move?: string;
  /** Decides what the search draws; default `seed`, which decides minibatch, noise and initial parameters. */
  readonly searchSeed?: number;
  /** Networks in the result, default 10. */
  readonly best?: number;
  /** Looks up the accuracy of so many of the best networks, as if they were trained for some epochs (default: fully), and takes the best. */
  readonly train?: { readonly networks: number; readonly epochs?: number };
  /**
   * Searches of consecutive seeds, to tell how results spread: each has its own draws, and minibatch, noise and initial parameters of its own, as of
   * `seed` and `searchSeed` counted up.
   */
  readonly repeats?: number;
  /** Whether repeats share minibatch, noise and initial parameters, and so scores; quicker, but the spread is that of the draws alone. Default false. */
  readonly sameScores?: boolean;
  /** Searches to compare with, see {@link parseRival}; repeated as often. */
  readonly beside?: readonly string[];
  /** File that keeps scores from one search to the next; default: one in the run folder, or none. */
  readonly cache?: string;
  /** A new or empty folder to keep the run in; without one the run cannot be resumed. */
  readonly runFolder?: string;
}

const SCORES = 'scores.sqlite';

/**
 * Searches a space for good networks without training any.
 *
 * The same options give the same networks, whatever the threads and however often it was stopped and resumed. What a search does follows from its
 * seed and its scores alone, so a run folder keeps the scores, and resuming goes the same way again without computing them.
 *
 * @throws EznasError INVALID_ARGUMENT; INVALID_PROGRAM; INVALID_RUN for a folder that cannot hold the run; INVALID_FILE for images, a latency
 *   table or a cache; ABORTED, after which {@link resumeSearch} continues; TOO_LARGE, OUT_OF_MEMORY, ADDON_UNAVAILABLE
 */
export async function searchArchitectures(options: SearchArchitecturesOptions = {}): Promise<ArchitectureSearchResult> {
  const config = configOf(options);
  const own = ownParts(options);
  // Options are checked before a folder is made.
  const parts = setUp(config, own, options);
  if (options.runFolder === undefined) return run(config, parts, undefined, options);
  const folder = LockedFolder.create(options.runFolder, 'search', { ...config });
  try {
    return await run(config, parts, folder, options);
  } finally {
    folder.close();
  }
}

/** What the configuration in a run folder only names: to be given again when such a run is resumed. */
export type OwnParts = Pick<SearchArchitecturesOptions, 'space' | 'benchmark' | 'latency'> & {
  readonly images?: ImageSource;
};

/**
 * Continues a run from its folder, to the same result as if it had not been stopped.
 *
 * @throws EznasError INVALID_RUN when the folder holds no search that this version can continue, and what {@link searchArchitectures} throws
 */
export async function resumeSearch(
  runFolder: string,
  options: SearchRunningOptions & OwnParts = {},
): Promise<ArchitectureSearchResult> {
  const folder = LockedFolder.resume(runFolder, 'search');
  try {
    const config = parseSearchRunConfig(folder.config, folder.path);
    return await run(config, setUp(config, ownParts(options), options), folder, options);
  } finally {
    folder.close();
  }
}

async function run(
  config: SearchRunConfig,
  { setting, scored, contests: contestsWith }: Parts,
  folder: LockedFolder | undefined,
  options: SearchRunningOptions,
): Promise<ArchitectureSearchResult> {
  const path = config.cache ?? folder?.file(SCORES);
  const cache = path === undefined ? undefined : new ScoreCache(path);
  try {
    const contests = contestsWith(cache, 0);
    const outcomes = await runAll((repeat) => contestsWith(cache, repeat), config, setting, options);
    const result = await resultOf(config, setting, contests, outcomes, folder?.path ?? null, {
      threads: options.threads,
      scored,
      details: options.details ?? false,
    });
    folder?.saveReport(result);
    return result;
  } finally {
    cache?.close();
  }
}

/** By contest, then by repeat. */
async function runAll(
  contestsOf: (repeat: number) => readonly Contest[],
  { repeats, search: { budget } }: SearchRunConfig,
  { space }: Parts['setting'],
  { signal, onProgress }: SearchRunningOptions,
): Promise<SearchOutcome<unknown>[][]> {
  const outcomes: SearchOutcome<unknown>[][] = [];
  let finished = 0;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const contests = contestsOf(repeat);
    for (const [place, { name, problem }] of contests.entries()) {
      const before = finished * budget;
      const outcome = await search(problem, {
        ...(signal && { signal }),
        onProgress: ({ done, history }) =>
          onProgress?.({
            done: before + done,
            total: contests.length * repeats * budget,
            search: name,
            best: space.print(history.best(1)[0]!.architecture),
          }),
      });
      outcomes[place] = [...(outcomes[place] ?? []), outcome];
      finished++;
    }
  }
  return outcomes;
}
