import type { HeaderList } from "../http.ts";
import { WireError, wireReasons, type WireReason } from "../reasons.ts";
import { fieldKinds, fieldNameFrom, listHas } from "./syntax.ts";

/** What the header lines of one head say: the plain ones as a list, the framing ones apart. */
export interface HeadFields {
  headers: HeaderList;
  host: string | undefined;
  contentLength: string | undefined;
  transferEncoding: string | undefined;
  /** The Connection lines, joined. */
  connection: string | undefined;
  upgrade: string | undefined;
  expect: string | undefined;
}

/** What to call the refusals of a head; requests and answers have different names for them. */
export interface HeadReasons {
  readonly name: WireReason;
  readonly folded: WireReason;
  readonly hostRepeated: WireReason;
  readonly lengthRepeated: WireReason;
  readonly framing: WireReason;
  readonly tooMany: WireReason;
}

// Everything but tab, CR, LF, visible ASCII, space and 0x80 to 0xff; and CR or LF that stand alone.
const illegal = /[^\t\r\n\x20-\x7e\x80-\xff]|\r(?!\n)|(?<!\r)\n/;

/** Where the first byte stands that no head may hold, or -1. A CR at the very end is given the benefit of the doubt. */
export function illegalAt(text: string): number {
  const found = text.search(illegal);
  return found === text.length - 1 && text.charCodeAt(found) === 13 ? -1 : found;
}

/** The refusal of the illegal byte at `at`. */
export function illegalError(text: string, at: number): WireError {
  const code = text.charCodeAt(at);
  if (code === 10) return new WireError(wireReasons.LINE_FEED_BARE, `expected CR LF at the end of a line, found LF alone at byte ${at}`);
  if (code === 13) return new WireError(wireReasons.CARRIAGE_RETURN_BARE, `expected LF after CR, found CR alone at byte ${at}`);
  return new WireError(
    wireReasons.CONTROL_CHARACTER,
    `expected no control characters in the head, found 0x${code.toString(16)} at byte ${at}`,
  );
}

/**
 * Reads the header lines in `text` from `at` up to `end`, the end of the last line's CRLF. `text` has been checked by
 * `illegalAt`. Throws a WireError for what RFC 9112 §5 forbids and for what we do.
 */
export function headFieldsFrom(text: string, at: number, end: number, options: { countMax: number; reasons: HeadReasons }): HeadFields {
  const headers: string[] = [];
  const fields: HeadFields = {
    headers,
    host: undefined,
    contentLength: undefined,
    transferEncoding: undefined,
    connection: undefined,
    upgrade: undefined,
    expect: undefined,
  };
  let count = 0;
  while (at < end) {
    const colon = text.indexOf(":", at);
    const lineEnd = text.indexOf("\r", at);
    if (colon === -1 || colon > lineEnd) throw nameError(text, at, { colon: lineEnd, reasons: options.reasons });
    const field = fieldNameFrom(text.slice(at, colon));
    if (field === undefined) throw nameError(text, at, { colon, reasons: options.reasons });
    count += 1;
    if (count > options.countMax) {
      throw new WireError(options.reasons.tooMany, `expected at most ${options.countMax} header lines, found more`);
    }
    let from = colon + 1;
    let to = lineEnd;
    if (text.charCodeAt(from) === 32) from += 1;
    while (from < to && isBlank(text.charCodeAt(from))) from += 1;
    while (to > from && isBlank(text.charCodeAt(to - 1))) to -= 1;
    const value = text.slice(from, to);
    if (field.kind === fieldKinds.plain || field.kind === fieldKinds.date) headers.push(field.name, value);
    else takeSpecial(fields, value, { kind: field.kind, reasons: options.reasons });
    at = lineEnd + 2;
  }
  if (fields.connection !== undefined && !connectionKnown(fields.connection)) removeNamed(fields, fields.connection);
  return fields;
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

function nameError(text: string, at: number, found: { colon: number; reasons: HeadReasons }): WireError {
  const line = JSON.stringify(text.slice(at, Math.min(found.colon, at + 64)));
  if (isBlank(text.charCodeAt(at))) {
    return new WireError(found.reasons.folded, `expected a header name at the start of a line, found white space: ${line}`);
  }
  return new WireError(found.reasons.name, `expected a header name that is a token, then a colon, found ${line}`);
}

function takeSpecial(fields: HeadFields, value: string, found: { kind: number; reasons: HeadReasons }): void {
  switch (found.kind) {
    case fieldKinds.host:
      if (fields.host !== undefined) throw new WireError(found.reasons.hostRepeated, "expected one Host, found a second");
      fields.host = value;
      return;
    case fieldKinds.contentLength:
      if (fields.contentLength !== undefined) {
        throw new WireError(found.reasons.lengthRepeated, "expected one Content-Length, found a second");
      }
      fields.contentLength = value;
      return;
    case fieldKinds.transferEncoding:
      if (fields.transferEncoding !== undefined) {
        throw new WireError(found.reasons.framing, "expected one Transfer-Encoding, found a second");
      }
      fields.transferEncoding = value;
      return;
    case fieldKinds.connection:
      fields.connection = fields.connection === undefined ? value : `${fields.connection},${value}`;
      return;
    case fieldKinds.upgrade:
      fields.upgrade = fields.upgrade === undefined ? value : `${fields.upgrade},${value}`;
      return;
    case fieldKinds.expect:
      fields.expect = value;
      fields.headers.push("expect", value);
      return;
    default:
  }
}

function connectionKnown(value: string): boolean {
  return value === "keep-alive" || value === "close" || value === "Keep-Alive" || value === "Upgrade" || value === "upgrade";
}

/** Takes out what Connection names: it was meant for this hop only (RFC 9110 §7.6.1). */
function removeNamed(fields: HeadFields, connection: string): void {
  const named = new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
  named.delete("close");
  named.delete("keep-alive");
  named.delete("upgrade");
  if (named.size === 0) return;
  const kept: string[] = [];
  const { headers } = fields;
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string;
    if (!named.has(name)) kept.push(name, headers[index + 1] as string);
  }
  fields.headers = kept;
}

/** Whether the connection may serve another message after this one (RFC 9112 §9.3). HTTP/1.0 is never kept. */
export function isKeptAlive(fields: HeadFields, minor: number): boolean {
  if (minor === 0) return false;
  return fields.connection === undefined || !listHas(fields.connection, "close");
}

const lengthPattern = /^[0-9]{1,15}$/;

/** The length that Content-Length says, or -1 when it is not one plain number of at most 15 digits. */
export function contentLengthFrom(text: string): number {
  return lengthPattern.test(text) ? Number(text) : -1;
}
