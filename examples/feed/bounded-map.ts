/**
 * A Map that holds at most `entriesMax` entries: those used longest ago go, half of them at once. So no entry is ever
 * looked for to be removed, which in a Map takes a walk over all that were removed before.
 */
export class BoundedMap<V> {
  readonly #halfMax: number;
  #young = new Map<string, V>();
  #old = new Map<string, V>();

  constructor(entriesMax: number) {
    this.#halfMax = Math.max(1, Math.floor(entriesMax / 2));
  }

  /** The value of a key, which counts as using it. */
  get(key: string): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  /** Sets a value; another entry may go for it. */
  set(key: string, value: V): void {
    if (this.#young.size >= this.#halfMax && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  /** Removes an entry. */
  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  /** How many entries it holds at most; one that is both young and old counts twice. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
