import { promisify } from "node:util";
import { gunzip, gunzipSync, gzip as gzipAsync, gzipSync } from "node:zlib";
import type { Compressor } from "../compression.ts";
import { decompressedTooLarge, encodingInvalid } from "../compression.ts";

/** Beyond this many bytes of input the work is done on a thread of the platform, so that the loop goes on. */
const syncBytesMax = 65_536;

const gunzipThread = promisify(gunzip);
const gzipThread = promisify(gzipAsync);

/** gzip by Node's zlib, at level 1: small messages at once, larger ones on a thread. Source: RFC 1952. */
export const gzip: Compressor = {
  name: "gzip",
  compress: (bytes) => (bytes.length <= syncBytesMax ? gzipSync(bytes, { level: 1 }) : gzipThread(bytes, { level: 1 })),
  decompress(bytes, bytesMax) {
    // What is compressed into nothing is taken as nothing, as the implementations of gRPC do.
    if (bytes.length === 0) return bytes;
    const options = { maxOutputLength: Math.max(1, bytesMax), info: true } as const;
    if (bytes.length > syncBytesMax) {
      return gunzipThread(bytes, options).then(
        (found) => takeAll(found, bytes, bytesMax),
        (thrown: unknown) => refuse(thrown, bytesMax),
      );
    }
    let found: unknown;
    try {
      found = gunzipSync(bytes, options);
    } catch (thrown) {
      refuse(thrown, bytesMax);
    }
    return takeAll(found, bytes, bytesMax);
  },
};

/** Bytes behind the end of the compressed data are no part of any message. */
function takeAll(found: unknown, bytes: Uint8Array, bytesMax: number): Uint8Array {
  const { buffer, engine } = found as { readonly buffer: Uint8Array; readonly engine: { readonly bytesWritten: number } };
  if (engine.bytesWritten !== bytes.length) throw encodingInvalid("gzip", new Error(`${engine.bytesWritten} of ${bytes.length} bytes`));
  if (buffer.length > bytesMax) throw decompressedTooLarge(bytesMax);
  return buffer;
}

function refuse(thrown: unknown, bytesMax: number): never {
  if ((thrown as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") throw decompressedTooLarge(bytesMax);
  throw encodingInvalid("gzip", thrown);
}
