import type { HeaderList } from "../http.ts";
import { WireError, wireReasons } from "../reasons.ts";
import { contentLengthFrom, headFieldsFrom, isKeptAlive, type HeadReasons } from "./head.ts";
import type { MessageLimits } from "./limits.ts";
import { isToken, listHas } from "./syntax.ts";
import { checkTarget, isHost, originFormFrom } from "./target.ts";

/** A request's head, read and judged. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  readonly headers: HeaderList;
  readonly minor: 0 | 1;
  readonly keepAlive: boolean;
  /** Bytes of the body; -1 when it is chunked. */
  readonly length: number;
  readonly upgrade: string | undefined;
  readonly expectsContinue: boolean;
}

const reasons: HeadReasons = {
  name: wireReasons.HEADER_NAME_INVALID,
  folded: wireReasons.HEADER_FOLDED,
  hostRepeated: wireReasons.HOST_REPEATED,
  lengthRepeated: wireReasons.CONTENT_LENGTH_REPEATED,
  framing: wireReasons.FRAMING_AMBIGUOUS,
  tooMany: wireReasons.HEADERS_TOO_MANY,
};

/** A request line in its parts. */
export interface RequestLine {
  readonly method: string;
  readonly target: string;
  readonly minor: 0 | 1;
}

const methodLengthMax = 32;

/** Reads the request line, `text` up to `lineEnd`. RFC 9112 §3; one space between the parts, nothing else. */
export function requestLineFrom(text: string, lineEnd: number, targetBytesMax: number): RequestLine {
  const firstSpace = text.indexOf(" ");
  if (firstSpace <= 0 || firstSpace > lineEnd) throw lineError(text, lineEnd);
  const method = text.slice(0, firstSpace);
  if (method !== "GET" && method !== "POST" && (method.length > methodLengthMax || !isToken(method))) {
    throw new WireError(wireReasons.METHOD_INVALID, `expected a method, found ${JSON.stringify(method.slice(0, 40))}`);
  }
  const secondSpace = text.indexOf(" ", firstSpace + 1);
  if (secondSpace === -1 || secondSpace > lineEnd || secondSpace === firstSpace + 1) throw lineError(text, lineEnd);
  if (secondSpace - firstSpace - 1 > targetBytesMax) {
    throw new WireError(wireReasons.TARGET_TOO_LONG, `expected a target of at most ${targetBytesMax} bytes, found more`);
  }
  const target = text.slice(firstSpace + 1, secondSpace);
  if (lineEnd - secondSpace === 9 && text.startsWith("HTTP/1.", secondSpace + 1)) {
    const minor = text.charCodeAt(secondSpace + 8) - 48;
    if (minor === 1 || minor === 0) return { method, target, minor };
  }
  const version = text.slice(secondSpace + 1, lineEnd);
  if (!/^HTTP\/\d\.\d$/.test(version)) throw lineError(text, lineEnd);
  throw new WireError(wireReasons.VERSION_UNSUPPORTED, `expected HTTP/1.1 or HTTP/1.0, found ${version}`);
}

function lineError(text: string, lineEnd: number): WireError {
  const found = JSON.stringify(text.slice(0, Math.min(lineEnd, 80)));
  return new WireError(wireReasons.REQUEST_LINE_INVALID, `expected METHOD SP TARGET SP VERSION, found ${found}`);
}

/** Reads a whole head: `text` ends with the empty line. Throws a WireError for everything that is not unambiguous. */
export function requestHeadFrom(text: string, limits: MessageLimits & { encodedSlash: boolean }): RequestHead {
  const lineEnd = text.indexOf("\r");
  const { method, target, minor } = requestLineFrom(text, lineEnd, limits.targetBytesMax);
  const fields = headFieldsFrom(text, lineEnd + 2, text.length - 2, { countMax: limits.headerCountMax, reasons });
  if (fields.host === undefined) {
    if (minor === 1) throw new WireError(wireReasons.HOST_MISSING, "expected a Host header, found none");
  } else if (!isHost(fields.host)) {
    throw new WireError(
      wireReasons.HOST_INVALID,
      `expected a host with an optional port, found ${JSON.stringify(fields.host.slice(0, 80))}`,
    );
  }
  const length = requestLength(fields.contentLength, fields.transferEncoding, { minor, bodyBytesMax: limits.bodyBytesMax });
  const upgrades = minor === 1 && fields.upgrade !== undefined && fields.connection !== undefined && listHas(fields.connection, "upgrade");
  return {
    method,
    target: targetChecked(method, target, { host: fields.host, encodedSlash: limits.encodedSlash }),
    authority: fields.host ?? "",
    headers: fields.headers,
    minor,
    keepAlive: isKeptAlive(fields, minor),
    length,
    upgrade: upgrades ? firstProtocol(fields.upgrade as string) : undefined,
    expectsContinue: fields.expect !== undefined && minor === 1 && expectation(fields.expect),
  };
}

function targetChecked(method: string, target: string, options: { host: string | undefined; encodedSlash: boolean }): string {
  if (method === "CONNECT") throw new WireError(wireReasons.CONNECT_UNSUPPORTED, "expected another method, found CONNECT");
  if (target.charCodeAt(0) === 47) {
    checkTarget(target, options.encodedSlash);
    return target;
  }
  if (target === "*" && method === "OPTIONS") return target;
  const origin = originFormFrom(target, options.host);
  checkTarget(origin ?? target, options.encodedSlash);
  return origin ?? target;
}

/** RFC 9112 §6.3, without the leniency: anything said twice or in two ways is refused. */
function requestLength(
  contentLength: string | undefined,
  transferEncoding: string | undefined,
  options: { minor: number; bodyBytesMax: number },
): number {
  if (transferEncoding !== undefined) {
    if (options.minor === 0) throw new WireError(wireReasons.FRAMING_AMBIGUOUS, "expected no Transfer-Encoding on HTTP/1.0, found one");
    if (contentLength !== undefined) {
      throw new WireError(wireReasons.FRAMING_AMBIGUOUS, "expected Content-Length or Transfer-Encoding, found both");
    }
    if (transferEncoding !== "chunked" && transferEncoding.toLowerCase() !== "chunked") {
      const found = JSON.stringify(transferEncoding.slice(0, 40));
      throw new WireError(wireReasons.TRANSFER_CODING_UNKNOWN, `expected the transfer coding chunked, found ${found}`);
    }
    return -1;
  }
  if (contentLength === undefined) return 0;
  const length = contentLengthFrom(contentLength);
  if (length < 0) {
    const found = JSON.stringify(contentLength.slice(0, 40));
    throw new WireError(wireReasons.CONTENT_LENGTH_INVALID, `expected Content-Length to be one decimal number, found ${found}`);
  }
  if (length > options.bodyBytesMax) {
    throw new WireError(wireReasons.BODY_TOO_LARGE, `expected a body of at most ${options.bodyBytesMax} bytes, found ${length} announced`);
  }
  return length;
}

function firstProtocol(upgrade: string): string | undefined {
  const first = (upgrade.split(",")[0] as string).trim().toLowerCase();
  return /^[!#$%&'*+\-.^_`|~0-9a-z/]+$/.test(first) ? first : undefined;
}

function expectation(expect: string): boolean {
  if (expect.toLowerCase() === "100-continue") return true;
  throw new WireError(wireReasons.EXPECTATION_UNKNOWN, `expected Expect to be 100-continue, found ${JSON.stringify(expect.slice(0, 40))}`);
}
