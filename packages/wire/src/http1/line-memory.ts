import type { FieldSpelling } from "./syntax.ts";

const linesMax = 32;
const bytesMax = 1024;
const pauseMax = 64;

/**
 * The header lines of the head that was read last, by place: their bytes, and what was read from them. A line whose
 * bytes are the same again need not be read again, and hands out the same strings, which are then quick to compare.
 * Nothing but equal bytes counts, so what is read does not depend on it. Bounded: 32 lines and 1024 bytes; heads that are
 * longer are not remembered.
 */
export class LineMemory {
  /** Lines that are remembered. */
  count = 0;
  /** Field of each line, by place. */
  spellings: FieldSpelling[] = [];
  /** Value of each line, by place. */
  values: string[] = [];
  #starts: Int32Array = new Int32Array(linesMax + 1);
  readonly #bytes: Uint8Array = new Uint8Array(bytesMax);
  // A head that is being read is kept apart until it is whole: half of it must never be taken for the last one.
  #newStarts: Int32Array = new Int32Array(linesMax + 1);
  #newSpellings: FieldSpelling[] = [];
  #newValues: string[] = [];
  #differs = false;
  // Some lines differ every time. Heads that keep differing are remembered ever less often, every 64th at the least.
  #records = true;
  #pause = 1;
  #pauseLeft = 0;

  /** A head begins. */
  begin(): void {
    this.#differs = false;
    this.#records = this.#pauseLeft === 0;
    if (!this.#records) this.#pauseLeft -= 1;
  }

  /** The length of the line of `bytes` at `at` when it is the one remembered for `place`, which is below `count`; else 0. */
  lengthOfSame(bytes: Uint8Array, at: number, place: number): number {
    const from = this.#starts[place] as number;
    const length = (this.#starts[place + 1] as number) - from;
    const last = this.#bytes;
    for (let index = 0; index < length; index += 1) if (bytes[at + index] !== last[from + index]) return 0;
    return length;
  }

  /** The line at `start`, counted from the first line's, was the same as last time. */
  same(place: number, start: number): void {
    if (this.#differs && this.#records)
      this.#put(place, start, { spelling: this.spellings[place] as FieldSpelling, value: this.values[place] as string });
  }

  /** The line at `start`, counted from the first line's, was another one than last time. */
  other(place: number, start: number, line: { readonly spelling: FieldSpelling; readonly value: string }): void {
    const first = !this.#differs;
    this.#differs = true;
    if (!this.#records) return;
    if (first) {
      for (let before = 0; before < place && before < linesMax; before += 1) {
        this.#newStarts[before] = this.#starts[before] as number;
        this.#newSpellings[before] = this.spellings[before] as FieldSpelling;
        this.#newValues[before] = this.values[before] as string;
      }
    }
    this.#put(place, start, line);
  }

  /** The head is whole: `count` lines, in `bytes` from `from` to `to`. */
  end(count: number, bytes: Uint8Array, range: { readonly from: number; readonly to: number }): void {
    if (!this.#differs) {
      this.#pause = 1;
      this.#pauseLeft = 0;
      return;
    }
    const length = range.to - range.from;
    if (!this.#records || count > linesMax || length > bytesMax) return;
    this.#pauseLeft = this.#pause;
    this.#pause = Math.min(this.#pause * 2, pauseMax);
    this.#newStarts[count] = length;
    Buffer.prototype.copy.call(bytes, this.#bytes, 0, range.from, range.to);
    this.count = count;
    const { spellings, values } = this;
    const starts = this.#starts;
    this.spellings = this.#newSpellings;
    this.values = this.#newValues;
    this.#starts = this.#newStarts;
    this.#newSpellings = spellings;
    this.#newValues = values;
    this.#newStarts = starts;
  }

  #put(place: number, start: number, line: { readonly spelling: FieldSpelling; readonly value: string }): void {
    if (place >= linesMax) return;
    this.#newStarts[place] = start;
    this.#newSpellings[place] = line.spelling;
    this.#newValues[place] = line.value;
  }
}
