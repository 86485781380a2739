/** What became of the calls of one kind. */
export interface Tally {
  readonly done: number;
  /** By the reason of their Faults, or the name of the error. */
  readonly failed: Readonly<Record<string, number>>;
}

/** Keeps every promise that somebody waits for until it has settled, however it settles. */
export class Ledger {
  readonly #pending = new Map<symbol, { readonly kind: string; readonly sinceMs: number }>();
  readonly #done = new Map<string, number>();
  readonly #failed = new Map<string, Map<string, number>>();

  /** Waits for an action and counts what became of it. Never rejects: that calls fail is what they are here for. */
  async track(kind: string, action: () => Promise<unknown>): Promise<void> {
    const place = Symbol(kind);
    this.#pending.set(place, { kind, sinceMs: performance.now() });
    try {
      await action();
      this.#done.set(kind, (this.#done.get(kind) ?? 0) + 1);
    } catch (thrown) {
      const reasons = this.#failed.get(kind) ?? new Map<string, number>();
      const reason = reasonOf(thrown);
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      this.#failed.set(kind, reasons);
    } finally {
      this.#pending.delete(place);
    }
  }

  /** How many have not settled. */
  get pending(): number {
    return this.#pending.size;
  }

  /** The kinds of those that have not settled, with their ages. */
  waiting(): string[] {
    return [...this.#pending.values()].map(({ kind, sinceMs }) => `${kind} for ${Math.round(performance.now() - sinceMs)} ms`);
  }

  /** What became of all calls so far, by kind. */
  tallies(): Record<string, Tally> {
    const kinds = new Set([...this.#done.keys(), ...this.#failed.keys()].toSorted());
    return Object.fromEntries(
      [...kinds].map((kind) => [kind, { done: this.#done.get(kind) ?? 0, failed: Object.fromEntries(this.#failed.get(kind) ?? []) }]),
    );
  }
}

function reasonOf(thrown: unknown): string {
  if (typeof thrown === "object" && thrown !== null && "reason" in thrown) return String(thrown.reason);
  return thrown instanceof Error ? thrown.message.slice(0, 80) : String(thrown);
}
