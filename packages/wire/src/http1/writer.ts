import type { Body, BodyStream, HttpResponse } from "../http.ts";
import { WireError, wireReasons, type WireReason } from "../reasons.ts";
import { chunkedEndFrom } from "./serialise.ts";
import { latin1From, type ConnectionOutput } from "./output.ts";

const joinBytesMax = 16_384;

/**
 * Collects what one connection wants to say and writes it at most once a tick: heads and small bodies join in one
 * string, large chunks go untouched behind it.
 */
export class ConnectionWriter {
  readonly #output: ConnectionOutput;
  #text = "";
  #full = false;
  #scheduled = false;
  #closed = false;
  #room: (() => void)[] = [];
  readonly #counters: { bytesWritten: number };

  /** What is written is added to `counters`. */
  constructor(output: ConnectionOutput, counters: { bytesWritten: number }) {
    this.#output = output;
    this.#counters = counters;
  }

  /** Whether the other side has to read before there is room for more. */
  get full(): boolean {
    return this.#full;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Adds text of one byte a character. It leaves with the next `flush`. */
  text(text: string): void {
    this.#text += text;
  }

  /** Adds bytes. Small ones wait for the next `flush`. */
  content(bytes: Uint8Array): void {
    if (bytes.length <= joinBytesMax) {
      this.#text += latin1From(bytes, 0, bytes.length);
      if (this.#text.length > joinBytesMax * 2) this.flush();
      return;
    }
    if (this.#closed) return;
    const before = this.#text;
    this.#text = "";
    this.#counters.bytesWritten += before.length + bytes.length;
    if (before !== "") this.#output.write(before, true);
    if (!this.#output.write(bytes, false)) this.#full = true;
  }

  /** Writes what waits. */
  flush(): void {
    const text = this.#text;
    if (text === "" || this.#closed) return;
    this.#text = "";
    this.#counters.bytesWritten += text.length;
    if (!this.#output.write(text, false)) this.#full = true;
  }

  /** Writes what waits once everything that is ready now has been added. */
  flushSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  /** Resolves when there is room, or when the connection has gone. */
  room(): Promise<void> {
    if (!this.#full || this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#room.push(resolve);
    });
  }

  drained(): void {
    this.#full = false;
    this.#release();
  }

  close(): void {
    this.#closed = true;
    this.#text = "";
    this.#release();
  }

  #release(): void {
    const room = this.#room;
    this.#room = [];
    for (const resolve of room) resolve();
  }
}

/** How a body stream is to be written. */
export interface BodyWriteOptions {
  readonly framing: "length" | "chunked" | "close";
  /** What to call a body that is shorter or longer than it said, or bad trailers. */
  readonly reason: WireReason;
  /** Called after each chunk has been taken by the writer. */
  readonly onProgress?: () => void;
}

/** Writes a body stream, waiting for room after each chunk. Resolves when its end is written; rejects when the stream does. */
export async function writeBody(
  writer: ConnectionWriter,
  body: { readonly stream: BodyStream; readonly iterator: AsyncIterator<Uint8Array> },
  options: BodyWriteOptions,
): Promise<void> {
  const expected = options.framing === "length" ? (body.stream.length as number) : Infinity;
  let bytes = 0;
  for (;;) {
    const { done, value } = await body.iterator.next();
    if (writer.closed) return;
    if (done === true) break;
    if (value.length === 0) continue;
    bytes += value.length;
    if (bytes > expected) throw lengthError(expected, bytes, options.reason);
    if (options.framing === "chunked") {
      writer.text(`${value.length.toString(16)}\r\n`);
      writer.content(value);
      writer.text("\r\n");
    } else writer.content(value);
    writer.flushSoon();
    options.onProgress?.();
    if (writer.full) await writer.room();
  }
  if (options.framing === "length" && bytes !== expected) throw lengthError(expected, bytes, options.reason);
  if (options.framing === "chunked") writer.text(chunkedEndFrom(body.stream.trailers?.(), options.reason));
}

function lengthError(expected: number, found: number, reason: WireReason): WireError {
  return new WireError(reason, `expected a body of ${expected} bytes, found ${found > expected ? `at least ${found}` : String(found)}`);
}

/** Leaves a stream that nobody will read to its end. What that throws, nobody waits for. */
export function leaveBody(iterator: AsyncIterator<Uint8Array>): void {
  try {
    Promise.resolve(iterator.return?.()).catch(() => undefined);
  } catch {
    // Nobody waits for it.
  }
}

/** Leaves a body that nobody will read. One that is being read already throws when it is asked again: that stays its reader's. */
export function leave(body: Body): void {
  if (body === undefined || body instanceof Uint8Array || body.whole !== undefined) return;
  try {
    leaveBody(body[Symbol.asyncIterator]());
  } catch {
    // Nobody waits for it.
  }
}

/** What a handler has answered that answers nothing, against its type: what cannot be sent. */
export const unsaid: HttpResponse = { status: 0, headers: [] };

/** What a listener threw, against its type. */
export function listenerError(cause: unknown): WireError {
  return new WireError(wireReasons.HANDLER_FAILED, "expected a listener that does not throw, found one that does", { cause });
}

/** A failure of the other side's stream as an error of wire. */
export function wireErrorFrom(thrown: unknown): WireError {
  if (thrown instanceof WireError) return thrown;
  return new WireError(wireReasons.HANDLER_FAILED, "expected an answer, found a rejection", { cause: thrown });
}
