import { EznasError } from './errors.ts';

/** Where a {@link Random} stands: enough to continue its sequence exactly. Plain JSON. */
export interface RandomState {
  readonly generator: 'philox4x32-10';
  /** The stream's key, two unsigned 32-bit words. */
  readonly key: readonly [number, number];
  /** How many 32-bit words have been drawn. */
  readonly position: number;
}

type Block = [number, number, number, number];

const WORD = 2 ** 32;

/** Last counter word of the blocks that derive keys, so that they never meet the blocks that are drawn (where it is 0). */
const FORK_DOMAIN = 1;

/** High 32 bits of the unsigned product of two 32-bit words. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + Math.floor((aLow * bLow) / 65536);
  const cross = aLow * bHigh + (middle % 65536);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(cross / 65536)) >>> 0;
}

/**
 * Philox 4×32 with 10 rounds: a keyed bijection of 128-bit counters whose outputs are random words (Salmon, Moraes, Dror & Shaw, Parallel
 * Random Numbers: As Easy as 1, 2, 3, SC 2011).
 */
export function philox(counter: Readonly<Block>, key: readonly [number, number]): Block {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low0 = Math.imul(0xd2511f53, c0) >>> 0;
    const low1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/**
 * A seeded stream of random numbers, the same on every machine: counter-based (Philox 4×32-10), so its whole state is a key and a position.
 * Everything random on the TypeScript side draws from one of these. Not for secrets.
 */
export class Random {
  #key: readonly [number, number];
  #position = 0;
  /** The words of the block that holds the next position, once one of them has been drawn. */
  #block: Block = [0, 0, 0, 0];

  /**
   * @param seed integer from 0 to 2⁵³ − 1; different seeds give unrelated streams
   * @throws EznasError INVALID_ARGUMENT
   */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new EznasError('INVALID_ARGUMENT', `seed must be an integer from 0 to 2^53 - 1, got ${seed}`);
    }
    this.#key = [seed >>> 0, Math.floor(seed / WORD)];
  }

  /**
   * A stream that continues where {@link Random.state} was taken.
   *
   * @throws EznasError INVALID_ARGUMENT when the state is not one that `state()` returns
   */
  static restore(state: RandomState): Random {
    const isWord = (value: unknown): boolean => typeof value === 'number' && value >>> 0 === value;
    const valid =
      state?.generator === 'philox4x32-10' &&
      Array.isArray(state.key) &&
      state.key.length === 2 &&
      state.key.every(isWord) &&
      Number.isSafeInteger(state.position) &&
      state.position >= 0;
    if (!valid) {
      throw new EznasError(
        'INVALID_ARGUMENT',
        `not a state of the random generator: ${JSON.stringify(state)}; expected {"generator":"philox4x32-10","key":[word,word],"position":n}`,
      );
    }
    const random = new Random(0);
    random.#key = [state.key[0], state.key[1]];
    random.#position = state.position;
    if (state.position % 4 !== 0) random.#fill();
    return random;
  }

  /** Everything needed to continue this stream later, as plain JSON. */
  state(): RandomState {
    return { generator: 'philox4x32-10', key: this.#key, position: this.#position };
  }

  /**
   * An independent stream named by a label. It depends on this stream's key and the label alone, not on how much has been drawn, so adding a
   * draw in one place never changes another; the same label gives the same stream.
   */
  fork(label: string | number): Random {
    const bytes = new TextEncoder().encode(String(label));
    const padded = new DataView(new ArrayBuffer(Math.ceil(bytes.length / 8) * 8));
    new Uint8Array(padded.buffer).set(bytes);
    let [a, b] = philox([bytes.length, 0, 0, FORK_DOMAIN], this.#key);
    for (let offset = 0; offset < padded.byteLength; offset += 8) {
      const counter: Block = [
        (a ^ padded.getUint32(offset, true)) >>> 0,
        (b ^ padded.getUint32(offset + 4, true)) >>> 0,
        offset / 8 + 1,
        FORK_DOMAIN,
      ];
      [a, b] = philox(counter, this.#key);
    }
    const random = new Random(0);
    random.#key = [a, b];
    return random;
  }

  /** Uniform in [0, 1), a multiple of 2⁻⁵³. */
  uniform(): number {
    return this.#bits53() / 2 ** 53;
  }

  /**
   * Uniform integer in [0, n), without bias.
   *
   * @param n integer from 1 to 2⁵³ − 1
   * @throws EznasError INVALID_ARGUMENT
   */
  integer(n: number): number {
    if (!Number.isSafeInteger(n) || n < 1) {
      throw new EznasError('INVALID_ARGUMENT', `integer(n) needs an integer n from 1 to 2^53 - 1, got ${n}`);
    }
    const range = n <= WORD ? WORD : 2 ** 53;
    // Draws from the incomplete last run of n values would favour small results.
    const limit = range - (range % n);
    for (;;) {
      const drawn = n <= WORD ? this.#word() : this.#bits53();
      if (drawn < limit) return drawn % n;
    }
  }

  /**
   * One of the items, each equally likely.
   *
   * @throws EznasError INVALID_ARGUMENT when there is none
   */
  choice<T>(items: readonly T[]): T {
    if (items.length === 0) throw new EznasError('INVALID_ARGUMENT', 'choice from no items; at least one is needed');
    return items[this.integer(items.length)] as T;
  }

  /** The items in random order, every order equally likely. The argument is left as it is. */
  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let last = shuffled.length - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      [shuffled[last], shuffled[other]] = [shuffled[other] as T, shuffled[last] as T];
    }
    return shuffled;
  }

  /**
   * k different integers of [0, n), in random order. Time and memory grow with k, not n.
   *
   * @throws EznasError INVALID_ARGUMENT when k is not an integer from 0 to n
   */
  sample(n: number, k: number): number[] {
    if (!Number.isSafeInteger(n) || n < 0 || !Number.isInteger(k) || k < 0 || k > n) {
      throw new EznasError(
        'INVALID_ARGUMENT',
        `cannot draw ${k} different integers below ${n}; the number must be an integer from 0 to ${n}`,
      );
    }
    // A Fisher–Yates shuffle cut off after k steps, of an array that is only written down where it differs from 0 … n − 1.
    const moved = new Map<number, number>();
    return Array.from({ length: k }, (_, step) => {
      const other = step + this.integer(n - step);
      const drawn = moved.get(other) ?? other;
      moved.set(other, moved.get(step) ?? step);
      return drawn;
    });
  }

  /** Normal with mean 0 and variance 1 (Box & Muller). */
  normal(): number {
    // 1 − uniform() lies in (0, 1], where the logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  #word(): number {
    const lane = this.#position % 4;
    if (lane === 0) this.#fill();
    this.#position++;
    return this.#block[lane]!;
  }

  #bits53(): number {
    const high = this.#word() >>> 5;
    const low = this.#word() >>> 6;
    return high * 2 ** 26 + low;
  }

  #fill(): void {
    const block = Math.floor(this.#position / 4);
    this.#block = philox([block >>> 0, Math.floor(block / WORD), 0, 0], this.#key);
  }
}
