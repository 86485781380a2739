import { base64FromBytes, bytesFromBase64 } from "../contract/base64.ts";
import type { Reason } from "../fault.ts";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import { bytesFromEnvelope } from "./envelope.ts";

/** Bit 7 of an envelope's flags: its data is the trailers. Source: gRPC Web, "Message framing". */
export const envelopeTrailers = 0x80;

/** The trailers of an answer as its last envelope, prefix and all. Names are lower case, as they must be here. */
export function bytesFromTrailers(trailers: readonly string[]): Uint8Array {
  let text = "";
  for (let index = 0; index + 1 < trailers.length; index += 2) text += `${trailers[index]}: ${trailers[index + 1]}\r\n`;
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytesFromEnvelope(envelopeTrailers, bytes);
}

/** Reads the data of a trailers envelope into names in lower case and values. Throws PEER_ANSWER_INVALID for a line without a colon. */
export function trailersFromBytes(data: Uint8Array): string[] {
  const trailers: string[] = [];
  for (const line of latin1.decode(data).split(/\r?\n/)) {
    if (line === "") continue;
    const colon = line.indexOf(":");
    if (colon < 1) throw fault(kitReasons.PEER_ANSWER_INVALID, `Expected "name: value" as trailer, found "${line.slice(0, 40)}".`);
    trailers.push(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return trailers;
}

/** A piece of a body in the text form of gRPC-Web: base64, padded by itself, as bytes of ASCII. */
export function textFromBody(bytes: Uint8Array): Uint8Array {
  return new TextEncoder().encode(base64FromBytes(bytes));
}

/** Reads the text form piece by piece. Holds at most three characters between pieces. */
export interface TextBodyReader {
  /** The bytes that are whole so far. Throws the reason for anything that is not base64. */
  push(piece: Uint8Array): Uint8Array;
  /** What is left at the end: padding may be missing there. */
  end(): Uint8Array;
}

/** A reader of the text form, which may be padded wherever its sender flushed. `reason` is given for what is not base64. */
export function createTextBodyReader(reason: Reason): TextBodyReader {
  let rest = "";
  const decoded = (text: string): Uint8Array => {
    const bytes = bytesFromBase64(text);
    if (!bytes) throw fault(reason, "Expected base64 as body, found other characters.");
    return bytes;
  };
  return {
    push(piece) {
      const text = rest + latin1.decode(piece);
      const whole = text.length - (text.length % 4);
      rest = text.slice(whole);
      return joined(segments(text.slice(0, whole)).map((segment) => decoded(segment)));
    },
    end() {
      const text = rest;
      rest = "";
      return decoded(text);
    },
  };
}

/** A body in the text form as the bytes that it stands for. Rejects with `reason`, and as the body does. */
export async function* bytesFromTextBody(body: AsyncIterable<Uint8Array>, reason: Reason): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = createTextBodyReader(reason);
  for await (const piece of body) {
    const bytes = reader.push(piece);
    if (bytes.length > 0) yield bytes;
  }
  const last = reader.end();
  if (last.length > 0) yield last;
}

const latin1 = new TextDecoder("latin1");

/** Cuts text of whole quads behind each that is padded. */
function segments(text: string): string[] {
  const found: string[] = [];
  let from = 0;
  for (let pad = text.indexOf("="); pad !== -1; pad = text.indexOf("=", from)) {
    const end = pad - (pad % 4) + 4;
    found.push(text.slice(from, end));
    from = end;
  }
  if (from < text.length) found.push(text.slice(from));
  return found;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array;
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
