import type { Budgets } from "./budgets.ts";
import { calm } from "./fault.ts";
import { frameFault, frameFlags, readUint31, sizeFault, type FrameReader } from "./frame.ts";
import { http2Reasons } from "./reasons.ts";
import type { SessionRole, SessionSettings } from "./session-role.ts";

/** The connection whose header blocks are put together. */
export interface BlockAssemblyOwner {
  readonly settings: SessionSettings;
  readonly budgets: Budgets;
  arm(deadlineMs: number): void;
}

/** Puts header blocks together from HEADERS and CONTINUATION (RFC 9113 §6.2, §6.10), within bounds. */
export class BlockAssembly {
  /** The stream whose block is not whole; 0 for none. */
  id = 0;
  /** When the block has to be whole. */
  deadlineMs: number = Infinity;
  readonly #owner: BlockAssemblyOwner;
  readonly #role: SessionRole;
  #endStream = false;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #frames = 0;

  constructor(owner: BlockAssemblyOwner, role: SessionRole) {
    this.#owner = owner;
    this.#role = role;
  }

  /** HEADERS. */
  headers(reader: FrameReader): void {
    const { id, flags } = reader;
    if (id === 0) throw frameFault("HEADERS on a stream, found them on 0");
    const empty = reader.at === reader.end;
    reader.stripPadding();
    if ((flags & frameFlags.priority) !== 0) {
      if (reader.end - reader.at < 5) throw sizeFault("5 bytes of priority", reader.end - reader.at);
      if (readUint31(reader.bytes, reader.at) === id) {
        // RFC 9113 §5.3.1 no longer calls it an error; those that test for RFC 7540 do, and nobody means it.
        throw frameFault("a stream not to depend on itself, found that");
      }
      reader.at += 5;
    }
    const endStream = (flags & frameFlags.endStream) !== 0;
    if ((flags & frameFlags.endHeaders) !== 0) {
      this.#role.headers({ id, endStream, bytes: reader.bytes, at: reader.at, end: reader.end });
      return;
    }
    if (empty) this.#spendEmpty();
    this.id = id;
    this.#endStream = endStream;
    this.#parts = [Uint8Array.prototype.slice.call(reader.bytes, reader.at, reader.end)];
    this.#bytes = reader.end - reader.at;
    this.#frames = 0;
    this.deadlineMs = this.#owner.settings.clock.monotonicMs() + this.#owner.settings.headerMs;
    this.#owner.arm(this.deadlineMs);
  }

  /** CONTINUATION. */
  continuation(reader: FrameReader): void {
    const { limits } = this.#owner.settings;
    if (this.id === 0) throw frameFault("CONTINUATION after HEADERS only, found it alone");
    this.#frames += 1;
    this.#bytes += reader.end - reader.at;
    if (this.#frames > limits.continuationsMax || this.#bytes > limits.headerBlockBytesMax) {
      const expected = `a header block of at most ${limits.headerBlockBytesMax} bytes in ${limits.continuationsMax} CONTINUATION`;
      throw calm(http2Reasons.CONTINUATION_FLOOD, `${expected}, found more`);
    }
    if (reader.at === reader.end) this.#spendEmpty();
    this.#parts.push(Uint8Array.prototype.slice.call(reader.bytes, reader.at, reader.end));
    if ((reader.flags & frameFlags.endHeaders) === 0) return;
    const id = this.id;
    const bytes = Buffer.concat(this.#parts);
    this.id = 0;
    this.#parts = [];
    this.deadlineMs = Infinity;
    this.#role.headers({ id, endStream: this.#endStream, bytes, at: 0, end: bytes.length });
  }

  #spendEmpty(): void {
    if (!this.#owner.budgets.empties.spend()) throw calm(http2Reasons.EMPTY_FRAME_FLOOD, "fewer frames without content, found one more");
  }
}
