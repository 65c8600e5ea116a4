import { EznasError } from '../errors.ts';
import { type ContenderOptions, resolveContenders } from './contenders.ts';
import { type ChosenNetworks, chooseNetworks, type NetworkChoice } from './networks.ts';
import { requireDevice, scoredBy } from './placement.ts';
import { type Protocol, protocolOf } from './protocol.ts';
import { scoreList } from './scoring.ts';
import { type OwnSettingOptions, requireBenchmark, resolveSetting, type Setting } from './setting.ts';

export interface ScoreArchitecturesOptions extends OwnSettingOptions, ContenderOptions {
  /** Architectures as the space prints them, or their numbers in the benchmark. Either these or `networks`. */
  readonly architectures?: readonly (string | number)[];
  /** Networks of the benchmark. */
  readonly networks?: NetworkChoice;
}

export interface ScoreResult {
  readonly protocol: Protocol;
  /** Numbers of the networks in the benchmark; null for those that it does not have. */
  readonly networks: readonly (number | null)[];
  /** The same networks as text. */
  readonly architectures: readonly string[];
  /** By proxy or program, one score for each network; NaN (null in JSON) where the value is not finite. */
  readonly scores: Readonly<Record<string, readonly number[]>>;
}

/**
 * Scores architectures with proxies and programs.
 *
 * @throws EznasError INVALID_ARGUMENT, INVALID_PROGRAM, INVALID_ARCHITECTURE, INVALID_FILE, TOO_LARGE, OUT_OF_MEMORY, NO_DEVICE,
 *   CUDA_ERROR, ADDON_UNAVAILABLE, ABORTED
 */
export async function scoreArchitectures(options: ScoreArchitecturesOptions): Promise<ScoreResult> {
  const contenders = resolveContenders(options);
  const setting = resolveSetting(options);
  requireDevice(setting, contenders);
  const { architectures, indices, chosen } = chooseArchitectures(setting, options);
  const { scores } = await scoreList(setting, contenders, architectures, options);
  return {
    protocol: protocolOf(setting, { indices, chosen }, options.threads, scoredBy(contenders)),
    networks: indices,
    architectures: architectures.map((architecture) => setting.space.print(architecture)),
    scores: Object.fromEntries([...scores].map(([name, values]) => [name, [...values]])),
  };
}

function chooseArchitectures(
  setting: Setting,
  { architectures: given, networks }: ScoreArchitecturesOptions,
): { architectures: unknown[]; indices: (number | null)[]; chosen: ChosenNetworks['chosen'] } {
  if ((given === undefined) === (networks === undefined)) {
    throw new EznasError('INVALID_ARGUMENT', 'give either architectures or networks to score');
  }
  const { space, benchmark, seed } = setting;
  if (given === undefined) {
    const known = requireBenchmark(setting);
    const { indices, chosen } = chooseNetworks(known.size, networks!, seed);
    return { architectures: indices.map((index) => known.architecture(index)), indices: [...indices], chosen };
  }
  if (given.length === 0)
    throw new EznasError('INVALID_ARGUMENT', 'no architectures are given; at least one is needed');
  const architectures = given.map((one) =>
    typeof one === 'number' ? requireBenchmark(setting).architecture(one) : space.parse(one),
  );
  const texts = architectures.map((architecture) => space.print(architecture));
  const twice = texts.find((text, place) => texts.indexOf(text) !== place);
  if (twice !== undefined) {
    throw new EznasError('INVALID_ARGUMENT', `architecture ${twice} is listed twice; once is enough`);
  }
  return {
    architectures,
    indices: architectures.map((architecture) => benchmark?.index(architecture) ?? null),
    chosen: 'listed',
  };
}
