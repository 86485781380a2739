import type { ByteDuplex, HttpResponse } from "../http.ts";
import { WireError, wireReasons } from "../reasons.ts";
import { IncomingBody } from "./incoming-body.ts";
import { copied, type ConnectionOutput, type ConnectionSink } from "./output.ts";
import { leave } from "./writer.ts";

/** A connection that has gone before anybody could have it. */
const goneDuplex: ByteDuplex = {
  [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(gone()) }),
  write: () => Promise.reject(gone()),
  end() {},
  destroy() {},
};

/** Leaves an answer that nobody will be given: its body is left, and whoever would take the connection over finds it gone. */
export function leaveAnswer({ body, takeOver }: HttpResponse): void {
  leave(body);
  try {
    takeOver?.(goneDuplex);
  } catch {
    // There is nothing left to be cut.
  }
}

interface Room {
  resolve(): void;
  reject(error: WireError): void;
}

/** A connection that HTTP has let go of: bytes both ways, with back-pressure both ways. */
export class ConnectionDuplex implements ByteDuplex {
  readonly #output: ConnectionOutput;
  readonly #incoming: IncomingBody;
  #waiting: Room[] = [];
  #sink: ConnectionSink | undefined;
  #full = false;
  #ended = false;
  #gone = false;

  constructor(output: ConnectionOutput) {
    this.#output = output;
    this.#incoming = new IncomingBody({ pull: () => output.resume(), cancel: () => output.destroy() });
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this.#incoming[Symbol.asyncIterator]();
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#gone || this.#ended) return Promise.reject(gone());
    this.#full = !this.#output.write(bytes, false) || this.#full;
    if (!this.#full) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  end(): void {
    if (this.#ended || this.#gone) return;
    this.#ended = true;
    this.#output.end();
  }

  destroy(): void {
    this.#output.destroy();
  }

  attach<S extends ConnectionSink>(make: (output: ConnectionOutput) => S): S {
    const sink = make(this.#output);
    this.#sink = sink;
    this.#output.divert?.(sink);
    for (const bytes of this.#incoming.take()) sink.receive(bytes, bytes.length, false);
    if (this.#incoming.finished) sink.end();
    if (this.#gone) sink.closed(gone());
    else this.#output.resume();
    return sink;
  }

  /** The connection has read bytes, up to `end`. */
  receive(bytes: Uint8Array, end: number, borrowed: boolean): void {
    if (this.#sink !== undefined) {
      this.#sink.receive(bytes, end, borrowed);
      return;
    }
    this.#incoming.push(borrowed ? copied(bytes, 0, end) : bytes.subarray(0, end));
    if (!this.#incoming.wanted) this.#output.pause();
  }

  /** The other side has ended its direction. */
  finish(): void {
    this.#incoming.finish(undefined);
    this.#sink?.end();
  }

  drained(): void {
    this.#sink?.drained();
    this.#full = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const room of waiting) room.resolve();
  }

  closed(cause?: unknown): void {
    this.#gone = true;
    this.#sink?.closed(cause);
    this.#incoming.fail(gone());
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const room of waiting) room.reject(gone());
  }
}

function gone(): WireError {
  return new WireError(wireReasons.CLIENT_GONE, "expected an open connection, found it closed");
}

/** Carries bytes between two duplexes until both directions have ended; one that breaks takes the other with it. */
export async function joinDuplexes(one: ByteDuplex, other: ByteDuplex): Promise<void> {
  try {
    await Promise.all([carry(one, other), carry(other, one)]);
  } catch {
    one.destroy();
    other.destroy();
  }
}

async function carry(from: ByteDuplex, to: ByteDuplex): Promise<void> {
  for await (const bytes of from) await to.write(bytes);
  to.end();
}
