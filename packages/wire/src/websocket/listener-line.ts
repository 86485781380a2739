import type { WireError } from "../reasons.ts";
import { handlerError } from "./errors.ts";
import { countRefusal } from "../counters.ts";
import type { WebSocketClose } from "./close-codes.ts";
import type { WebSocketCounters } from "./options.ts";
import type { WebSocketListener, WebSocketSession } from "./session.ts";

/** The session whose messages a listener is told. */
export interface ListenerOwner extends WebSocketSession {
  /** The listener is free again. */
  readOn(): void;
  fail(error: WireError): void;
}

/** Messages for a listener: while it is at work on one, at most one more lies here. */
export class ListenerLine {
  readonly listener: WebSocketListener;
  readonly #owner: ListenerOwner;
  #working = false;
  #held: string | Uint8Array | undefined = undefined;

  constructor(owner: ListenerOwner, listener: WebSocketListener) {
    this.#owner = owner;
    this.listener = listener;
  }

  /** Whether a message lies here that the listener has not been told. */
  get holds(): boolean {
    return this.#held !== undefined;
  }

  /** Whether the listener is at work. */
  get working(): boolean {
    return this.#working;
  }

  push(data: string | Uint8Array): void {
    if (this.#working) {
      this.#held = data;
      return;
    }
    try {
      const work = this.listener.message(this.#owner, data);
      if (work === undefined) return;
      this.#working = true;
      work.then(
        () => this.#free(),
        (thrown: unknown) => {
          this.#working = false;
          this.#owner.fail(handlerError(thrown));
        },
      );
    } catch (thrown) {
      this.#owner.fail(handlerError(thrown));
    }
  }

  /** The message that lies here. */
  takeHeld(): string | Uint8Array | undefined {
    const held = this.#held;
    this.#held = undefined;
    return held;
  }

  /** No more will be told. */
  finish(): void {
    this.#held = undefined;
  }

  #free(): void {
    this.#working = false;
    const held = this.takeHeld();
    if (held !== undefined) this.push(held);
    this.#owner.readOn();
  }
}

/** Tells a listener, if there is one, that its session is over. What it throws is counted and goes no further. */
export function tellClosed(
  session: WebSocketSession,
  listener: WebSocketListener | undefined,
  end: { readonly close: WebSocketClose; readonly counters: WebSocketCounters },
): void {
  try {
    listener?.closed?.(session, end.close);
  } catch (thrown) {
    countRefusal(end.counters, handlerError(thrown).reason);
  }
}
