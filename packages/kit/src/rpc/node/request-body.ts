import { isUtf8 } from "node:buffer";
import type { Body } from "@weir/wire";
import { fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";

const nothing = new Uint8Array(0);

/**
 * A whole body: at once when it arrived whole, else a promise. Throws or rejects with REQUEST_TOO_LARGE; the rest of a body that is too
 * large is not read.
 */
export function wholeBody(body: Body, bytesMax: number): Uint8Array | Promise<Uint8Array> {
  if (body === undefined) return nothing;
  const bytes = body instanceof Uint8Array ? body : body.whole;
  if (bytes === undefined) return gather(body as Exclude<Body, Uint8Array | undefined>, bytesMax);
  if (bytes.length > bytesMax) throw tooLarge(bytesMax, bytes.length);
  return bytes;
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
