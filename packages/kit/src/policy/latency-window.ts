/** The last so many durations, and their percentiles. */
export class LatencyWindow {
  readonly #durations: Float64Array;
  #count = 0;
  #known = 0;
  #knownAt = -Infinity;
  #knownOf = 0;

  constructor(size: number) {
    this.#durations = new Float64Array(size);
  }

  /** How many it holds. */
  get size(): number {
    return Math.min(this.#count, this.#durations.length);
  }

  add(durationMs: number): void {
    this.#durations[this.#count % this.#durations.length] = durationMs;
    this.#count += 1;
  }

  /** The duration that the share 0 to 1 of those held does not exceed; as of at most a tenth of them ago. 0 when there are none. */
  percentile(share: number): number {
    if (this.#knownOf === share && this.#count - this.#knownAt < this.size / 10) return this.#known;
    const sorted = this.#durations.slice(0, this.size).sort();
    this.#knownAt = this.#count;
    this.#knownOf = share;
    return (this.#known = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0);
  }
}
