import { EznasError } from '../errors.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import type { Random } from '../random.ts';
import { quoteArchitecture } from './quote.ts';
import type { NetworkOptions, NumberedSpace } from './space.ts';

/** A space whose architectures are lists of independent choices, such as the width of every stage. */
export interface ChoiceSpaceOptions<Choice extends string | number> {
  /** Short name, as the command line takes it. */
  readonly name: string;
  /** Name of the dataset that its networks are made for, where that is not CIFAR-10. */
  readonly dataset?: string;
  /** Whether networks may have two convolutions in a row that are one unit. */
  readonly separable?: boolean;
  /** For every place, what can be chosen there; texts must not contain the separator, nor `?`. */
  readonly choices: readonly (readonly Choice[])[];
  /** Between choices in an architecture's text, default `:`. */
  readonly separator?: string;
  /** Instead of a separator: an architecture's text with `?` at every place, such as `?-d?w?-d?w?`. */
  readonly template?: string;
  /** The network of an architecture, which is one of the space. */
  build(architecture: readonly Choice[], options?: NetworkOptions): NetworkGraph;
  /** A text that two architectures share only if they compute the same; by default every architecture is its own. */
  canonical?(architecture: readonly Choice[]): string;
}

/**
 * A numbered search space of independent choices: everything that a space must know follows from them, but how to build a network.
 *
 * @throws EznasError INVALID_ARGUMENT when there is nothing to choose, a choice occurs twice at a place, the template has another number of places, or
 *   there are more than 2⁵³ − 1 architectures
 */
export function choiceSpace<Choice extends string | number>(
  options: ChoiceSpaceOptions<Choice>,
): NumberedSpace<readonly Choice[]> {
  return new ChoiceSpace(options);
}

class ChoiceSpace<Choice extends string | number> implements NumberedSpace<readonly Choice[]> {
  readonly name: string;
  readonly dataset?: string;
  readonly separable: boolean;
  readonly size: number;
  readonly #options: ChoiceSpaceOptions<Choice>;
  /** What stands before, between and after the choices. */
  readonly #between: readonly string[];
  readonly #pattern: RegExp;

  constructor(options: ChoiceSpaceOptions<Choice>) {
    const { name, choices, separator = ':', template = choices.map(() => '?').join(separator) } = options;
    this.#between = template.split('?');
    const sound =
      choices.length > 0 &&
      this.#between.length === choices.length + 1 &&
      choices.every((place) => place.length > 0 && new Set(place.map(String)).size === place.length) &&
      !choices.flat().some((choice) => {
        const text = String(choice);
        return text === '' || text.includes('?') || (options.template === undefined && text.includes(separator));
      });
    this.size = choices.reduce((product, place) => product * place.length, 1);
    if (!sound || !Number.isSafeInteger(this.size)) {
      throw new EznasError(
        'INVALID_ARGUMENT',
        `the choices of space ${name} are not right: each place needs different ones without '${options.template === undefined ? separator : '?'}', and there may be at most 2^53 - 1 architectures`,
      );
    }
    this.name = name;
    this.separable = options.separable ?? false;
    if (options.dataset !== undefined) this.dataset = options.dataset;
    this.#options = options;
    this.#pattern = pattern(this.#between, choices);
  }

  *enumerate(): IterableIterator<readonly Choice[]> {
    for (let index = 0; index < this.size; index++) yield this.architecture(index);
  }

  sample(random: Random): readonly Choice[] {
    return this.#options.choices.map((place) => random.choice(place));
  }

  parse(text: string): readonly Choice[] {
    const { choices } = this.#options;
    const parts = this.#pattern.exec(text.trim())?.slice(1);
    if (parts === undefined) return this.#refuse(text);
    return choices.map((place, at) => place.find((choice) => String(choice) === parts[at])!);
  }

  print(architecture: readonly Choice[]): string {
    return this.#weave(architecture.map(String));
  }

  mutate(architecture: readonly Choice[], random: Random): readonly Choice[] {
    return random.choice(this.neighbours(architecture));
  }

  neighbours(architecture: readonly Choice[]): (readonly Choice[])[] {
    return architecture.flatMap((current, at) =>
      this.#options.choices[at]!.filter((choice) => choice !== current).map((choice) => architecture.with(at, choice)),
    );
  }

  canonical(architecture: readonly Choice[]): string {
    return this.#options.canonical?.(architecture) ?? this.print(architecture);
  }

  /** The last place counts fastest. */
  architecture(index: number): readonly Choice[] {
    if (!Number.isInteger(index) || index < 0 || index >= this.size) {
      throw new EznasError(
        'INVALID_ARCHITECTURE',
        `${this.name} has no architecture ${index}; indices are integers from 0 to ${this.size - 1}`,
      );
    }
    let rest = index;
    return this.#options.choices
      .toReversed()
      .map((place) => {
        const choice = place[rest % place.length]!;
        rest = Math.floor(rest / place.length);
        return choice;
      })
      .reverse();
  }

  index(architecture: readonly Choice[]): number {
    this.#require(architecture);
    return this.#options.choices.reduce(
      (index, place, at) => index * place.length + place.indexOf(architecture[at]!),
      0,
    );
  }

  build(architecture: readonly Choice[], options?: NetworkOptions): NetworkGraph {
    this.#require(architecture);
    return this.#options.build(architecture, options);
  }

  /** The template with these in its places. */
  #weave(parts: readonly string[]): string {
    return this.#between.map((text, at) => text + (parts[at] ?? '')).join('');
  }

  #require(architecture: readonly Choice[]): void {
    const { choices } = this.#options;
    const sound =
      Array.isArray(architecture) &&
      architecture.length === choices.length &&
      choices.every((place, at) => place.includes(architecture[at]!));
    if (!sound) this.#refuse(String(architecture));
  }

  #refuse(shown: string): never {
    const { choices } = this.#options;
    const example = this.#weave(choices.map((place) => String(place[place.length >> 1]!)));
    const known = this.#weave(choices.map((place) => `{${place.join(', ')}}`));
    throw new EznasError(
      'INVALID_ARCHITECTURE',
      `not an architecture of ${this.name}: ${quoteArchitecture(shown)}; expected a text like ${example}, out of ${known.slice(0, 500)}`,
    );
  }
}

/** What an architecture's text looks like, white space allowed around choices; a group for each place. */
function pattern(between: readonly string[], choices: readonly (readonly (string | number)[])[]): RegExp {
  const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
  const place = (texts: readonly string[]) =>
    texts
      .map(literal)
      .sort((a, b) => b.length - a.length || (a < b ? -1 : 1))
      .join('|');
  const parts = between.map((text, at) => {
    const before = text.trim() === '' ? '' : `\\s*${literal(text.trim())}`;
    return at < choices.length ? `${before}\\s*(${place(choices[at]!.map(String))})` : before;
  });
  return new RegExp(`^${parts.join('')}$`);
}
