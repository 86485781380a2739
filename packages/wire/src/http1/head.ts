import type { HeaderList } from "../http.ts";
import { WireError, wireReasons, type WireReason } from "../reasons.ts";
import { fieldKinds, fieldSpellingFrom, listHas, listItems, type FieldSpelling } from "./syntax.ts";

/** What to call the refusals of a head; requests and answers have different names for them. */
export interface HeadReasons {
  readonly name: WireReason;
  readonly folded: WireReason;
  readonly hostRepeated: WireReason;
  readonly lengthRepeated: WireReason;
  readonly framing: WireReason;
  readonly tooMany: WireReason;
}

const namesRememberedMax = 32;
const cr = 13;
const lf = 10;
const colon = 58;

/**
 * The bytes of a head, and the same as text: bytes are faster to look through, text is faster to cut pieces from.
 * The first character of `text` is the byte at `base`; `text` may end before the head does.
 */
export interface HeadSource {
  text: string;
  bytes: Uint8Array;
  base: number;
}

/**
 * Reads header lines: the plain ones become a list, the framing ones stand apart. One for each connection, because a
 * client says the same names in the same order again and again: a name is first compared with the one that stood at its
 * place last time, which is cheaper than to cut it out and look it up.
 */
export class HeaderReader {
  headers: HeaderList = [];
  host: string | undefined = undefined;
  contentLength: string | undefined = undefined;
  transferEncoding: string | undefined = undefined;
  /** The Connection lines, joined. */
  connection: string | undefined = undefined;
  upgrade: string | undefined = undefined;
  expect: string | undefined = undefined;
  readonly #countMax: number;
  readonly #reasons: HeadReasons;
  readonly #spellings: FieldSpelling[] = [];

  constructor(countMax: number, reasons: HeadReasons) {
    this.#countMax = countMax;
    this.#reasons = reasons;
  }

  /**
   * Reads the lines from character `at` on up to the empty line and answers where that ends, or -1 when it is not there
   * yet. Throws a WireError for what RFC 9112 §5 forbids; which one of several faults is for `readHead` to say.
   */
  read(source: HeadSource, at: number): number {
    const { text, bytes, base } = source;
    const end = base + text.length;
    const headers: string[] = [];
    this.#reset(headers);
    let count = 0;
    for (let line = base + at; line < end;) {
      if (bytes[line] === cr) return line + 1 < end ? this.#endAt(source, line) : -1;
      // The name: where it stood last time, or cut out and looked up.
      let spelling = this.#spellings[count];
      let from: number;
      if (spelling !== undefined && startsWith(bytes, line, spelling.start)) from = line + spelling.start.length;
      else {
        from = nameEnd(bytes, line, end);
        if (from === end) return -1;
        spelling = this.#spelling(source, line, { to: from, count });
        from += 1;
      }
      if (count >= this.#countMax)
        throw new WireError(this.#reasons.tooMany, `expected at most ${this.#countMax} header lines, found more`);
      count += 1;
      // The value: everything up to CR LF, without the blanks around it.
      while (from < end && isBlank(bytes[from])) from += 1;
      const lineEnd = valueEnd(bytes, from, end);
      if (lineEnd + 1 >= end) return -1;
      if (bytes[lineEnd] !== cr || bytes[lineEnd + 1] !== lf) throw illegalError(text, lineEnd - base);
      let to = lineEnd;
      while (to > from && isBlank(bytes[to - 1])) to -= 1;
      line = lineEnd + 2;
      const value = text.slice(from - base, to - base);
      const { field } = spelling;
      if (field.kind === fieldKinds.plain || field.kind === fieldKinds.date) headers.push(field.name, value);
      else this.#takeSpecial(field.kind, value);
    }
    return -1;
  }

  #reset(headers: HeaderList): void {
    this.headers = headers;
    this.host = undefined;
    this.contentLength = undefined;
    this.transferEncoding = undefined;
    this.connection = undefined;
    this.upgrade = undefined;
    this.expect = undefined;
  }

  /** The name from `line` to the byte `to`, which has to be a colon. */
  #spelling(source: HeadSource, line: number, place: { to: number; count: number }): FieldSpelling {
    const { text, bytes, base } = source;
    const spelling = bytes[place.to] === colon ? fieldSpellingFrom(text.slice(line - base, place.to - base)) : undefined;
    if (spelling === undefined) throw this.#nameError(text, line - base);
    if (place.count < namesRememberedMax && spelling.start.length > 0) this.#spellings[place.count] = spelling;
    return spelling;
  }

  /** Where the head ends whose empty line begins at the byte `at`. */
  #endAt(source: HeadSource, at: number): number {
    if (source.bytes[at + 1] !== lf) throw illegalError(source.text, at - source.base);
    if (this.connection !== undefined && !connectionKnown(this.connection)) this.headers = withoutNamed(this.headers, this.connection);
    return at + 2 - source.base;
  }

  #nameError(text: string, at: number): WireError {
    const lineEnd = text.indexOf("\r", at);
    const line = JSON.stringify(text.slice(at, Math.min(lineEnd === -1 ? text.length : lineEnd, at + 64)));
    if (isBlank(text.charCodeAt(at))) {
      return new WireError(this.#reasons.folded, `expected a header name at the start of a line, found white space: ${line}`);
    }
    return new WireError(this.#reasons.name, `expected a header name that is a token, then a colon, found ${line}`);
  }

  #takeSpecial(kind: number, value: string): void {
    switch (kind) {
      case fieldKinds.host:
        if (this.host !== undefined) throw new WireError(this.#reasons.hostRepeated, "expected one Host, found a second");
        this.host = value;
        return;
      case fieldKinds.contentLength:
        if (this.contentLength !== undefined) {
          throw new WireError(this.#reasons.lengthRepeated, "expected one Content-Length, found a second");
        }
        this.contentLength = value;
        return;
      case fieldKinds.transferEncoding:
        if (this.transferEncoding !== undefined) {
          throw new WireError(this.#reasons.framing, "expected one Transfer-Encoding, found a second");
        }
        this.transferEncoding = value;
        return;
      case fieldKinds.connection:
        this.connection = this.connection === undefined ? value : `${this.connection},${value}`;
        return;
      case fieldKinds.upgrade:
        this.upgrade = this.upgrade === undefined ? value : `${this.upgrade},${value}`;
        return;
      case fieldKinds.expect:
        this.expect = this.expect === undefined ? value : `${this.expect},${value}`;
        this.headers.push("expect", value);
        return;
      default:
    }
  }

  /** Whether the connection may serve another message after this one (RFC 9112 §9.3). HTTP/1.0 is never kept. */
  keepsAlive(minor: number): boolean {
    if (minor === 0) return false;
    return this.connection === undefined || this.connection === "keep-alive" || !listHas(this.connection, "close");
  }

  /** Whether the sender wants to change to the protocol in `upgrade`. */
  get upgrades(): boolean {
    return this.upgrade !== undefined && this.connection !== undefined && listHas(this.connection, "upgrade");
  }
}

function isBlank(code: number | undefined): boolean {
  return code === 32 || code === 9;
}

function startsWith(bytes: Uint8Array, at: number, start: Uint8Array): boolean {
  const { length } = start;
  for (let index = 0; index < length; index += 1) if (bytes[at + index] !== start[index]) return false;
  return true;
}

function nameEnd(bytes: Uint8Array, at: number, end: number): number {
  while (at < end) {
    const byte = bytes[at] as number;
    if (byte === colon || byte <= 32 || byte >= 127) break;
    at += 1;
  }
  return at;
}

function valueEnd(bytes: Uint8Array, at: number, end: number): number {
  while (at < end) {
    const byte = bytes[at] as number;
    if ((byte < 32 && byte !== 9) || byte === 127) break;
    at += 1;
  }
  return at;
}

function connectionKnown(value: string): boolean {
  return value === "keep-alive" || value === "close" || value === "Keep-Alive" || value === "Upgrade" || value === "upgrade";
}

/** Takes out what Connection names: it was meant for this hop only (RFC 9110 §7.6.1). */
function withoutNamed(headers: HeaderList, connection: string): HeaderList {
  const named = new Set(listItems(connection));
  for (const kept of ["close", "keep-alive", "upgrade"]) named.delete(kept);
  if (named.size === 0) return headers;
  const kept: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string;
    if (!named.has(name)) kept.push(name, headers[index + 1] as string);
  }
  return kept;
}

// Everything but tab, CR, LF, visible ASCII, space and 0x80 to 0xff; and CR or LF that stand alone.
const illegal = /[^\t\r\n\x20-\x7e\x80-\xff]|\r(?!\n)|(?<!\r)\n/;

/** Where the first byte stands that no head may hold, or -1. A CR at the very end is given the benefit of the doubt. */
export function illegalAt(text: string): number {
  const found = text.search(illegal);
  return found === text.length - 1 && text.charCodeAt(found) === cr ? -1 : found;
}

/** The refusal of the illegal byte at `at`. */
export function illegalError(text: string, at: number): WireError {
  const code = text.charCodeAt(at);
  if (code === lf) return new WireError(wireReasons.LINE_FEED_BARE, `expected CR LF at the end of a line, found LF alone at byte ${at}`);
  if (code === cr) return new WireError(wireReasons.CARRIAGE_RETURN_BARE, `expected LF after CR, found CR alone at byte ${at}`);
  return new WireError(
    wireReasons.CONTROL_CHARACTER,
    `expected no control characters in the head, found 0x${code.toString(16)} at byte ${at}`,
  );
}

/** The length that Content-Length says, or -1 when it is not one plain number of at most 15 digits. */
export function contentLengthFrom(text: string): number {
  if (text.length === 0 || text.length > 15) return -1;
  let length = 0;
  for (let index = 0; index < text.length; index += 1) {
    const digit = text.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}
