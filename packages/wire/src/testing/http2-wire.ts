import type { HttpHandler } from "../http.ts";
import { frameFlags, frameTypes, readUint32, writeFrameHead, writeUint32 } from "../http2/frame.ts";
import { HpackDecoder } from "../http2/hpack/decoder.ts";
import { HpackEncoder } from "../http2/hpack/encoder.ts";
import { Http2ServerConnection } from "../http2/server-connection.ts";
import { settingsFrom } from "../http2/settings.ts";
import { serverSettingsFrom, type ServerOptions, type ServerSettings } from "../options.ts";
import { MemoryOutput } from "./memory-output.ts";

/** The preface of a client. */
export const preface: Uint8Array = bytesOf("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Bytes of a text, one a character. */
export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** Several arrays in one. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** A frame of any type and flags. */
export function frame(kind: readonly [type: number, flags: number], id: number, content: Uint8Array = new Uint8Array(0)): Uint8Array {
  const [type, flags] = kind;
  const bytes = new Uint8Array(9 + content.length);
  bytes.set(content, writeFrameHead(bytes, 0, { type, flags, id, length: content.length }));
  return bytes;
}

/** SETTINGS; `[4, 10]` sets INITIAL_WINDOW_SIZE to 10. */
export function settings(...pairs: readonly (readonly [number, number])[]): Uint8Array {
  return frame([frameTypes.settings, 0], 0, settingsFrom(pairs));
}

/** A block of fields, in turn names and values, that uses no table. */
export function block(...fields: readonly string[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const name = bytesOf(fields[index] as string);
    const value = bytesOf(fields[index + 1] as string);
    parts.push(Uint8Array.of(0), lengthOf(name), name, lengthOf(value), value);
  }
  return joined(...parts);
}

function lengthOf(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(8);
  let at = 0;
  if (bytes.length < 127) return Uint8Array.of(bytes.length);
  out[at++] = 127;
  let rest = bytes.length - 127;
  for (; rest >= 128; rest >>>= 7) out[at++] = (rest & 127) | 128;
  out[at++] = rest;
  return out.subarray(0, at);
}

/** The pseudo-fields of a plain request. */
export const get: readonly string[] = [":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a.example"];
/** The pseudo-fields of a request with a body. */
export const post: readonly string[] = [":method", "POST", ":scheme", "http", ":path", "/", ":authority", "a.example"];

/** HEADERS with END_HEADERS; with END_STREAM when `end`. */
export function headers(id: number, fields: readonly string[], end = true): Uint8Array {
  return frame([frameTypes.headers, frameFlags.endHeaders | (end ? frameFlags.endStream : 0)], id, block(...fields));
}

/** DATA. */
export function data(id: number, content: string | Uint8Array, end = false): Uint8Array {
  return frame([frameTypes.data, end ? frameFlags.endStream : 0], id, typeof content === "string" ? bytesOf(content) : content);
}

/** A frame that holds one number: RST_STREAM or WINDOW_UPDATE. */
export function numberFrame(type: number, id: number, value: number): Uint8Array {
  const content = new Uint8Array(4);
  writeUint32(content, 0, value);
  return frame([type, 0], id, content);
}

/** A frame that was written. */
export interface SeenFrame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly content: Buffer;
  /** Of HEADERS: "name: value". */
  readonly fields: readonly string[];
  /** Of RST_STREAM, GOAWAY: the error code. Of WINDOW_UPDATE: the increment. */
  readonly number: number;
}

/** Cuts what a connection wrote into frames. `decoder` keeps the table of header blocks between calls. */
export function framesOf(bytes: Uint8Array, decoder: HpackDecoder = new HpackDecoder(4096)): SeenFrame[] {
  const seen: SeenFrame[] = [];
  let pending: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    const type = bytes[at + 3] as number;
    const flags = bytes[at + 4] as number;
    const content = Buffer.from(bytes.subarray(at + 9, at + 9 + length));
    if (content.length < length) throw new Error(`expected ${length} bytes of content, found ${content.length}`);
    const fields: string[] = [];
    if (type === frameTypes.headers || type === frameTypes.continuation) {
      pending.push(content);
      if ((flags & frameFlags.endHeaders) !== 0) {
        const whole = Buffer.concat(pending);
        pending = [];
        decoder.decode(whole, { at: 0, end: whole.length }, { field: (field) => void fields.push(`${field.name}: ${field.value}`) });
      }
    }
    const numberAt = type === frameTypes.goAway ? 4 : 0;
    const number =
      type === frameTypes.reset || type === frameTypes.goAway || type === frameTypes.windowUpdate ? readUint32(content, numberAt) : 0;
    seen.push({ type, flags, id: readUint32(bytes, at + 5), content, fields, number });
    at += 9 + length;
  }
  return seen;
}

/** A server's HTTP/2 connection in memory. */
export interface Http2Conversation {
  readonly connection: Http2ServerConnection;
  readonly output: MemoryOutput;
  readonly settings: ServerSettings;
  /** For blocks that shall use a table. */
  readonly encoder: HpackEncoder;
  /** All frames written so far. */
  frames(): SeenFrame[];
}

/** Opens one. It has heard nothing yet. */
export function http2Conversation(handler: HttpHandler, options: ServerOptions = {}, roomBytes?: number): Http2Conversation {
  const output = new MemoryOutput(roomBytes);
  const made = serverSettingsFrom(options);
  const connection = new Http2ServerConnection(handler, made, { output, peer: { address: "memory", secure: false } });
  output.onDestroy = () => connection.closed();
  return { connection, output, settings: made, encoder: new HpackEncoder(4096), frames: () => framesOf(Buffer.concat(output.writes)) };
}

/** The frames of one stream, as "TYPE" or "TYPE:END". */
export function told(frames: readonly SeenFrame[], id: number): string[] {
  const names = ["DATA", "HEADERS", "PRIORITY", "RESET"];
  return frames
    .filter((one) => one.id === id && one.type < 4)
    .map((one) => `${names[one.type] ?? ""}${(one.flags & 1) === 1 ? ":END" : ""}`);
}

/** All DATA of one stream. */
export function content(frames: readonly SeenFrame[], id: number): Buffer {
  return Buffer.concat(frames.filter((one) => one.id === id && one.type === 0).map((one) => one.content));
}

/** Numbers in [0, 1) from a seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
