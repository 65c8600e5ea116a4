import { EznasError } from '../errors.ts';
import type { Signature } from './typing.ts';

/**
 * The sizes that a unit's shapes are made of: batch, input and output channels, channels a filter reads (Cin / groups), input height and
 * width, output height and width, kernel height and width; channels, height and width of the activation, and channels of the normalization, where
 * these are other layers' than the convolution's own.
 */
export const SYMBOLS = ['B', 'Cin', 'Cout', 'Cg', 'H', 'W', "H'", "W'", 'kh', 'kw', 'Ca', 'Ha', 'Wa', 'Cn'] as const;

export type SymbolName = (typeof SYMBOLS)[number];

/** Which sizes are equal on every unit of a space. */
export interface SymbolicOptions {
  /** Height equals width, of activations and kernels (default true). */
  readonly square?: boolean;
  /** Some kernel's height is not its width, though activations are square (default false). */
  readonly oblong?: boolean;
  /** Some convolution is grouped, so its filters read fewer channels than Cin (default false). */
  readonly grouped?: boolean;
  /** Some T1 has another shape than T2 (default false). */
  readonly apart?: boolean;
  /** Some normalization has other channels than the convolution gives (default false). */
  readonly joined?: boolean;
  /** Further sets of sizes that coincide, such as `[['Cin', 'Cout']]` where no unit changes its channels. */
  readonly same?: readonly (readonly SymbolName[])[];
}

const PRIMES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43] as const;

/**
 * The signature that stands for every unit of a space, at any batch size: each size is a prime of its own. Shape rules compare sizes,
 * products of sizes and the literal 1 only, and equal products of primes have equal factors; so what fits these sizes fits whatever
 * numbers the symbols stand for. (The reverse does not hold: two sizes may coincide by chance on some units.)
 *
 * @throws EznasError INVALID_ARGUMENT for an unknown symbol
 */
export function symbolicSignature(options: SymbolicOptions = {}): Signature {
  const { square = true, oblong = false, grouped = false, apart = false, joined = false, same = [] } = options;
  const sets: (readonly SymbolName[])[] = [...same];
  if (square) sets.push(['H', 'W'], ["H'", "W'"], ['Ha', 'Wa']);
  if (square && !oblong) sets.push(['kh', 'kw']);
  if (!grouped) sets.push(['Cin', 'Cg']);
  if (!apart) sets.push(['Cin', 'Ca'], ['H', 'Ha'], ['W', 'Wa']);
  if (!joined) sets.push(['Cout', 'Cn']);

  // Every set takes the first of its symbols as representative of all that any of them stood for.
  const representative = new Map<SymbolName, SymbolName>(SYMBOLS.map((symbol) => [symbol, symbol]));
  for (const set of sets) {
    for (const symbol of set) {
      if (!representative.has(symbol)) {
        throw new EznasError('INVALID_ARGUMENT', `unknown size '${symbol}'; known are ${SYMBOLS.join(', ')}`);
      }
    }
    const members = SYMBOLS.filter((symbol) =>
      set.some((other) => representative.get(other) === representative.get(symbol)),
    );
    for (const member of members) representative.set(member, members[0]!);
  }

  const size = (symbol: SymbolName): number => PRIMES[SYMBOLS.indexOf(representative.get(symbol)!)]!;
  const symbols = new Map<number, string>();
  for (const symbol of representative.values()) symbols.set(size(symbol), symbol);
  return {
    label: 'every unit of the space',
    ...(apart && { activation: [size('B'), size('Ca'), size('Ha'), size('Wa')] }),
    before: [size('B'), size('Cin'), size('H'), size('W')],
    weight: [size('Cout'), size('Cg'), size('kh'), size('kw')],
    after: [size('B'), size('Cn'), size("H'"), size("W'")],
    symbols,
  };
}
