/** A value that panels share, and who wants to know when it changes. */
export class Shared<T> {
  #value: T;
  readonly #listeners = new Set<(value: T) => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    if (value === this.#value) return;
    this.#value = value;
    for (const listener of this.#listeners) listener(value);
  }

  subscribe(listener: (value: T) => void): void {
    this.#listeners.add(listener);
  }
}

/** Place of the network that is pointed at; −1 for none. */
export const pointed = new Shared(-1);

/** For each network whether it passes the filter; null where there is no filter. */
export const passing = new Shared<Uint8Array | null>(null);

/** Counts up whenever colours change: canvases draw anew. */
export const repaint = new Shared(0);
