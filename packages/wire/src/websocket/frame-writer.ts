import { latin1From, type ConnectionOutput } from "../http1/output.ts";
import { applyMask, frameBits, frameHead, opcodes } from "./frame.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { WebSocketSettings } from "./options.ts";

const joinBytesMax = 16_384;
const scratch = Buffer.allocUnsafeSlow(joinBytesMax);
const done: Promise<void> = Promise.resolve();

interface Room {
  resolve(): void;
  reject(error: Error): void;
}

// Connections that have something to write once everything that is ready in this tick has been added.
let dirty: FrameWriter[] = [];

function flushAll(): void {
  const writers = dirty;
  dirty = [];
  for (const writer of writers) writer.flush();
}

/** Writes the frames of one connection, small ones of one tick together. */
export class FrameWriter {
  readonly #output: ConnectionOutput;
  readonly #settings: WebSocketSettings;
  readonly #masked: boolean;
  readonly #heartbeat: Heartbeat;
  #text = "";
  #full = false;
  #closed = false;
  #dirty = false;
  #unsent = 0;
  #reserved = 0;
  #room: Room[] | undefined = undefined;

  constructor(output: ConnectionOutput, options: { settings: WebSocketSettings; masked: boolean; heartbeat: Heartbeat }) {
    this.#output = output;
    this.#settings = options.settings;
    this.#masked = options.masked;
    this.#heartbeat = options.heartbeat;
  }

  /** Whether the other side has to read before there is room for more. */
  get full(): boolean {
    return this.#full;
  }

  /** Bytes that wait behind a full output, or for its turn, and those that were reserved. */
  get unsent(): number {
    return this.#unsent + this.#reserved + (this.#full ? this.#text.length : 0);
  }

  /** Counts bytes that will be written later; less than 0 once they are. */
  reserve(bytes: number): void {
    this.#reserved += bytes;
  }

  /** Whether `bytes` more may wait. */
  fits(bytes: number): boolean {
    const { unsent } = this;
    return unsent === 0 || unsent + bytes <= this.#settings.limits.sendBytesMax;
  }

  /** A text message of `bytes` bytes in UTF-8. */
  text(data: string, bytes: number): void {
    if (bytes === data.length && bytes <= joinBytesMax && !this.#masked && bytes <= this.#settings.limits.sendFrameBytesMax) {
      this.#add(frameHead(frameBits.final | opcodes.text, bytes, undefined) + data);
    } else if (bytes <= joinBytesMax) {
      scratch.write(data, 0, bytes, "utf8");
      this.#message(opcodes.text, scratch, bytes);
    } else this.message(opcodes.text, Buffer.from(data));
  }

  /** A message; `first` is its opcode, with the bit for compression when it is. The bytes stay the caller's and unchanged. */
  message(first: number, bytes: Uint8Array): void {
    this.#message(first, bytes, bytes.length);
  }

  /** A control frame. */
  control(opcode: number, payload: Uint8Array): void {
    this.#frame(frameBits.final | opcode, payload, { from: 0, to: payload.length });
  }

  /** Writes what waits. */
  flush(): void {
    this.#dirty = false;
    const text = this.#text;
    if (text === "" || this.#closed) return;
    this.#text = "";
    this.#write(text, false);
  }

  /** Resolves when there is room. */
  room(): Promise<void> {
    if (!this.#full) return done;
    return new Promise((resolve, reject) => {
      (this.#room ??= []).push({ resolve, reject });
    });
  }

  drained(): void {
    this.#full = false;
    this.#unsent = 0;
    const room = this.#room;
    this.#room = undefined;
    if (room !== undefined) for (const one of room) one.resolve();
  }

  /** Nothing more can be written. */
  close(error: Error): void {
    this.#closed = true;
    this.#text = "";
    const room = this.#room;
    this.#room = undefined;
    if (room !== undefined) for (const one of room) one.reject(error);
  }

  #message(first: number, bytes: Uint8Array, length: number): void {
    const { sendFrameBytesMax } = this.#settings.limits;
    let opcode = first;
    let from = 0;
    for (; length - from > sendFrameBytesMax; from += sendFrameBytesMax) {
      this.#frame(opcode, bytes, { from, to: from + sendFrameBytesMax });
      opcode = opcodes.continuation;
    }
    this.#frame(opcode | frameBits.final, bytes, { from, to: length });
  }

  #frame(first: number, bytes: Uint8Array, range: { readonly from: number; readonly to: number }): void {
    const { from, to } = range;
    const mask = this.#masked ? this.#settings.mask() : undefined;
    const head = frameHead(first, to - from, mask);
    if (to - from > joinBytesMax) {
      this.#text += head;
      let payload = bytes.subarray(from, to);
      if (mask !== undefined) {
        // What is sent stays the caller's, so it is masked in a copy.
        payload = Buffer.from(payload);
        applyMask(payload, { from: 0, to: payload.length }, mask);
      }
      this.#flushWith(payload);
      return;
    }
    if (mask === undefined) this.#add(head + latin1From(bytes, from, to));
    else {
      // Text stands in the scratch already; other bytes are copied there.
      const place = bytes === scratch ? from : 0;
      if (bytes !== scratch) Buffer.prototype.copy.call(bytes, scratch, 0, from, to);
      applyMask(scratch, { from: place, to: place + to - from }, mask);
      this.#add(head + latin1From(scratch, place, place + to - from));
    }
  }

  #add(text: string): void {
    this.#text += text;
    if (this.#text.length > joinBytesMax * 2) this.flush();
    else if (!this.#dirty) {
      this.#dirty = true;
      if (dirty.length === 0) process.nextTick(flushAll);
      dirty.push(this);
    }
  }

  #flushWith(bytes: Uint8Array): void {
    const text = this.#text;
    this.#text = "";
    if (this.#closed) return;
    this.#write(text, true);
    this.#write(bytes, false);
  }

  #write(data: string | Uint8Array, more: boolean): void {
    const before = this.#full;
    if (this.#output.write(data, more) && !before) return;
    this.#unsent += data.length;
    if (before) return;
    this.#full = true;
    this.#heartbeat.filled();
  }
}
