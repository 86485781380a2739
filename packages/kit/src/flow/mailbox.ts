import type { Call } from "../call.ts";
import type { Fault } from "../fault.ts";
import { fault } from "../fault.ts";
import type { Channel, Received } from "./channel.ts";
import { createChannel } from "./channel.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { flowReasons } from "./reasons.ts";

/** A message on its way to an actor. Exactly one of `answered` and `refused` is called, once. */
export interface Letter {
  readonly message: string;
  readonly payload: unknown;
  /** Of an `ask`: bounds how long the message may wait and be worked on. */
  readonly call: Call | undefined;
  /** How often it has been given to a handler. */
  tries: number;
  answered(answer: unknown): void;
  refused(reason: Fault): void;
}

/** What happens to a message that finds the mailbox full. */
export type MailboxOverflow = "wait" | "reject" | "drop_oldest" | "drop_newest";

/** Bounds of a mailbox. */
export interface MailboxOptions {
  /** Messages that wait at most, 1 to 2³⁰. Default 1,024. */
  readonly capacity?: number;
  /**
   * "reject" (default): the sender gets MAILBOX_FULL. "wait": the sender waits for room. "drop_oldest": the message that has waited
   * longest is refused for the new one. "drop_newest": the new one is refused, and a `tell` does not hear of it.
   */
  readonly overflow?: MailboxOverflow;
}

/** The messages that wait for one actor. What is refused becomes a dead letter. */
export class Mailbox {
  readonly #channel: Channel<Letter>;
  readonly #overflow: MailboxOverflow;
  readonly #actor: string;
  readonly #deadLetters: DeadLetters;

  constructor(actor: string, options: MailboxOptions, deadLetters: DeadLetters) {
    this.#channel = createChannel({ capacity: Math.max(1, options.capacity ?? 1024) });
    this.#overflow = options.overflow ?? "reject";
    this.#actor = actor;
    this.#deadLetters = deadLetters;
  }

  get size(): number {
    return this.#channel.size;
  }

  get capacity(): number {
    return this.#channel.capacity;
  }

  /** Resolves once the letter has a place, or has been dropped as the overflow says. Rejects with MAILBOX_FULL or ACTOR_STOPPED. */
  async put(letter: Letter): Promise<void> {
    if (this.#channel.trySend(letter)) return;
    if (this.#channel.closed) throw this.refuse(letter, this.#stopped());
    if (this.#overflow === "wait") {
      try {
        await this.#channel.send(letter, letter.call?.signal);
      } catch (thrown) {
        throw this.refuse(letter, this.#channel.closed ? this.#stopped() : (thrown as Fault));
      }
      return;
    }
    if (this.#overflow === "drop_oldest") {
      const oldest = this.#channel.tryReceive();
      if (oldest && !oldest.done) this.refuse(oldest.value, this.#full());
      this.#channel.trySend(letter);
      return;
    }
    const refusal = this.refuse(letter, this.#full());
    if (this.#overflow === "reject") throw refusal;
  }

  /** The next letter; `done` once the mailbox is closed and empty. */
  take(signal: AbortSignal): Promise<Received<Letter>> {
    return this.#channel.receive(signal);
  }

  /** Takes no more letters. Those inside stay. */
  close(): void {
    this.#channel.close();
  }

  /** Refuses all that wait, after `close`. */
  empty(): void {
    for (let next = this.#channel.tryReceive(); next && !next.done; next = this.#channel.tryReceive()) {
      this.refuse(next.value, this.#stopped());
    }
  }

  /** Tells the sender, and keeps the letter among the dead. */
  refuse(letter: Letter, reason: Fault): Fault {
    letter.refused(reason);
    this.#deadLetters.add({ actor: this.#actor, message: letter.message, payload: letter.payload, fault: reason });
    return reason;
  }

  #full(): Fault {
    const { capacity } = this.#channel;
    return fault(flowReasons.MAILBOX_FULL, `Expected at most ${capacity} messages to wait for ${this.#actor}, found one more.`);
  }

  #stopped(): Fault {
    return fault(flowReasons.ACTOR_STOPPED, `Expected ${this.#actor} to run, found it stopped.`);
  }
}
