import type { HeaderList } from "../http.ts";
import type { ConnectionOutput } from "../http1/output.ts";
import { frameFlags, frameHeadBytes, frameTypes, writeFrameHead, writeUint32 } from "./frame.ts";
import type { HeaderBlocks } from "./header-blocks.ts";
import { windowDefault } from "./settings.ts";
import type { Interim, Stream } from "./stream.ts";

/** The connection that an outbox writes for. */
export interface OutboxOwner {
  /**
   * Writes the head of a stream's message into the blocks, and gives the stream a number if it has none. `none`: there is
   * nothing to send after all. `end`: nothing follows the head.
   */
  head(stream: Stream): "none" | "more" | "end";
  /** Writes the block of the stream's trailers; false when they cannot be sent. */
  trailers(stream: Stream, trailers: HeaderList): boolean;
  /** Our last frame of the stream has been written. */
  ended(stream: Stream): void;
  /** A stream has something to send, and no window for it. */
  blocked(stream: Stream): void;
  /** The head of a stream to be taken over has been written. */
  switched(stream: Stream): void;
  /** Everything that could be written has been. */
  flushed(): void;
}

// Frames are put together here, whichever connection they are for, and leave as one copy of the right size.
const scratch: Uint8Array = Buffer.allocUnsafeSlow(131_072);
/** Content of one DATA frame at most. A turn of a stream is one such frame, then it is the next one's turn. */
const dataBytesMax = 16_384;
const progressBytes = 1024;

/**
 * What one connection has to say. Control frames first, then the streams in turn: heads, and one DATA frame each while
 * windows and the socket have room. Everything that is ready in one tick leaves in one write.
 */
export class Outbox {
  /** What the other side lets us send on the connection. */
  window: number = windowDefault;
  frameBytesMax: number = dataBytesMax;
  bytes = 0;
  /** DATA frames written so far. */
  dataFrames = 0;
  readonly #owner: OutboxOwner;
  readonly #output: ConnectionOutput;
  readonly #blocks: HeaderBlocks;
  #control: Uint8Array | undefined = undefined;
  #controlEnd = 0;
  #first: Stream | undefined = undefined;
  #last: Stream | undefined = undefined;
  /** Streams that only the window of the connection holds up. */
  #heldUp: Stream[] = [];
  #switched: Stream[] = [];
  #at = 0;
  #full = false;
  #closed = false;
  #soon = false;
  #flushing = false;

  constructor(owner: OutboxOwner, output: ConnectionOutput, blocks: HeaderBlocks) {
    this.#owner = owner;
    this.#output = output;
    this.#blocks = blocks;
  }

  /** Whether the other side has to read before there is room for more. */
  get full(): boolean {
    return this.#full;
  }

  /** Bytes of control frames that wait. */
  get controlBytes(): number {
    return this.#controlEnd;
  }

  /** Whether streams wait for the window of the connection. */
  get heldUp(): boolean {
    return this.#heldUp.length > 0;
  }

  /** Whether anything waits. */
  get waiting(): boolean {
    return this.#controlEnd > 0 || this.#first !== undefined || this.#heldUp.length > 0;
  }

  /** Queues a control frame. It leaves with the next flush. */
  control(type: number, flags: number, frame: { readonly id: number; readonly content: Uint8Array }): void {
    const { length } = frame.content;
    const at = this.#controlRoom(frameHeadBytes + length);
    const content = writeFrameHead(this.#control as Uint8Array, at, { type, flags, id: frame.id, length });
    (this.#control as Uint8Array).set(frame.content, content);
    this.#controlEnd = content + length;
  }

  /** Queues a control frame that holds one number: RST_STREAM or WINDOW_UPDATE. */
  controlNumber(type: number, id: number, value: number): void {
    const at = this.#controlRoom(frameHeadBytes + 4);
    const content = writeFrameHead(this.#control as Uint8Array, at, { type, flags: 0, id, length: 4 });
    this.#controlEnd = writeUint32(this.#control as Uint8Array, content, value);
  }

  /** Puts bytes in front of everything: the preface of a client. */
  preface(bytes: Uint8Array): void {
    const at = this.#controlRoom(bytes.length);
    (this.#control as Uint8Array).set(bytes, at);
    this.#controlEnd = at + bytes.length;
  }

  /** A stream has something to send, or may send again. */
  ready(stream: Stream): void {
    if (stream.scheduled || this.#closed) return;
    stream.scheduled = true;
    if (this.#last === undefined) this.#first = stream;
    else this.#last.next = stream;
    this.#last = stream;
  }

  /** The window of the connection has grown. */
  windowGrown(): void {
    const heldUp = this.#heldUp;
    this.#heldUp = [];
    for (const stream of heldUp) {
      stream.scheduled = false;
      this.ready(stream);
    }
  }

  /** Writes what waits once everything that is ready now has been added. */
  flushSoon(): void {
    if (this.#soon || this.#closed) return;
    this.#soon = true;
    process.nextTick(flushOf, this);
  }

  /** Like `flushSoon`, for a caller that answers may still follow in this tick: those leave together with what waits. */
  flushAfterAnswers(): void {
    if (this.#soon || this.#closed) return;
    this.#soon = true;
    queueMicrotask(() => process.nextTick(flushOf, this));
  }

  flush(): void {
    this.#soon = false;
    if (this.#closed || this.#flushing) return;
    this.#flushing = true;
    this.#at = 0;
    this.#writeControl();
    while (!this.#full && this.#first !== undefined) this.#turn();
    this.#spill();
    this.#flushing = false;
    this.#owner.flushed();
    if (this.#switched.length > 0) {
      const switched = this.#switched;
      this.#switched = [];
      for (const stream of switched) this.#owner.switched(stream);
    }
  }

  drained(): void {
    this.#full = false;
    this.flush();
  }

  close(): void {
    this.#closed = true;
    this.#control = undefined;
    this.#controlEnd = 0;
    this.#first = undefined;
    this.#last = undefined;
    this.#heldUp = [];
  }

  #controlRoom(bytes: number): number {
    const at = this.#controlEnd;
    const control = this.#control;
    if (control === undefined) this.#control = new Uint8Array(Math.max(256, bytes));
    else if (at + bytes > control.length) {
      this.#control = new Uint8Array(Math.max(control.length * 2, at + bytes));
      this.#control.set(control.subarray(0, at));
    }
    return at;
  }

  #writeControl(): void {
    const end = this.#controlEnd;
    if (end === 0 || this.#full) return;
    const control = this.#control as Uint8Array;
    for (let at = 0; at < end;) {
      const count = Math.min(end - at, scratch.length - this.#at);
      scratch.set(control.subarray(at, at + count), this.#at);
      this.#at += count;
      at += count;
      if (at < end) this.#spill();
    }
    this.#controlEnd = 0;
    if (control.length > 1024) this.#control = undefined;
  }

  /** Lets one stream write a head and one frame. */
  #turn(): void {
    const stream = this.#first as Stream;
    this.#first = stream.next;
    if (this.#first === undefined) this.#last = undefined;
    stream.next = undefined;
    stream.scheduled = false;
    if (stream.over || stream.localEnded) return;
    if (stream.continueOwed === "now") this.#writeContinue(stream);
    if (stream.interims !== undefined) this.#writeInterims(stream, stream.interims);
    if (stream.headOwed && !this.#writeHead(stream)) return;
    if (stream.queuedBytes > 0) this.#writeData(stream);
    else if (stream.ending) this.#writeEnd(stream);
  }

  #writeContinue(stream: Stream): void {
    stream.continueOwed = "no";
    if (!stream.headOwed && stream.response !== undefined) return;
    this.#blocks.begin();
    this.#blocks.field(":status", "100");
    this.#writeBlock(stream.id, 0);
  }

  #writeInterims(stream: Stream, interims: readonly Interim[]): void {
    stream.interims = undefined;
    for (const { status, headers } of interims) {
      this.#blocks.begin();
      this.#blocks.field(":status", String(status));
      try {
        this.#blocks.list(headers);
      } catch {
        // The answer says all that an interim one does.
        continue;
      }
      this.#writeBlock(stream.id, 0);
    }
  }

  /** False when nothing follows now. */
  #writeHead(stream: Stream): boolean {
    stream.headOwed = false;
    const follows = this.#owner.head(stream);
    if (follows === "none") return false;
    if (follows === "end") {
      this.#writeBlock(stream.id, frameFlags.endStream);
      this.#end(stream);
      return false;
    }
    this.#writeBlock(stream.id, 0);
    if (stream.switching) this.#switched.push(stream);
    return true;
  }

  #writeData(stream: Stream): void {
    const length = Math.min(stream.queuedBytes, stream.sendWindow, this.window, this.frameBytesMax, dataBytesMax);
    if (length <= 0) {
      this.#owner.blocked(stream);
      // A stream whose own window is shut comes back when it grows.
      if (stream.sendWindow > 0) {
        stream.scheduled = true;
        this.#heldUp.push(stream);
      }
      return;
    }
    const isLast = length === stream.queuedBytes && stream.ending && stream.trailers === undefined;
    this.#room(frameHeadBytes + length);
    const flags = isLast ? frameFlags.endStream : 0;
    let at = writeFrameHead(scratch, this.#at, { type: frameTypes.data, flags, id: stream.id, length });
    const end = at + length;
    while (at < end) at = takeChunk(stream, at, end);
    this.#at = end;
    this.dataFrames += 1;
    stream.sendWindow -= length;
    this.window -= length;
    stream.sent(length);
    // A reader that takes a few bytes at a time is not reading.
    if (length >= progressBytes || stream.queuedBytes === 0) stream.stallMs = Infinity;
    if (isLast) this.#end(stream);
    else if (stream.queuedBytes > 0) this.ready(stream);
    else if (stream.ending) this.#writeEnd(stream);
  }

  #writeEnd(stream: Stream): void {
    const { trailers } = stream;
    if (trailers !== undefined && trailers.length > 0) {
      if (!this.#owner.trailers(stream, trailers)) return;
      this.#writeBlock(stream.id, frameFlags.endStream);
    } else {
      this.#room(frameHeadBytes);
      this.#at = writeFrameHead(scratch, this.#at, { type: frameTypes.data, flags: frameFlags.endStream, id: stream.id, length: 0 });
      this.dataFrames += 1;
    }
    this.#end(stream);
  }

  #end(stream: Stream): void {
    stream.localEnded = true;
    this.#owner.ended(stream);
  }

  /** The block that has been made, in HEADERS and as many CONTINUATION as it takes. */
  #writeBlock(id: number, endStream: number): void {
    const { bytes, end } = this.#blocks;
    let from = 0;
    do {
      const length = Math.min(end - from, this.frameBytesMax, dataBytesMax);
      const type = from === 0 ? frameTypes.headers : frameTypes.continuation;
      const flags = (from === 0 ? endStream : 0) | (from + length === end ? frameFlags.endHeaders : 0);
      this.#room(frameHeadBytes + length);
      const at = writeFrameHead(scratch, this.#at, { type, flags, id, length });
      if (length <= 64) for (let index = 0; index < length; index += 1) scratch[at + index] = bytes[from + index] as number;
      else scratch.set(bytes.subarray(from, from + length), at);
      this.#at = at + length;
      from += length;
    } while (from < end);
  }

  #room(bytes: number): void {
    if (this.#at + bytes > scratch.length) this.#spill();
  }

  #spill(): void {
    const end = this.#at;
    if (end === 0) return;
    this.#at = 0;
    this.bytes += end;
    const copy = Buffer.allocUnsafe(end);
    copy.set(end === scratch.length ? scratch : scratch.subarray(0, end));
    if (!this.#output.write(copy, false)) this.#full = true;
  }
}

function flushOf(outbox: Outbox): void {
  outbox.flush();
}

/** Moves as much of the stream's first chunk as fits between `at` and `end` and answers where that ends. */
function takeChunk(stream: Stream, at: number, end: number): number {
  const chunk = stream.chunks[0] as Uint8Array;
  const from = stream.chunkAt;
  const count = Math.min(chunk.length - from, end - at);
  if (count <= 64) for (let index = 0; index < count; index += 1) scratch[at + index] = chunk[from + index] as number;
  else scratch.set(from === 0 && count === chunk.length ? chunk : chunk.subarray(from, from + count), at);
  if (from + count < chunk.length) stream.chunkAt = from + count;
  else {
    stream.chunkAt = 0;
    stream.chunks.shift();
  }
  return at + count;
}
