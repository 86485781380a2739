import type { Reason } from "../fault.ts";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import { joined } from "./http-send.ts";

/**
 * One way to compress messages. `decompress` throws or rejects with ENCODING_INVALID for what is malformed and with
 * DECOMPRESSED_TOO_LARGE as soon as the message would be larger than `bytesMax`: it never holds more.
 */
export interface Compressor {
  /** As headers name it: "gzip". */
  readonly name: string;
  compress(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
  decompress(bytes: Uint8Array, bytesMax: number): Uint8Array | Promise<Uint8Array>;
}

/**
 * The compressor that a header names (grpc-encoding, content-encoding, connect-content-encoding); undefined for none and for
 * "identity". Throws ENCODING_UNSUPPORTED.
 */
export function compressorFromHeader(header: string | undefined, known: readonly Compressor[]): Compressor | undefined {
  if (header === undefined || header === "identity" || header === "") return undefined;
  const found = compressorNamed(header, known);
  if (found) return found;
  const names = ["identity", ...known.map(({ name }) => name)].join(", ");
  throw fault(kitReasons.ENCODING_UNSUPPORTED, `Expected a message compressed by one of ${names}, found "${header.slice(0, 40)}".`);
}

/**
 * The first of ours that a list of the other side has (grpc-accept-encoding, accept-encoding, connect-accept-encoding);
 * undefined when it has none. What it gives a weight of 0 it does not take; other weights are passed over.
 */
export function compressorAccepted(header: string | undefined, ours: readonly Compressor[]): Compressor | undefined {
  if (header === undefined) return undefined;
  for (const compressor of ours) {
    if (header === compressor.name) return compressor;
    for (const entry of header.split(",", 32)) {
      const [name = "", ...parameters] = entry.split(";");
      const refused = parameters.some((parameter) => /^\s*q\s*=\s*0(?:\.0*)?\s*$/.test(parameter));
      if (!refused && name.trim() === compressor.name) return compressor;
    }
  }
  return undefined;
}

/** The names of compressors as a header lists them: "gzip". */
export function encodingList(known: readonly Compressor[]): string {
  return known.map(({ name }) => name).join(",");
}

/**
 * gzip by what browsers and Node share, without a thread of its own. In Node `rpc/node/gzip` is faster for small messages.
 * Source: Compression Standard, "CompressionStream"; RFC 1952.
 */
export const streamGzip: Compressor = {
  name: "gzip",
  compress: (bytes) => gather(new CompressionStream("gzip"), bytes, Infinity),
  decompress: (bytes, bytesMax) =>
    bytes.length === 0 ? bytes : gather(new DecompressionStream("gzip"), bytes, bytesMax).catch((thrown: unknown) => refuse(thrown)),
};

/** The Fault of a message that grows beyond its limit. */
export function decompressedTooLarge(bytesMax: number): Error {
  return fault(kitReasons.DECOMPRESSED_TOO_LARGE, `Expected a message of at most ${bytesMax} bytes once decompressed, found more.`);
}

function compressorNamed(name: string, known: readonly Compressor[]): Compressor | undefined {
  for (const compressor of known) if (compressor.name === name) return compressor;
  return undefined;
}

interface ByteTransform {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream;
}

async function gather(through: ByteTransform, bytes: Uint8Array, bytesMax: number): Promise<Uint8Array> {
  const writer = through.writable.getWriter();
  // What goes wrong is told by the reader.
  const written = writer.write(bytes).then(() => writer.close());
  written.catch(() => undefined);
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = through.readable.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    size += next.value.length;
    if (size > bytesMax) {
      await reader.cancel().catch(() => undefined);
      throw decompressedTooLarge(bytesMax);
    }
    chunks.push(next.value);
  }
  return joined(chunks, size);
}

function refuse(thrown: unknown): never {
  if ((thrown as { reason?: string }).reason === kitReasons.DECOMPRESSED_TOO_LARGE.reason) throw thrown;
  throw encodingInvalid("gzip", thrown);
}

/** The Fault of a message that cannot be decompressed. */
export function encodingInvalid(name: string, cause: unknown): Error {
  const reason: Reason = kitReasons.ENCODING_INVALID;
  return fault(reason, `Expected a message compressed by ${name}, found bytes that are not.`, { cause });
}
