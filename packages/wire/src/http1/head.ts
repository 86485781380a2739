import type { HeaderList } from "../http.ts";
import { WireError, wireReasons, type WireReason } from "../reasons.ts";
import { LineMemory } from "./line-memory.ts";
import { fieldKinds, fieldSpellingFrom, isBlank, listHas, listItems, type FieldSpelling } from "./syntax.ts";

/** What to call the refusals of a head; requests and answers have different names for them. */
export interface HeadReasons {
  readonly name: WireReason;
  readonly folded: WireReason;
  readonly hostRepeated: WireReason;
  readonly lengthRepeated: WireReason;
  readonly framing: WireReason;
  readonly tooMany: WireReason;
}

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
  /** How many bytes a first look takes. */
  glanceBytes: number;
}

/**
 * Reads header lines: the plain ones become a list, the framing ones stand apart. The same lines come again and again from
 * the same software; see LineMemory.
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
  readonly #memory = new LineMemory();
  #value = "";
  #next = 0;

  constructor(countMax: number, reasons: HeadReasons) {
    this.#countMax = countMax;
    this.#reasons = reasons;
  }

  /**
   * Reads the lines from character `at` on up to the empty line and answers where that ends, or -1 when it is not there
   * yet. Throws a WireError for what RFC 9112 §5 forbids; which one of several faults is for `readHead` to say.
   */
  read(source: HeadSource, at: number): number {
    const { bytes, base } = source;
    const end = base + source.text.length;
    const first = base + at;
    const memory = this.#memory;
    const headers: string[] = [];
    this.#reset(headers);
    memory.begin();
    let place = 0;
    for (let line = first; line < end; place += 1) {
      if (bytes[line] === cr) {
        if (line + 1 >= end) return -1;
        memory.end(place, bytes, { from: first, to: line });
        return this.#endAt(source, line);
      }
      const length = place < memory.count ? memory.lengthOfSame(bytes, line, place) : 0;
      let spelling: FieldSpelling | undefined;
      let value: string;
      if (length > 0 && line + length <= end) {
        spelling = memory.spellings[place] as FieldSpelling;
        value = memory.values[place] as string;
        memory.same(place, line - first);
        line += length;
      } else {
        spelling = this.#readLine(source, line, { end, likely: memory.spellings[place] });
        if (spelling === undefined) return -1;
        value = this.#value;
        memory.other(place, line - first, { spelling, value });
        line = this.#next;
      }
      if (place >= this.#countMax) {
        throw new WireError(this.#reasons.tooMany, `expected at most ${this.#countMax} header lines, found more`);
      }
      const { field } = spelling;
      if (field.kind === fieldKinds.plain || field.kind === fieldKinds.date) headers.push(field.name, value);
      else this.#takeSpecial(field.kind, value);
    }
    return -1;
  }

  /** Reads the line at the byte `line`: its value into `#value`, its end into `#next`. Undefined when it is not whole. */
  #readLine(source: HeadSource, line: number, place: { end: number; likely: FieldSpelling | undefined }): FieldSpelling | undefined {
    const { text, bytes, base } = source;
    const { end, likely } = place;
    let spelling = likely;
    let from: number;
    if (spelling !== undefined && startsWith(bytes, line, spelling.start)) from = line + spelling.start.length;
    else {
      from = nameEnd(bytes, line, end);
      if (from === end) return undefined;
      spelling = bytes[from] === colon ? fieldSpellingFrom(text.slice(line - base, from - base)) : undefined;
      if (spelling === undefined) throw this.#nameError(text, line - base);
      from += 1;
    }
    // The value: everything up to CR LF, without the blanks around it.
    while (from < end && isBlank(bytes[from])) from += 1;
    const lineEnd = valueEnd(bytes, from, end);
    if (lineEnd + 1 >= end) return undefined;
    if (bytes[lineEnd] !== cr || bytes[lineEnd + 1] !== lf) throw illegalError(text, lineEnd - base);
    let to = lineEnd;
    while (to > from && isBlank(bytes[to - 1])) to -= 1;
    this.#value = text.slice(from - base, to - base);
    this.#next = lineEnd + 2;
    return spelling;
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

/** Whether `bytes` go on with `start` at `at`. */
export function startsWith(bytes: Uint8Array, at: number, start: Uint8Array): boolean {
  const { length } = start;
  if (length === 0) return false;
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
