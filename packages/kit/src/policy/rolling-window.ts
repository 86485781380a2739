import type { Clock } from "../clock.ts";

/** Two sums over the last so many milliseconds, kept in buckets: old ones fall away whole. */
export class RollingWindow {
  readonly #clock: Clock;
  readonly #bucketMs: number;
  readonly #first: Float64Array;
  readonly #second: Float64Array;
  #at = 0;
  #sumFirst = 0;
  #sumSecond = 0;

  constructor(clock: Clock, options: { readonly windowMs: number; readonly buckets: number }) {
    this.#clock = clock;
    this.#bucketMs = options.windowMs / options.buckets;
    this.#first = new Float64Array(options.buckets);
    this.#second = new Float64Array(options.buckets);
    this.#at = Math.floor(clock.monotonicMs() / this.#bucketMs);
  }

  add(first: number, second: number): void {
    this.#forget();
    const bucket = this.#at % this.#first.length;
    this.#first[bucket] = (this.#first[bucket] ?? 0) + first;
    this.#second[bucket] = (this.#second[bucket] ?? 0) + second;
    this.#sumFirst += first;
    this.#sumSecond += second;
  }

  get first(): number {
    this.#forget();
    return this.#sumFirst;
  }

  get second(): number {
    this.#forget();
    return this.#sumSecond;
  }

  clear(): void {
    this.#first.fill(0);
    this.#second.fill(0);
    this.#sumFirst = this.#sumSecond = 0;
  }

  #forget(): void {
    const nowAt = Math.floor(this.#clock.monotonicMs() / this.#bucketMs);
    if (nowAt === this.#at) return;
    const passed = Math.min(nowAt - this.#at, this.#first.length);
    for (let step = 1; step <= passed; step++) {
      const bucket = (this.#at + step) % this.#first.length;
      this.#sumFirst -= this.#first[bucket] ?? 0;
      this.#sumSecond -= this.#second[bucket] ?? 0;
      this.#first[bucket] = this.#second[bucket] = 0;
    }
    this.#at = nowAt;
  }
}
