import { joined, copied, type ConnectionSink } from "./http1/output.ts";

// How HTTP/2 with prior knowledge begins (RFC 9113 §3.4). HTTP/1.1 has no method PRI, and no such version.
const opening = "PRI * HTTP/2.0\r\n";

/** The two connections between which the first bytes decide. */
export interface ProtocolChoices {
  /** Stands from the beginning: it watches the time until the first bytes have come. */
  readonly http1: ConnectionSink;
  /** Made when it is chosen. */
  http2(): ConnectionSink;
  /** Hears what has been chosen; it gets all bytes, and is the one to be told of what follows. */
  chosen(sink: ConnectionSink): void;
}

/** Tells HTTP/2 from HTTP/1.1 by the first bytes of a cleartext connection, and steps aside. */
export class ProtocolChoice implements ConnectionSink {
  readonly #choices: ProtocolChoices;
  #held: Uint8Array | undefined = undefined;

  constructor(choices: ProtocolChoices) {
    this.#choices = choices;
  }

  receive(bytes: Uint8Array, end: number, borrowed: boolean): void {
    const held = this.#held;
    if (held !== undefined) {
      const all = joined([held, bytes.subarray(0, end)]);
      this.#held = undefined;
      this.#choose(all, all.length, false);
    } else this.#choose(bytes, end, borrowed);
  }

  end(): void {
    this.#settleFor1();
    this.#choices.http1.end();
  }

  drained(): void {
    this.#choices.http1.drained();
  }

  closed(cause?: unknown): void {
    this.#choices.http1.closed(cause);
  }

  shut(): void {
    this.#choices.http1.shut?.();
  }

  #choose(bytes: Uint8Array, end: number, borrowed: boolean): void {
    const count = Math.min(end, opening.length);
    for (let index = 0; index < count; index += 1) {
      if (bytes[index] === opening.charCodeAt(index)) continue;
      this.#choices.chosen(this.#choices.http1);
      this.#choices.http1.receive(bytes, end, borrowed);
      return;
    }
    if (count < opening.length) {
      this.#held = copied(bytes, 0, end);
      return;
    }
    const http2 = this.#choices.http2();
    this.#choices.chosen(http2);
    // Nothing has been said to the other one; it only lets go of its deadline.
    this.#choices.http1.closed();
    http2.receive(bytes, end, borrowed);
  }

  /** The bytes have ended before they could tell: what there is of them is for HTTP/1.1 to judge. */
  #settleFor1(): void {
    const held = this.#held;
    this.#choices.chosen(this.#choices.http1);
    if (held !== undefined) this.#choices.http1.receive(held, held.length, false);
  }
}
