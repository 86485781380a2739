import type { Body } from "./http.ts";
import { WireError, wireReasons } from "./reasons.ts";

const nothing = new Uint8Array(0);

/** All bytes of a body, whichever form it has. Rejects with BODY_TOO_LARGE beyond `bytesMax`, and as the stream does. */
export async function readBody(body: Body, bytesMax: number): Promise<Uint8Array> {
  if (body === undefined) return nothing;
  if (body instanceof Uint8Array) {
    if (body.length > bytesMax) throw tooLarge(bytesMax);
    return body;
  }
  if (body.length !== undefined && body.length > bytesMax) throw tooLarge(bytesMax);
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    parts.push(part);
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts, bytes);
}

function tooLarge(bytesMax: number): WireError {
  return new WireError(wireReasons.BODY_TOO_LARGE, `expected a body of at most ${bytesMax} bytes, found more`);
}
