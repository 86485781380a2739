/** First in, first out, in an array that grows by doubling and is used in a circle: no moving, no allocation once it has grown. */
export class Ring<T> {
  #items: (T | undefined)[] = [];
  #first = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The oldest item, left in place. */
  get first(): T | undefined {
    return this.#size === 0 ? undefined : this.#items[this.#first];
  }

  /** The item at a place, the oldest at 0. There must be one. */
  at(place: number): T {
    return this.#items[(this.#first + place) & (this.#items.length - 1)] as T;
  }

  push(item: T): void {
    if (this.#size === this.#items.length) this.#grow();
    this.#items[(this.#first + this.#size) & (this.#items.length - 1)] = item;
    this.#size += 1;
  }

  /** Puts an item before all others. */
  unshift(item: T): void {
    if (this.#size === this.#items.length) this.#grow();
    this.#first = (this.#first - 1) & (this.#items.length - 1);
    this.#items[this.#first] = item;
    this.#size += 1;
  }

  /** The oldest item, taken out. There must be one. */
  shift(): T {
    const item = this.#items[this.#first] as T;
    this.#items[this.#first] = undefined;
    this.#first = (this.#first + 1) & (this.#items.length - 1);
    this.#size -= 1;
    return item;
  }

  #grow(): void {
    const { length } = this.#items;
    const grown = Array.from<T | undefined>({ length: Math.max(8, length * 2) });
    for (let index = 0; index < this.#size; index++) grown[index] = this.#items[(this.#first + index) & (length - 1)];
    this.#items = grown;
    this.#first = 0;
  }
}
