import { fault } from "../fault.ts";
import { flowReasons } from "./reasons.ts";
import { Ring } from "./ring.ts";
import { abortFault } from "./abort-fault.ts";
import type { Arm } from "./select.ts";
import { waitAt } from "./select.ts";

/** What a channel gives: a value, or the news that it is closed and empty. */
export type Received<T> = IteratorResult<T, undefined>;

/**
 * A bounded pipe between concurrent parts of one thread. Senders wait while it is full, receivers while it is empty, each in the
 * order in which they came; no value is lost, doubled or overtaken. Iterating receives until the channel is closed and empty;
 * leaving the loop takes nothing with it, so several loops may share one channel.
 */
export interface Channel<T> extends AsyncIterable<T, undefined> {
  /** Values that it holds before senders wait; with 0 every value is handed from sender to receiver. */
  readonly capacity: number;
  /** Values that it holds now. */
  readonly size: number;
  /** Senders that wait for room, selects included. */
  readonly sendersWaiting: number;
  readonly closed: boolean;
  /**
   * Resolves once the value is in the channel or with a receiver. Rejects with CHANNEL_CLOSED, and when the signal aborts first with
   * its Fault (CALL_CANCELLED for a foreign reason); the value has then not been sent.
   */
  send(value: T, signal?: AbortSignal): Promise<void>;
  /** Sends if that needs no waiting. False when it is full, or closed. */
  trySend(value: T): boolean;
  /** The next value, or `done` once the channel is closed and empty. Rejects when the signal aborts first; no value is then lost. */
  receive(signal?: AbortSignal): Promise<Received<T>>;
  /** What there is without waiting; undefined when the channel is open and empty. */
  tryReceive(): Received<T> | undefined;
  /** No more values go in; those inside can still be received. Senders that wait are refused. Closing twice is once. */
  close(): void;
  /** For `select`: receives. */
  receiving(): Arm<Received<T>>;
  /** For `select`: sends. When the channel is closed, the select rejects with CHANNEL_CLOSED. */
  sending(value: T): Arm<undefined>;
}

/** How a channel is made. */
export interface ChannelOptions {
  /** Values that it holds before senders wait, 0 to 2³⁰. */
  readonly capacity: number;
}

/** A new channel. Throws FLOW_OPTION_INVALID. */
export function createChannel<T>(options: ChannelOptions): Channel<T> {
  const { capacity } = options;
  if (!Number.isInteger(capacity) || capacity < 0 || capacity > 2 ** 30)
    throw fault(flowReasons.FLOW_OPTION_INVALID, `Expected a capacity from 0 to ${2 ** 30}, found ${capacity}.`);
  return new BoundedChannel<T>(capacity);
}

/** Somebody who waits to send. Taken out of the channel before `sent` or `refused` is told. */
interface WaitingSender<T> {
  readonly value: T;
  sent(nothing?: undefined): void;
  refused(reason: Error): void;
}

/** Somebody who waits to receive. */
interface WaitingReceiver<T> {
  received(result: Received<T>): void;
}

const sent = Promise.resolve();
const done: Received<never> = Object.freeze({ done: true, value: undefined });

class BoundedChannel<T> implements Channel<T> {
  readonly capacity: number;
  #closed = false;
  readonly #values = new Ring<T>();
  readonly #senders = new Set<WaitingSender<T>>();
  readonly #receivers = new Set<WaitingReceiver<T>>();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.#values.size;
  }

  get sendersWaiting(): number {
    return this.#senders.size;
  }

  get closed(): boolean {
    return this.#closed;
  }

  send(value: T, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(abortFault(signal));
    if (this.#closed) return Promise.reject(closedFault());
    return this.#place(value) ? sent : waitAt(this.sending(value), signal);
  }

  trySend(value: T): boolean {
    return !this.#closed && this.#place(value);
  }

  receive(signal?: AbortSignal): Promise<Received<T>> {
    if (signal?.aborted) return Promise.reject(abortFault(signal));
    const ready = this.tryReceive();
    return ready ? Promise.resolve(ready) : waitAt(this.receiving(), signal);
  }

  tryReceive(): Received<T> | undefined {
    if (this.#values.size > 0) {
      const value = this.#values.shift();
      const sender = takeFirst(this.#senders);
      if (sender) {
        this.#values.push(sender.value);
        sender.sent();
      }
      return { done: false, value };
    }
    const sender = takeFirst(this.#senders);
    if (sender) {
      sender.sent();
      return { done: false, value: sender.value };
    }
    return this.#closed ? done : undefined;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (let receiver = takeFirst(this.#receivers); receiver; receiver = takeFirst(this.#receivers)) receiver.received(done);
    for (let sender = takeFirst(this.#senders); sender; sender = takeFirst(this.#senders)) sender.refused(closedFault());
  }

  receiving(): Arm<Received<T>> {
    return {
      ready: () => this.#values.size > 0 || this.#senders.size > 0 || this.#closed,
      take: () => this.tryReceive() as Received<T>,
      park: (settle) => park(this.#receivers, { received: settle }),
    };
  }

  sending(value: T): Arm<undefined> {
    return {
      ready: () => this.#closed || this.#receivers.size > 0 || this.#values.size < this.capacity,
      take: () => {
        if (!this.trySend(value)) throw closedFault();
        return undefined;
      },
      park: (settle, refused) => park(this.#senders, { value, sent: settle as () => void, refused }),
    };
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return { next: () => this.receive(), return: () => Promise.resolve(done) };
  }

  /** Hands a value to a receiver that waits, or stores it. False when neither can be. */
  #place(value: T): boolean {
    const receiver = takeFirst(this.#receivers);
    if (receiver) {
      receiver.received({ done: false, value });
      return true;
    }
    if (this.#values.size >= this.capacity) return false;
    this.#values.push(value);
    return true;
  }
}

function takeFirst<W>(waiting: Set<W>): W | undefined {
  for (const first of waiting) {
    waiting.delete(first);
    return first;
  }
  return undefined;
}

function park<W>(waiting: Set<W>, one: W): () => void {
  waiting.add(one);
  return () => void waiting.delete(one);
}

function closedFault(): Error {
  return fault(flowReasons.CHANNEL_CLOSED, "Expected an open channel, found it closed.");
}
