import { EznasError } from '../errors.ts';
import { type ContenderOptions, isProgram, resolveContenders } from './contenders.ts';
import { type ChosenNetworks, chooseNetworks, type NetworkChoice } from './networks.ts';
import { type Protocol, protocolOf } from './protocol.ts';
import { scoreIndices } from './scoring.ts';
import { resolveSetting, type Setting, type SettingOptions } from './setting.ts';

export interface ScoreArchitecturesOptions extends SettingOptions, ContenderOptions {
  /** Architectures as the space prints them, or their indices. Either these or `networks`. */
  readonly architectures?: readonly (string | number)[];
  readonly networks?: NetworkChoice;
}

export interface ScoreResult {
  readonly protocol: Protocol;
  /** Indices of the networks in the space. */
  readonly networks: readonly number[];
  /** The same networks as text. */
  readonly architectures: readonly string[];
  /** By proxy or program, one score for each network; NaN (null in JSON) where the value is not finite. */
  readonly scores: Readonly<Record<string, readonly number[]>>;
}

/**
 * Scores architectures with proxies and programs.
 *
 * @throws EznasError INVALID_ARGUMENT, INVALID_PROGRAM, INVALID_ARCHITECTURE, INVALID_FILE, TOO_LARGE, OUT_OF_MEMORY, ADDON_UNAVAILABLE,
 *   ABORTED
 */
export async function scoreArchitectures(options: ScoreArchitecturesOptions): Promise<ScoreResult> {
  const contenders = resolveContenders(options);
  const setting = resolveSetting(options);
  const chosen = chooseArchitectures(setting, options);
  const { scores } = await scoreIndices(setting, contenders, chosen.indices, options);
  const { space } = setting.benchmark;
  return {
    protocol: protocolOf(setting, chosen, options.threads, contenders.some(isProgram)),
    networks: chosen.indices,
    architectures: chosen.indices.map((index) => space.print(space.architecture(index))),
    scores: Object.fromEntries([...scores].map(([name, values]) => [name, [...values]])),
  };
}

function chooseArchitectures(
  { benchmark: { space }, seed }: Setting,
  { architectures, networks }: ScoreArchitecturesOptions,
): ChosenNetworks {
  if ((architectures === undefined) === (networks === undefined)) {
    throw new EznasError('INVALID_ARGUMENT', 'give either architectures or networks to score');
  }
  const indices = architectures?.map((given) => (typeof given === 'number' ? given : space.index(space.parse(given))));
  return chooseNetworks(space.size, indices ?? networks!, seed);
}
