import { fault } from "../fault.ts";
import { abortFault } from "./abort-fault.ts";
import { flowReasons } from "./reasons.ts";
import { Ring } from "./ring.ts";

/** How much `mapBounded` does at a time. */
export interface BoundedMapOptions {
  /** Items under way at most, 1 to 2²⁰; also the answers that wait to be read. */
  readonly concurrencyMax: number;
  /** Whether answers come in the order of their items (default), or as they are ready. */
  readonly ordered?: boolean;
  /** Ends everything: the work's signal aborts, and reading rejects with the signal's Fault. */
  readonly signal?: AbortSignal;
}

/**
 * Works on items concurrently, a bounded number at a time, and answers in a stream. Items are only taken when there is room, so a
 * slow reader slows the source. The first failure ends it: what is under way is told by its signal and waited for, then reading
 * rejects with that failure. Leaving the loop does the same without rejecting. Throws FLOW_OPTION_INVALID.
 * @example for await (const page of mapBounded(urls, (url, signal) => load(url, signal), { concurrencyMax: 8 })) …
 */
export function mapBounded<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  work: (item: T, signal: AbortSignal) => Promise<R>,
  options: BoundedMapOptions,
): AsyncGenerator<R, void, undefined> {
  const { concurrencyMax } = options;
  if (!Number.isInteger(concurrencyMax) || concurrencyMax < 1 || concurrencyMax > 2 ** 20)
    throw fault(flowReasons.FLOW_OPTION_INVALID, `Expected concurrencyMax from 1 to ${2 ** 20}, found ${concurrencyMax}.`);
  return new BoundedMap(items, work, options).answers();
}

/** An item that has been begun. `outcome` is there once it has settled. */
interface Task<R> {
  outcome: { readonly value: R } | undefined;
}

/** Holds what is under way: a pump that takes items while there is room, and the reader that wakes it by reading. */
class BoundedMap<T, R> {
  readonly #source: Iterator<T> | AsyncIterator<T>;
  readonly #work: (item: T, signal: AbortSignal) => Promise<R>;
  readonly #options: BoundedMapOptions;
  readonly #controller = new AbortController();
  /** Begun and not yet answered: in order of their items, or of their settling. */
  readonly #line = new Ring<Task<R>>();
  #underWay = 0;
  /** Begun and not yet read. */
  #held = 0;
  #taking = false;
  #ended = false;
  #failure: { readonly thrown: unknown } | undefined;
  #wakeReader: (() => void) | undefined;

  constructor(items: Iterable<T> | AsyncIterable<T>, work: (item: T, signal: AbortSignal) => Promise<R>, options: BoundedMapOptions) {
    this.#source = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
    this.#work = work;
    this.#options = options;
  }

  async *answers(): AsyncGenerator<R, void, undefined> {
    const { signal } = this.#options;
    const onAbort = (): void => signal && this.#fail(abortFault(signal));
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      this.#pump();
      for (;;) {
        const task = this.#settledTask();
        if (task?.outcome) {
          this.#held -= 1;
          this.#pump();
          yield task.outcome.value;
        } else if (this.#failure) throw this.#failure.thrown;
        else if (this.#ended && this.#held === 0) return;
        else await this.#change();
      }
    } finally {
      signal?.removeEventListener("abort", onAbort);
      await this.#stop();
    }
  }

  /** The next answer to give, taken out of the line; none once something has failed. */
  #settledTask(): Task<R> | undefined {
    if (this.#failure || this.#line.size === 0 || this.#line.first?.outcome === undefined) return undefined;
    return this.#line.shift();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeReader = resolve;
    });
  }

  #wake(): void {
    const wake = this.#wakeReader;
    this.#wakeReader = undefined;
    wake?.();
  }

  #fail(thrown: unknown): void {
    this.#failure ??= { thrown };
    this.#controller.abort(thrown);
    this.#wake();
  }

  /** Takes items while there is room; one `next` at a time. */
  #pump(): void {
    if (this.#taking || this.#ended || this.#failure || this.#held >= this.#options.concurrencyMax) return;
    this.#taking = true;
    Promise.resolve()
      .then(() => this.#source.next())
      .then(
        (next) => {
          this.#taking = false;
          if (next.done) this.#ended = true;
          else if (!this.#controller.signal.aborted) this.#begin(next.value);
          this.#pump();
          this.#wake();
        },
        (thrown: unknown) => {
          this.#taking = false;
          this.#ended = true;
          this.#fail(thrown);
        },
      );
  }

  #begin(item: T): void {
    const task: Task<R> = { outcome: undefined };
    const ordered = this.#options.ordered ?? true;
    this.#held += 1;
    this.#underWay += 1;
    if (ordered) this.#line.push(task);
    new Promise<R>((resolve) => resolve(this.#work(item, this.#controller.signal)))
      .then(
        (value) => {
          task.outcome = { value };
          if (!ordered) this.#line.push(task);
        },
        (thrown: unknown) => this.#fail(thrown),
      )
      .finally(() => {
        this.#underWay -= 1;
        this.#wake();
      });
  }

  /** Tells what is under way to end, waits for it, and gives the source back. */
  async #stop(): Promise<void> {
    this.#failure ??= { thrown: undefined };
    this.#controller.abort(this.#failure.thrown);
    while (this.#underWay > 0) await this.#change();
    // A source that is still being asked may never answer: it is told, not waited for.
    const given = this.#ended ? undefined : Promise.resolve(this.#source.return?.());
    if (this.#taking) given?.catch(() => undefined);
    else await given;
  }
}
