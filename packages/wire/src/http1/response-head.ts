import type { HeaderList } from "../http.ts";
import { WireError, wireReasons } from "../reasons.ts";
import { contentLengthFrom, headFieldsFrom, isKeptAlive, type HeadReasons } from "./head.ts";
import { listHas } from "./syntax.ts";

/** How the end of an answer's body is told: its length, -1 chunked, -2 the end of the connection. */
export const lengthChunked = -1;
export const lengthUntilClose = -2;

/** An answer's head, read and judged. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: HeaderList;
  readonly keepAlive: boolean;
  /** Bytes of the body, or one of the two above. 0 for HEAD, 1xx, 204 and 304. */
  readonly length: number;
  /** HEAD and 304: the length that a GET would have had. */
  readonly lengthOfGet: number | undefined;
  readonly upgrade: string | undefined;
}

const invalid = wireReasons.UPSTREAM_HEAD_INVALID;
const framing = wireReasons.UPSTREAM_FRAMING_INVALID;
const reasons: HeadReasons = {
  name: invalid,
  folded: invalid,
  hostRepeated: invalid,
  lengthRepeated: framing,
  framing,
  tooMany: wireReasons.UPSTREAM_HEAD_TOO_LARGE,
};

/**
 * Checks the status line, `text` up to `lineEnd` (RFC 9112 §4). A missing reason phrase without its space is common enough
 * to be let through; nothing is read from the phrase.
 */
export function checkStatusLine(text: string, lineEnd: number): void {
  const minor = text.charCodeAt(7);
  const version = text.startsWith("HTTP/1.") && (minor === 48 || minor === 49) && text.charCodeAt(8) === 32;
  const first = text.charCodeAt(9);
  const digits = first >= 49 && first <= 57 && isDigit(text.charCodeAt(10)) && isDigit(text.charCodeAt(11));
  if (version && digits && (lineEnd === 12 || text.charCodeAt(12) === 32)) return;
  const found = JSON.stringify(text.slice(0, Math.min(lineEnd, 80)));
  throw new WireError(invalid, `expected HTTP/1.x SP STATUS SP REASON, found ${found}`);
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** Reads a whole answer's head: `text` ends with the empty line. As strict as requests, since smuggling works both ways. */
export function responseHeadFrom(text: string, options: { method: string; headerCountMax: number }): ResponseHead {
  const lineEnd = text.indexOf("\r");
  checkStatusLine(text, lineEnd);
  const minor = text.charCodeAt(7) - 48;
  const status = Number(text.slice(9, 12));
  const fields = headFieldsFrom(text, lineEnd + 2, text.length - 2, { countMax: options.headerCountMax, reasons });
  let length = responseLength(fields.contentLength, fields.transferEncoding, minor);
  const bodiless = options.method === "HEAD" || status === 204 || status === 304 || status < 200;
  const lengthOfGet = bodiless && length >= 0 && status >= 200 && status !== 204 ? length : undefined;
  if (bodiless) length = 0;
  const switches =
    status === 101 && fields.upgrade !== undefined && fields.connection !== undefined && listHas(fields.connection, "upgrade");
  return {
    status,
    headers: fields.headers,
    keepAlive: isKeptAlive(fields, minor) && length !== lengthUntilClose,
    length,
    lengthOfGet,
    upgrade: switches ? fields.upgrade : undefined,
  };
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
