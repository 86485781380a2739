import type { Body } from "@weir/wire";
import { fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import type { Compressor } from "../compression.ts";
import type { Envelope, EnvelopeLimits } from "../envelope.ts";
import { envelopeCompressed, envelopesFromBody } from "../envelope.ts";
import type { MethodCodec } from "./method-codec.ts";
import { prefixBytes } from "./method-codec.ts";
import type { Asked } from "./rpc-server.ts";

/** How the messages of one request are written. */
export interface MessageReading {
  readonly codec: MethodCodec;
  /** What the headers say that the messages may be compressed by. */
  readonly compressor: Compressor | undefined;
}

/** The messages of a stream in their order, each read when it is asked for. Rejects with a Fault, and as the body does. */
export async function* messagesFromBody(body: Body, asked: Asked, reading: MessageReading): AsyncGenerator<unknown, void, undefined> {
  const limits = envelopeLimits(asked);
  for await (const envelope of envelopesFromBody(body, limits)) {
    const message = messageFromEnvelope(envelope, asked, reading);
    yield message instanceof Promise ? await message : message;
  }
}

/** The one message of a body: at once when the body is whole, right and not compressed. Throws or rejects with a Fault. */
export function onlyMessage(body: Body, asked: Asked, reading: MessageReading): unknown {
  const bytes = body === undefined || body instanceof Uint8Array ? body : body.whole;
  if (bytes === undefined || bytes.length < prefixBytes) return onlyMessageOfStream(bytes ?? body, asked, reading);
  const length = (bytes[1] as number) * 0x100_0000 + ((bytes[2] as number) << 16) + ((bytes[3] as number) << 8) + (bytes[4] as number);
  // What is wrong is found out where bodies in pieces are read, so that it has one name.
  if (length !== bytes.length - prefixBytes || length > asked.server.requestBytesMax) return onlyMessageOfStream(bytes, asked, reading);
  // Not subarray, which would make a Buffer of a Buffer.
  const data = new Uint8Array(bytes.buffer, bytes.byteOffset + prefixBytes, length);
  return bytes[0] === 0 ? reading.codec.decode(data) : messageFromEnvelope({ flags: bytes[0] as number, data }, asked, reading);
}

async function onlyMessageOfStream(body: Body, asked: Asked, reading: MessageReading): Promise<unknown> {
  let found: { readonly message: unknown } | undefined;
  for await (const message of messagesFromBody(body, asked, reading)) {
    if (found) throw countInvalid(asked, "more");
    found = { message };
  }
  if (!found) throw countInvalid(asked, "none");
  return found.message;
}

function messageFromEnvelope({ flags, data }: Envelope, asked: Asked, { codec, compressor }: MessageReading): unknown {
  if (flags === 0) return codec.decode(data);
  if (flags !== envelopeCompressed) throw fault(kitReasons.ENVELOPE_INVALID, `Expected the flags 0 or 1 of a message, found ${flags}.`);
  if (!compressor) {
    // The implementations of gRPC answer this with INTERNAL, and their tests ask for it.
    const reason = { ...kitReasons.ENCODING_INVALID, code: "INTERNAL" as const };
    throw fault(reason, "Expected a message that is not compressed, as no header says by what it would be, found one that is.");
  }
  const bytes = compressor.decompress(data, asked.server.requestBytesMax);
  return bytes instanceof Promise ? bytes.then((whole) => codec.decode(whole)) : codec.decode(bytes);
}

function envelopeLimits({ server }: Asked): EnvelopeLimits {
  return { bytesMax: server.requestBytesMax, tooLarge: kitReasons.REQUEST_TOO_LARGE, truncated: kitReasons.ENVELOPE_INVALID };
}

function countInvalid({ method }: Asked, found: string): Error {
  return fault(kitReasons.REQUEST_COUNT_INVALID, `Expected one message for ${method.descriptor.path}, found ${found}.`);
}
