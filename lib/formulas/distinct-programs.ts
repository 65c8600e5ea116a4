import { canonicalText, type Program } from '../programs/tree.ts';

/** Programs in the order in which they are first met; those that are equal but for the order of commutative operands are one. */
export class DistinctPrograms {
  readonly #places = new Map<string, number>();
  readonly #programs: Program[] = [];

  get programs(): readonly Program[] {
    return this.#programs;
  }

  /** The place of a program, which it takes now where it has none. */
  add(program: Program): number {
    const text = canonicalText(program);
    const before = this.#places.get(text);
    if (before !== undefined) return before;
    this.#places.set(text, this.#programs.length);
    return this.#programs.push(program) - 1;
  }

  /** The place of a program that was added. */
  placeOf(program: Program): number {
    return this.#places.get(canonicalText(program))!;
  }
}
