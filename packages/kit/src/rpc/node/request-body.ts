import { isUtf8 } from "node:buffer";
import type { Body } from "@weir/wire";
import { fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";

const nothing = new Uint8Array(0);

/**
 * Hands a whole body on: at once when it arrived whole, else when it has been read. Rejects or throws REQUEST_TOO_LARGE; the rest
 * of a body that is too large is not read.
 */
export function withBody<T>(body: Body, bytesMax: number, then: (bytes: Uint8Array) => Promise<T>): Promise<T> {
  if (body === undefined) return then(nothing);
  if (!(body instanceof Uint8Array)) return gather(body, bytesMax).then(then);
  if (body.length > bytesMax) throw tooLarge(bytesMax, body.length);
  return then(body);
}

/** Text of bytes that must be UTF-8. Throws JSON_INVALID. */
export function textFromUtf8(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw fault(kitReasons.JSON_INVALID, "Expected UTF-8, found other bytes.");
  return Buffer.isBuffer(bytes) ? bytes.toString("utf8") : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
}

async function gather(body: AsyncIterable<Uint8Array> & { readonly length?: number | undefined }, bytesMax: number): Promise<Uint8Array> {
  if (body.length !== undefined && body.length > bytesMax) throw tooLarge(bytesMax, body.length);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLarge(bytesMax, bytes);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks, bytes);
}

function tooLarge(bytesMax: number, bytes: number): Error {
  return fault(kitReasons.REQUEST_TOO_LARGE, `Expected a body of at most ${bytesMax} bytes, found ${bytes} or more.`);
}
