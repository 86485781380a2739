import type { Socket } from "node:net";
import { HpackDecoder } from "@weir/wire/hpack/decoder";

/** What the connections of one load have in common, and where they count. */
export interface GrpcTally {
  /** Frames of one call: HEADERS and DATA with stream 0, in whose place each call writes its own. */
  readonly first: Uint8Array;
  /** The same once the server's table holds the fields. */
  readonly next: Uint8Array;
  /** The message of a good answer with its five bytes of prefix. */
  readonly expected: Buffer;
  /** Calls at once on one connection. */
  readonly streams: number;
  answered: number;
  failures: number;
  /** Told of the time at which a call was due, once it has been answered. */
  settled(connection: GrpcConnection, dueMs: number): void;
}

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const windowMax = 0x7fff_ffff;
const headBytes = 9;
const types = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, continuation: 9 } as const;

/** SETTINGS with the largest window and no push, and as large a window for the connection: nothing need be given back. */
const opening = Buffer.concat([
  preface,
  Buffer.from([0, 0, 12, types.settings, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff]),
  Buffer.from([0, 0, 4, 8, 0, 0, 0, 0, 0, 0x7f, 0xff, 0x00, 0x00]),
]);

/**
 * One connection of a gRPC load. It writes calls that were put together before, and looks at every byte of every answer: the
 * message must be the one expected and the trailers must say grpc-status 0. Header blocks that do not change the table are
 * remembered by their bytes, which is what makes looking cheap.
 */
export class GrpcConnection {
  readonly #socket: Socket;
  readonly #tally: GrpcTally;
  readonly #decoder = new HpackDecoder(4096);
  readonly #blocks = new Map<string, string>();
  #generation = -1;
  #rest: Buffer = Buffer.alloc(0);
  #id = 1;
  #isFirst = true;
  #isOver = false;
  /** Streams in their places: id, time at which the call was due, bytes of the answer seen, whether grpc-status was 0. */
  readonly #mask: number;
  readonly #ids: Int32Array;
  readonly #dueMs: Float64Array;
  readonly #seen: Int32Array;
  readonly #fine: Uint8Array;
  #waiting: number[] = [];
  #fragments: Buffer[] = [];
  open = 0;

  constructor(socket: Socket, tally: GrpcTally) {
    this.#socket = socket;
    this.#tally = tally;
    const places = 1 << (32 - Math.clz32(Math.max(1024, tally.streams * 64) - 1));
    this.#mask = places - 1;
    this.#ids = new Int32Array(places);
    this.#dueMs = new Float64Array(places);
    this.#seen = new Int32Array(places);
    this.#fine = new Uint8Array(places);
    socket.write(opening);
    socket.on("error", () => this.#broken());
    socket.on("close", () => this.#broken());
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
  }

  /** Calls at the times given, and those that wait; what does not fit is called as answers come. */
  call(dueMs: readonly number[]): void {
    for (const one of dueMs) this.#waiting.push(one);
    const count = Math.min(this.#waiting.length, this.#tally.streams - this.open);
    if (count <= 0 || this.#isOver) return;
    const parts: Uint8Array[] = [];
    for (let index = 0; index < count; index++) parts.push(this.#framesFor(this.#waiting[index] ?? 0));
    this.#waiting = count === this.#waiting.length ? [] : this.#waiting.slice(count);
    this.#socket.write(parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts));
  }

  /** Calls that were due and have not been answered. */
  get owed(): number {
    return this.open + this.#waiting.length;
  }

  /** Lets go. What is on its way no longer counts. */
  end(): void {
    this.#isOver = true;
    this.#socket.destroy();
  }

  #framesFor(dueMs: number): Uint8Array {
    const { first, next } = this.#tally;
    const frames = Buffer.from(this.#isFirst ? first : next);
    this.#isFirst = false;
    const id = this.#id;
    this.#id += 2;
    frames.writeUInt32BE(id, 5);
    frames.writeUInt32BE(id, headBytes + frames.readUIntBE(0, 3) + 5);
    const place = (id >> 1) & this.#mask;
    if (this.#ids[place] !== 0) this.#tally.failures++;
    this.#ids[place] = id;
    this.#dueMs[place] = dueMs;
    this.#seen[place] = 0;
    this.#fine[place] = 0;
    this.open++;
    return frames;
  }

  #broken(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#tally.failures += Math.max(1, this.open);
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= headBytes) {
      const end = at + headBytes + (((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number));
      if (end > bytes.length) break;
      this.#frame(bytes, at, end);
      at = end;
    }
    this.#rest = at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
    if (this.#waiting.length > 0) this.call([]);
  }

  #frame(bytes: Buffer, head: number, end: number): void {
    const type = bytes[head + 3] as number;
    const flags = bytes[head + 4] as number;
    const id = bytes.readUInt32BE(head + 5) & windowMax;
    let from = head + headBytes;
    let to = end;
    if (type <= types.headers && (flags & 8) !== 0) {
      to -= bytes[from] as number;
      from++;
    }
    if (type === types.data) this.#data(id, bytes, from, to);
    else if (type === types.headers) this.#block(id, bytes, (flags & 0x20) === 0 ? from : from + 5, to, flags);
    else if (type === types.continuation) this.#block(id, bytes, from, to, flags);
    else if (type === types.settings) this.#settings(bytes, from, to, flags);
    else if (type === types.ping && (flags & 1) === 0) this.#socket.write(pong(bytes, from));
    else if (type === types.reset) this.#failed(id);
    else if (type === types.goAway) this.#broken();
    if (type <= types.headers && (flags & 1) !== 0) this.#ended(id);
  }

  #settings(bytes: Buffer, from: number, to: number, flags: number): void {
    if ((flags & 1) !== 0) return;
    for (let at = from; at < to; at += 6) {
      // What was put together before uses the table that a server has by default.
      if (bytes.readUInt16BE(at) === 1 && bytes.readUInt32BE(at + 2) < 4096) this.#broken();
    }
    this.#socket.write(Buffer.from([0, 0, 0, types.settings, 1, 0, 0, 0, 0]));
  }

  #data(id: number, bytes: Buffer, from: number, to: number): void {
    const place = (id >> 1) & this.#mask;
    const seen = this.#seen[place] as number;
    const { expected } = this.#tally;
    const length = to - from;
    const isEqual = seen + length <= expected.length && expected.compare(bytes, from, to, seen, seen + length) === 0;
    this.#seen[place] = isEqual ? seen + length : expected.length + 1;
  }

  #block(id: number, bytes: Buffer, from: number, to: number, flags: number): void {
    if ((flags & 4) === 0 || this.#fragments.length > 0) {
      this.#fragments.push(Buffer.from(bytes.subarray(from, to)));
      if ((flags & 4) === 0) return;
      const whole = Buffer.concat(this.#fragments);
      this.#fragments = [];
      if (this.#statusIn(whole, 0, whole.length) === "0") this.#fine[(id >> 1) & this.#mask] = 1;
      return;
    }
    if (this.#statusIn(bytes, from, to) === "0") this.#fine[(id >> 1) & this.#mask] = 1;
  }

  /** The grpc-status of a header block; "" when it has none. */
  #statusIn(bytes: Buffer, from: number, to: number): string {
    if (this.#decoder.generation !== this.#generation) {
      this.#generation = this.#decoder.generation;
      this.#blocks.clear();
    }
    const key = bytes.toString("latin1", from, to);
    const known = this.#blocks.get(key);
    if (known !== undefined) return known;
    let status = "";
    const field = (one: { readonly name: string; readonly value: string }): void => {
      if (one.name === "grpc-status") status = one.value;
    };
    this.#decoder.decode(bytes, { at: from, end: to }, { field });
    if (this.#decoder.generation === this.#generation && this.#blocks.size < 64) this.#blocks.set(key, status);
    return status;
  }

  #ended(id: number): void {
    const place = (id >> 1) & this.#mask;
    if (this.#ids[place] !== id) return;
    if (this.#seen[place] !== this.#tally.expected.length || this.#fine[place] !== 1) return this.#failed(id);
    this.#ids[place] = 0;
    this.open--;
    this.#tally.answered++;
    this.#tally.settled(this, this.#dueMs[place] as number);
  }

  #failed(id: number): void {
    const place = (id >> 1) & this.#mask;
    if (this.#ids[place] !== id) return;
    this.#ids[place] = 0;
    this.open--;
    this.#tally.failures++;
    this.#tally.settled(this, this.#dueMs[place] as number);
  }
}

function pong(bytes: Buffer, from: number): Buffer {
  return Buffer.concat([Buffer.from([0, 0, 8, types.ping, 1, 0, 0, 0, 0]), bytes.subarray(from, from + 8)]);
}
