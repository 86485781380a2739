import type { HeaderField } from "./field.ts";

/** What a dynamic table holds: a field, or the part of one that the encoder needs. */
export type TableEntry = Pick<HeaderField, "size">;

/** The dynamic table of RFC 7541 §2.3.2: newest entry first, oldest evicted when the bytes do not suffice. */
export class DynamicTable<Entry extends TableEntry> {
  #ring: (Entry | undefined)[] = [];
  #mask = -1;
  #bytes = 0;
  #bytesMax: number;
  /** Entries now. */
  count = 0;
  /** Entries ever put in. The newest has this number. */
  inserted = 0;
  /** Changes with every change of the table: what was said by index before still means the same while this is the same. */
  generation = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get bytesMax(): number {
    return this.#bytesMax;
  }

  /** The entry at `index`, 1 being the newest; undefined beyond the last. */
  at(index: number): Entry | undefined {
    return index > this.count ? undefined : this.#ring[(this.inserted - index) & this.#mask];
  }

  /** Puts an entry in front. One larger than the table empties it (RFC 7541 §4.4). Answers whether it is in. */
  insert(entry: Entry): boolean {
    this.generation += 1;
    this.#evict(this.#bytesMax - entry.size);
    if (entry.size > this.#bytesMax) return false;
    if (this.count > this.#mask) this.#grow();
    this.#ring[this.inserted & this.#mask] = entry;
    this.inserted += 1;
    this.count += 1;
    this.#bytes += entry.size;
    return true;
  }

  /** Changes how many bytes there may be. */
  resize(bytesMax: number): void {
    this.generation += 1;
    this.#bytesMax = bytesMax;
    this.#evict(bytesMax);
  }

  #evict(bytesMax: number): void {
    while (this.#bytes > bytesMax && this.count > 0) {
      const place = (this.inserted - this.count) & this.#mask;
      this.#bytes -= (this.#ring[place] as Entry).size;
      this.#ring[place] = undefined;
      this.count -= 1;
    }
  }

  #grow(): void {
    const length = Math.max(this.#ring.length * 2, 16);
    const ring: (Entry | undefined)[] = Array.from({ length });
    for (let index = 1; index <= this.count; index += 1) ring[(this.inserted - index) & (length - 1)] = this.at(index);
    this.#ring = ring;
    this.#mask = length - 1;
  }
}
