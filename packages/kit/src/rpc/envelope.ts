import type { Reason } from "../fault.ts";
import { fault } from "../fault.ts";
import type { Envelope, FrameLimits } from "./frame-reader.ts";
import { FrameReader } from "./frame-reader.ts";

export type { Envelope } from "./frame-reader.ts";

/** Bit 0 of the flags: the data is compressed. */
export const envelopeCompressed = 1;

/** Bit 1 of the flags: the data is the end message of a Connect stream. */
export const envelopeEnd = 2;

/** What a reader of envelopes bounds, and which reasons it gives. */
export interface EnvelopeLimits extends FrameLimits {
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
  const reader = new FrameReader(body, limits);
  try {
    do {
      for (let envelope = reader.take(); envelope !== undefined; envelope = reader.take()) yield envelope;
    } while (await reader.more());
  } finally {
    reader.leave();
  }
  if (reader.bytes > 0) throw fault(limits.truncated, `The stream ends inside an envelope, after ${reader.bytes} of its bytes.`);
}
