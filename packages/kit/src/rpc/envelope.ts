import type { Reason } from "../fault.ts";
import { fault } from "../fault.ts";

/** Bit 0 of the flags: the data is compressed. */
export const envelopeCompressed = 1;

/** Bit 1 of the flags: the data is the end message of a Connect stream. */
export const envelopeEnd = 2;

/** One length-prefixed message: a byte of flags, four bytes of length (big endian), the data. */
export interface Envelope {
  readonly flags: number;
  readonly data: Uint8Array;
}

/** What a reader of envelopes bounds, and which reasons it gives. */
export interface EnvelopeLimits {
  /** Bytes of one message at most. */
  readonly bytesMax: number;
  /** Given when a message is larger. */
  readonly tooLarge: Reason;
  /** Given when the bytes end inside an envelope. */
  readonly truncated: Reason;
}

const prefixBytes = 5;

/** Puts the prefix before the data. Source: Connect protocol, "Enveloped-Message". */
export function bytesFromEnvelope(flags: number, data: Uint8Array): Uint8Array {
  const { length } = data;
  const bytes = new Uint8Array(prefixBytes + length);
  bytes[0] = flags;
  // By hand: a DataView would move the bytes of a small array out of the heap.
  bytes[1] = length >>> 24;
  bytes[2] = length >>> 16;
  bytes[3] = length >>> 8;
  bytes[4] = length;
  bytes.set(data, prefixBytes);
  return bytes;
}

/**
 * Cuts a body into envelopes however the bytes were split. Memory is bounded by one message and one chunk.
 * Leaving the loop early leaves the body too. Rejects with the reasons of `limits`, and with what the body rejects with.
 */
export async function* envelopesFromBody(
  body: Uint8Array | AsyncIterable<Uint8Array> | undefined,
  limits: EnvelopeLimits,
): AsyncGenerator<Envelope, void, undefined> {
  if (body === undefined) return;
  const gathered = new ChunkQueue();
  for await (const chunk of body instanceof Uint8Array ? [body] : body) {
    gathered.push(chunk);
    for (;;) {
      const envelope = takeEnvelope(gathered, limits);
      if (!envelope) break;
      yield envelope;
    }
  }
  if (gathered.bytes > 0) throw fault(limits.truncated, `The stream ends inside an envelope, after ${gathered.bytes} of its bytes.`);
}

function takeEnvelope(gathered: ChunkQueue, limits: EnvelopeLimits): Envelope | undefined {
  if (gathered.bytes < prefixBytes) return undefined;
  const prefix = gathered.peek(prefixBytes);
  const bytes = new DataView(prefix.buffer, prefix.byteOffset).getUint32(1);
  if (bytes > limits.bytesMax) throw fault(limits.tooLarge, `Expected a message of at most ${limits.bytesMax} bytes, found ${bytes}.`);
  if (gathered.bytes < prefixBytes + bytes) return undefined;
  const flags = prefix[0] as number;
  gathered.take(prefixBytes);
  return { flags, data: gathered.take(bytes) };
}

/** Chunks in order; joined only when a message spans them, so that a large message costs one copy. */
class ChunkQueue {
  bytes = 0;
  #chunks: Uint8Array[] = [];

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.bytes += chunk.length;
  }

  /** The first `count` bytes, left in place. There must be as many. */
  peek(count: number): Uint8Array {
    const first = this.#chunks[0] as Uint8Array;
    if (first.length >= count) return first.subarray(0, count);
    const joined = new Uint8Array(this.bytes);
    let at = 0;
    for (const chunk of this.#chunks) {
      joined.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks = [joined];
    return joined.subarray(0, count);
  }

  /** The first `count` bytes, taken out. There must be as many. */
  take(count: number): Uint8Array {
    if (count === 0) return new Uint8Array(0);
    const taken = this.peek(count);
    const first = this.#chunks[0] as Uint8Array;
    if (first.length === count) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(count);
    this.bytes -= count;
    return taken;
  }
}
