import type { HeaderList } from "../http.ts";
import { WireError, wireReasons } from "../reasons.ts";
import { contentLengthFrom, HeaderReader, startsWith, type HeadReasons, type HeadSource } from "./head.ts";
import type { HeadReader } from "./head-text.ts";
import { lengthChunked, lengthUntilClose } from "./limits.ts";

const invalid = wireReasons.UPSTREAM_HEAD_INVALID;
const framing = wireReasons.UPSTREAM_FRAMING_INVALID;
const versionBytes = new Uint8Array(Buffer.from("HTTP/1."));
const reasons: HeadReasons = {
  name: invalid,
  folded: invalid,
  hostRepeated: invalid,
  lengthRepeated: framing,
  framing,
  tooMany: wireReasons.UPSTREAM_HEAD_TOO_LARGE,
};

/** An answer's head, read and judged. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: HeaderList;
  readonly keepAlive: boolean;
  /** Bytes of the body, `lengthChunked` or `lengthUntilClose`. 0 for HEAD, 1xx, 204 and 304. */
  readonly length: number;
  /** HEAD and 304: the length that a GET would have had. */
  readonly lengthOfGet: number | undefined;
  readonly upgrade: string | undefined;
}

/**
 * Reads the heads of answers, one after the other; what the last one said stands in its fields until the next. As strict
 * as for requests, since smuggling works both ways.
 */
export class ResponseHeadReader implements HeadReader, ResponseHead {
  readonly source: HeadSource = { text: "", bytes: new Uint8Array(0), base: 0, glanceBytes: 256 };
  /** Of the request that is being answered. To be set before `read`. */
  method = "";
  status = 0;
  headers: HeaderList = [];
  keepAlive = false;
  length = 0;
  lengthOfGet: number | undefined = undefined;
  upgrade: string | undefined = undefined;
  #minor = 1;
  readonly #fields: HeaderReader;

  constructor(headerCountMax: number) {
    this.#fields = new HeaderReader(headerCountMax, reasons);
  }

  read(): number {
    const { text } = this.source;
    const lineEnd = text.indexOf("\r");
    if (lineEnd === -1 || lineEnd + 1 >= text.length) return -1;
    this.#readLine(text, lineEnd);
    const fields = this.#fields;
    const end = fields.read(this.source, lineEnd + 2);
    if (end === -1) return -1;
    const { status } = this;
    const length = responseLength(fields.contentLength, fields.transferEncoding, this.#minor);
    const bodiless = status < 200 || status === 204 || status === 304 || this.method === "HEAD";
    this.headers = fields.headers;
    this.lengthOfGet = bodiless && length >= 0 && status >= 200 && status !== 204 ? length : undefined;
    this.length = bodiless ? 0 : length;
    this.keepAlive = this.length !== lengthUntilClose && fields.keepsAlive(this.#minor);
    this.upgrade = status === 101 && fields.upgrades ? fields.upgrade : undefined;
    return end;
  }

  /** What the last head said, to be kept beyond the next. */
  copy(): ResponseHead {
    const { status, headers, keepAlive, length, lengthOfGet, upgrade } = this;
    return { status, headers, keepAlive, length, lengthOfGet, upgrade };
  }

  checkStart(): void {
    const { text } = this.source;
    this.#readLine(text, text.indexOf("\r"));
  }

  /** RFC 9112 §4. A missing reason phrase without its space is common enough to be let through; nothing is read from it. */
  #readLine(text: string, lineEnd: number): void {
    const { bytes, base } = this.source;
    const minor = (bytes[base + 7] as number) - 48;
    const version = startsWith(bytes, base, versionBytes) && (minor === 0 || minor === 1) && bytes[base + 8] === 32;
    const status = digit(bytes, base + 9) * 100 + digit(bytes, base + 10) * 10 + digit(bytes, base + 11);
    const phrase = lineEnd === 12 || (lineEnd > 12 && bytes[base + 12] === 32);
    if (!version || !(status >= 100) || !phrase || bytes[base + lineEnd + 1] !== 10) {
      const found = JSON.stringify(text.slice(0, Math.min(lineEnd, 80)));
      throw new WireError(invalid, `expected HTTP/1.x SP STATUS SP REASON, found ${found}`);
    }
    for (let at = base + 13; at < base + lineEnd; at += 1) {
      const byte = bytes[at] as number;
      if ((byte < 32 && byte !== 9) || byte === 127) throw new WireError(invalid, "expected no control characters in the status line");
    }
    this.status = status;
    this.#minor = minor;
  }
}

/** The digit at `at`, or NaN. */
function digit(bytes: Uint8Array, at: number): number {
  const value = (bytes[at] as number) - 48;
  return value >= 0 && value <= 9 ? value : NaN;
}

function responseLength(contentLength: string | undefined, transferEncoding: string | undefined, minor: number): number {
  if (transferEncoding !== undefined) {
    if (minor === 0) throw new WireError(framing, "expected no Transfer-Encoding on HTTP/1.0, found one");
    if (contentLength !== undefined) throw new WireError(framing, "expected Content-Length or Transfer-Encoding, found both");
    if (transferEncoding.toLowerCase() !== "chunked") {
      throw new WireError(framing, `expected the transfer coding chunked, found ${JSON.stringify(transferEncoding.slice(0, 40))}`);
    }
    return lengthChunked;
  }
  if (contentLength === undefined) return lengthUntilClose;
  const length = contentLengthFrom(contentLength);
  if (length < 0) {
    throw new WireError(framing, `expected Content-Length to be one decimal number, found ${JSON.stringify(contentLength.slice(0, 40))}`);
  }
  return length;
}
