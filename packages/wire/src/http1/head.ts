import type { HeaderList } from "../http.ts";
import { WireError, wireReasons, type WireReason } from "../reasons.ts";
import { fieldKinds, fieldSpellingFrom, listHas, listItems, type FieldName } from "./syntax.ts";

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
 * Reads header lines: the plain ones become a list, the framing ones stand apart. One for each connection, because a
 * client says the same names in the same order again and again: a name is first compared with the one that stood at its
 * place last time, which is cheaper than to cut it out and look it up.
 */
export class HeaderReader {
  headers: HeaderList = [];
  host: string | undefined;
  contentLength: string | undefined;
  transferEncoding: string | undefined;
  /** The Connection lines, joined. */
  connection: string | undefined;
  upgrade: string | undefined;
  expect: string | undefined;
  readonly #countMax: number;
  readonly #reasons: HeadReasons;
  readonly #starts: string[] = [];
  readonly #fields: FieldName[] = [];
  #valueAt = 0;

  constructor(countMax: number, reasons: HeadReasons) {
    this.#countMax = countMax;
    this.#reasons = reasons;
  }

  /**
   * Reads the lines of `text` from `at` up to the empty line and answers where that ends, or -1 when it is not there yet.
   * Throws a WireError for what RFC 9112 §5 forbids. Which of several faults it names is not defined: `firstFault` is.
   */
  read(text: string, at: number): number {
    const headers: string[] = [];
    this.headers = headers;
    this.host = undefined;
    this.contentLength = undefined;
    this.transferEncoding = undefined;
    this.connection = undefined;
    this.upgrade = undefined;
    this.expect = undefined;
    const end = text.length;
    for (let count = 0; at < end; count += 1) {
      if (text.charCodeAt(at) === cr) return this.#endAt(text, at);
      const field = this.#fieldAt(text, at, count);
      if (field === undefined) return -1;
      if (count >= this.#countMax)
        throw new WireError(this.#reasons.tooMany, `expected at most ${this.#countMax} header lines, found more`);
      let from = this.#valueAt;
      while (isBlank(text.charCodeAt(from))) from += 1;
      let to = from;
      let code = text.charCodeAt(to);
      while ((code >= 32 && code !== 127) || code === 9) {
        to += 1;
        code = text.charCodeAt(to);
      }
      if (to >= end) return -1;
      if (code !== cr) throw illegalError(text, to);
      at = to + 2;
      if (text.charCodeAt(to + 1) !== lf) {
        if (at > end) return -1;
        throw illegalError(text, to);
      }
      while (to > from && isBlank(text.charCodeAt(to - 1))) to -= 1;
      const value = text.slice(from, to);
      if (field.kind === fieldKinds.plain || field.kind === fieldKinds.date) headers.push(field.name, value);
      else this.#takeSpecial(field.kind, value);
    }
    return -1;
  }

  /** The name at `at`; undefined when its end is not there yet. */
  #fieldAt(text: string, at: number, count: number): FieldName | undefined {
    const remembered = this.#starts[count];
    if (remembered !== undefined && text.startsWith(remembered, at)) {
      this.#valueAt = at + remembered.length;
      return this.#fields[count];
    }
    let to = at;
    let code = text.charCodeAt(to);
    while (code > 32 && code < 127 && code !== colon) {
      to += 1;
      code = text.charCodeAt(to);
    }
    if (to >= text.length) return undefined;
    const spelling = code === colon ? fieldSpellingFrom(text.slice(at, to)) : undefined;
    if (spelling === undefined) throw this.#nameError(text, at, to);
    this.#valueAt = to + 1;
    if (count < namesRememberedMax && spelling.start !== "") {
      this.#starts[count] = spelling.start;
      this.#fields[count] = spelling.field;
    }
    return spelling.field;
  }

  /** Where the head ends whose empty line begins at `at`. */
  #endAt(text: string, at: number): number {
    const code = text.charCodeAt(at + 1);
    if (code === lf) {
      if (this.connection !== undefined && !connectionKnown(this.connection)) this.headers = withoutNamed(this.headers, this.connection);
      return at + 2;
    }
    if (at + 1 >= text.length) return -1;
    throw illegalError(text, at);
  }

  #nameError(text: string, at: number, to: number): WireError {
    const line = JSON.stringify(text.slice(at, Math.min(to + 16, at + 64)));
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

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
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
