import type { HeaderList } from "@weir/wire";
import type { Call } from "../../call.ts";
import type { Compressor } from "../compression.ts";
import { compressorAccepted } from "../compression.ts";
import { bytesFromEnvelope, envelopeCompressed } from "../envelope.ts";
import { prefixBytes } from "./method-codec.ts";
import type { Asked } from "./rpc-server.ts";

/** Set by the protocols themselves; a handler's reply metadata cannot name them. */
const reservedNames: ReadonlySet<string> = new Set([
  "content-type",
  "content-length",
  "content-encoding",
  "transfer-encoding",
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "host",
  "upgrade",
  "trailer",
  "connect-content-encoding",
  "connect-accept-encoding",
]);

/** Adds reply metadata from `from` on, leaving out what belongs to the protocols. */
export function addReply(list: HeaderList, metadata: readonly string[], from: number): void {
  for (let index = from; index + 1 < metadata.length; index += 2) {
    const name = metadata[index] as string;
    if (!reservedNames.has(name) && !name.startsWith("grpc-")) list.push(name, metadata[index + 1] as string);
  }
}

/** A call's trailers under names that begin with "trailer-", as Connect writes them among the headers. */
export function addPrefixedTrailers(list: HeaderList, call: Call): void {
  if (!call.hasReplyTrailers) return;
  const trailers: HeaderList = [];
  addReply(trailers, call.replyTrailers, 0);
  for (let index = 0; index + 1 < trailers.length; index += 2) list.push(`trailer-${trailers[index]}`, trailers[index + 1] as string);
}

/** What an answer is compressed by when it is large enough: the first of ours that the client takes. */
export function compressorOf(asked: Asked, accepted: string | undefined): Compressor | undefined {
  return accepted === undefined ? undefined : compressorAccepted(accepted, asked.server.compressors);
}

/** An envelope as it goes out: compressed when that pays. */
export function envelopeOut(bytes: Uint8Array, asked: Asked, compressor: Compressor | undefined): Uint8Array | Promise<Uint8Array> {
  if (compressor === undefined || bytes.length - prefixBytes < asked.server.compressBytesMin) return bytes;
  const compressed = compressor.compress(bytes.subarray(prefixBytes));
  return compressed instanceof Promise
    ? compressed.then((data) => bytesFromEnvelope(envelopeCompressed, data))
    : bytesFromEnvelope(envelopeCompressed, compressed);
}

/** Goes on with a value that may still be promised. */
export function whenThere<T, R>(value: T | Promise<T>, then: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(then) : then(value);
}
