import type { HeaderList } from "../http.ts";
import { WireError, wireReasons } from "../reasons.ts";
import { contentLengthFrom, HeaderReader, startsWith, type HeadReasons, type HeadSource } from "./head.ts";
import type { HeadReader } from "./head-text.ts";
import { lengthChunked, type MessageLimits } from "./limits.ts";
import { isToken, listItems } from "./syntax.ts";
import { checkTarget, isHost, originFormFrom } from "./target.ts";

const reasons: HeadReasons = {
  name: wireReasons.HEADER_NAME_INVALID,
  folded: wireReasons.HEADER_FOLDED,
  hostRepeated: wireReasons.HOST_REPEATED,
  lengthRepeated: wireReasons.CONTENT_LENGTH_REPEATED,
  framing: wireReasons.FRAMING_AMBIGUOUS,
  tooMany: wireReasons.HEADERS_TOO_MANY,
};

const getBytes = new Uint8Array(Buffer.from("GET "));
const postBytes = new Uint8Array(Buffer.from("POST "));
const versionBytes = new Uint8Array(Buffer.from("HTTP/1."));
const methodLengthMax = 32;
const space = 32;
const slash = 47;
const question = 63;
const number = 35;

// 1 for what needs a closer look in a path: all but unreserved characters without ".", sub-delims, ":", "@", "/", "|", "[", "]".
const oddInPath = new Uint8Array(128).fill(1);
for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~!$&'()*+,;=:@/|[]") {
  oddInPath[character.charCodeAt(0)] = 0;
}

/** A request's head, read and judged. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  readonly headers: HeaderList;
  readonly minor: number;
  readonly keepAlive: boolean;
  /** Bytes of the body, or `lengthChunked`. */
  readonly length: number;
  readonly upgrade: string | undefined;
  readonly expectsContinue: boolean;
}

/** Reads the heads of requests, one after the other; what the last one said stands in its fields until the next. */
export class RequestHeadReader implements HeadReader, RequestHead {
  readonly source: HeadSource = { text: "", bytes: new Uint8Array(0), base: 0, glanceBytes: 256 };
  method = "";
  target = "";
  authority = "";
  headers: HeaderList = [];
  minor = 1;
  keepAlive = false;
  length = 0;
  upgrade: string | undefined = undefined;
  expectsContinue = false;
  readonly #limits: MessageLimits & { readonly encodedSlash: boolean };
  readonly #fields: HeaderReader;
  #odd = false;
  #hostSeen: string | undefined = undefined;

  constructor(limits: MessageLimits & { readonly encodedSlash: boolean }) {
    this.#limits = limits;
    this.#fields = new HeaderReader(limits.headerCountMax, reasons);
  }

  read(): number {
    const fieldsAt = this.#readLine();
    if (fieldsAt === -1) return -1;
    const fields = this.#fields;
    const end = fields.read(this.source, fieldsAt);
    if (end === -1) return -1;
    const { host } = fields;
    if (host === undefined) {
      if (this.minor === 1) throw new WireError(wireReasons.HOST_MISSING, "expected a Host header, found none");
    } else if (host !== this.#hostSeen) this.#checkHost(host);
    this.authority = host ?? "";
    this.headers = fields.headers;
    this.keepAlive = fields.keepsAlive(this.minor);
    this.upgrade = fields.upgrade !== undefined && this.minor === 1 && fields.upgrades ? firstProtocol(fields.upgrade) : undefined;
    this.expectsContinue = fields.expect !== undefined && this.minor === 1 && expectation(fields.expect);
    this.length = this.#length();
    if (this.#odd) this.#checkTarget(host);
    return end;
  }

  /** What the last head said, to be kept beyond the next. */
  copy(): RequestHead {
    const { method, target, authority, headers, minor, keepAlive, length, upgrade, expectsContinue } = this;
    return { method, target, authority, headers, minor, keepAlive, length, upgrade, expectsContinue };
  }

  checkStart(): void {
    this.#readLine();
  }

  /** RFC 9112 §3: one space between the parts, nothing else. Answers where the line ends, or -1. */
  #readLine(): number {
    const { text, bytes, base } = this.source;
    const end = base + text.length;
    const methodEnd = this.#readMethod(text, bytes, base);
    if (methodEnd === -1) return -1;
    const from = base + methodEnd + 1;
    let at = from;
    // Anything but "/" and then no second "/" is odd: other forms, and "//host/path", which some read as a host.
    let odd = bytes[at] === slash && bytes[at + 1] !== slash ? 0 : 1;
    let byte = 0;
    for (; at < end; at += 1) {
      byte = bytes[at] as number;
      if (byte <= space || byte >= 127 || byte === question) break;
      odd |= oddInPath[byte] as number;
    }
    for (; at < end; at += 1) {
      byte = bytes[at] as number;
      if (byte <= space || byte >= 127) break;
      if (byte === number) odd = 1;
    }
    if (at >= end) return -1;
    if (byte > 127) throw new WireError(wireReasons.TARGET_INVALID, `expected ASCII in the target, found byte 0x${byte.toString(16)}`);
    if (byte !== space || at === from) throw lineError(text);
    if (at - from > this.#limits.targetBytesMax) {
      throw new WireError(wireReasons.TARGET_TOO_LONG, `expected a target of at most ${this.#limits.targetBytesMax} bytes, found more`);
    }
    this.target = text.slice(from - base, at - base);
    this.#odd = odd === 1 || this.method === "CONNECT";
    return this.#readVersion(at + 1 - base);
  }

  /** Where the method ends, or -1. */
  #readMethod(text: string, bytes: Uint8Array, base: number): number {
    if (startsWith(bytes, base, getBytes) && text.length > 4) {
      this.method = "GET";
      return 3;
    }
    if (startsWith(bytes, base, postBytes) && text.length > 5) {
      this.method = "POST";
      return 4;
    }
    const end = text.indexOf(" ");
    const lineEnd = text.indexOf("\r");
    if (end === -1 || (lineEnd !== -1 && lineEnd < end)) {
      if (lineEnd === -1) return -1;
      throw lineError(text);
    }
    if (end === 0) throw lineError(text);
    this.method = text.slice(0, end);
    if (end > methodLengthMax || !isToken(this.method)) {
      throw new WireError(wireReasons.METHOD_INVALID, `expected a method, found ${JSON.stringify(this.method.slice(0, 40))}`);
    }
    return end;
  }

  #readVersion(at: number): number {
    const { text, bytes, base } = this.source;
    if (startsWith(bytes, base + at, versionBytes) && at + 10 <= text.length) {
      const minor = (bytes[base + at + 7] as number) - 48;
      if ((minor === 1 || minor === 0) && bytes[base + at + 8] === 13 && bytes[base + at + 9] === 10) {
        this.minor = minor;
        return at + 10;
      }
    }
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd === -1) return -1;
    const version = text.slice(at, lineEnd);
    if (!/^HTTP\/\d\.\d$/.test(version)) throw lineError(text);
    throw new WireError(wireReasons.VERSION_UNSUPPORTED, `expected HTTP/1.1 or HTTP/1.0, found ${version}`);
  }

  #checkHost(host: string): void {
    if (!isHost(host)) {
      throw new WireError(wireReasons.HOST_INVALID, `expected a host with an optional port, found ${JSON.stringify(host.slice(0, 80))}`);
    }
    this.#hostSeen = host;
  }

  #checkTarget(host: string | undefined): void {
    const { method, target } = this;
    const { encodedSlash } = this.#limits;
    if (method === "CONNECT") throw new WireError(wireReasons.CONNECT_UNSUPPORTED, "expected another method, found CONNECT");
    if (target === "*" && method === "OPTIONS") return;
    if (target.charCodeAt(0) !== slash) this.target = originFormFrom(target, host) ?? target;
    // RFC 9112 §3.2.4: an absolute target with neither path nor query asks about the server as a whole.
    if (method === "OPTIONS" && this.target === "/" && !target.endsWith("/")) this.target = "*";
    else checkTarget(this.target, encodedSlash);
  }

  /** RFC 9112 §6.3, without the leniency: anything said twice or in two ways is refused. */
  #length(): number {
    const { contentLength, transferEncoding } = this.#fields;
    if (transferEncoding !== undefined) {
      if (this.minor === 0) throw new WireError(wireReasons.FRAMING_AMBIGUOUS, "expected no Transfer-Encoding on HTTP/1.0, found one");
      if (contentLength !== undefined) {
        throw new WireError(wireReasons.FRAMING_AMBIGUOUS, "expected Content-Length or Transfer-Encoding, found both");
      }
      if (transferEncoding !== "chunked" && transferEncoding.toLowerCase() !== "chunked") {
        const found = JSON.stringify(transferEncoding.slice(0, 40));
        throw new WireError(wireReasons.TRANSFER_CODING_UNKNOWN, `expected the transfer coding chunked, found ${found}`);
      }
      return lengthChunked;
    }
    if (contentLength === undefined) return 0;
    const length = contentLengthFrom(contentLength);
    if (length < 0) {
      const found = JSON.stringify(contentLength.slice(0, 40));
      throw new WireError(wireReasons.CONTENT_LENGTH_INVALID, `expected Content-Length to be one decimal number, found ${found}`);
    }
    if (length > this.#limits.bodyBytesMax) {
      throw new WireError(
        wireReasons.BODY_TOO_LARGE,
        `expected a body of at most ${this.#limits.bodyBytesMax} bytes, found ${length} announced`,
      );
    }
    return length;
  }
}

function lineError(text: string): WireError {
  const lineEnd = text.indexOf("\r\n");
  const found = JSON.stringify(text.slice(0, Math.min(lineEnd === -1 ? text.length : lineEnd, 80)));
  return new WireError(wireReasons.REQUEST_LINE_INVALID, `expected METHOD SP TARGET SP VERSION, found ${found}`);
}

function firstProtocol(upgrade: string): string | undefined {
  const first = listItems(upgrade)[0] as string;
  return /^[!#$%&'*+\-.^_`|~0-9a-z/]+$/.test(first) ? first : undefined;
}

function expectation(expect: string): boolean {
  if (expect.toLowerCase() === "100-continue") return true;
  throw new WireError(wireReasons.EXPECTATION_UNKNOWN, `expected Expect to be 100-continue, found ${JSON.stringify(expect.slice(0, 40))}`);
}
