import type { HeaderList } from "../http.ts";
import type { MessageLimits } from "../http1/limits.ts";
import { isToken } from "../http1/syntax.ts";
import { checkTarget, isHost } from "../http1/target.ts";
import { WireError, wireReasons } from "../reasons.ts";
import type { FieldSink, HpackDecoder } from "./hpack/decoder.ts";
import { h2Kinds, type HeaderField } from "./hpack/field.ts";
import { PlainFields } from "./message-fields.ts";

/** What the head of a request says. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  /** Shared by requests that say the same: hand out a copy. */
  readonly headers: HeaderList;
  readonly upgrade: string | undefined;
  /** -1 for none. */
  readonly contentLength: number;
  readonly expectsContinue: boolean;
  /** The stream has to be reset with PROTOCOL_ERROR. */
  readonly malformed: WireError | undefined;
  /** The request is well-formed, but will be answered with a refusal. */
  readonly refusal: WireError | undefined;
}

/** What request heads are checked against. */
export interface RequestHeadLimits extends MessageLimits {
  readonly encodedSlash: boolean;
}

const methodLengthMax = 32;
const slotCount = 16;
const blockBytesMax = 256;
const listBytesMax = 2048;

interface Slot {
  readonly block: Uint8Array;
  readonly generation: number;
  readonly head: RequestHead;
}

/**
 * Reads heads of requests (RFC 9113 §8.3.1) from header blocks. A block that came before and neither used nor found a
 * changed table means what it meant then, so it is looked up instead of decoded: a client says the same thing often.
 */
export class RequestHeadReader implements FieldSink {
  readonly #decoder: HpackDecoder;
  readonly #limits: RequestHeadLimits;
  readonly #plain: PlainFields;
  readonly #slots: (Slot | undefined)[] = [];
  readonly #pseudo: (string | undefined)[] = [];

  constructor(decoder: HpackDecoder, limits: RequestHeadLimits) {
    this.#decoder = decoder;
    this.#limits = limits;
    this.#plain = new PlainFields({ bytesMax: limits.headBytesMax, countMax: limits.headerCountMax });
  }

  /** Reads one block. Throws a ConnectionFault when it cannot be decoded. */
  read(bytes: Uint8Array, range: { readonly at: number; readonly end: number }): RequestHead {
    const { at, end } = range;
    const length = end - at;
    if (length > blockBytesMax) return this.#decode(bytes, range);
    let hash = length;
    for (let index = at; index < end; index += 1) hash = (Math.imul(hash, 31) + (bytes[index] as number)) | 0;
    const place = (hash ^ (hash >>> 8)) & (slotCount - 1);
    const slot = this.#slots[place];
    const { generation } = this.#decoder;
    if (slot !== undefined && slot.generation === generation && isSame(slot.block, bytes, at, length)) return slot.head;
    const head = this.#decode(bytes, range);
    if (this.#decoder.generation === generation && head.malformed === undefined && this.#plain.bytes <= listBytesMax) {
      this.#slots[place] = { block: Uint8Array.prototype.slice.call(bytes, at, end), generation, head };
    }
    return head;
  }

  field(field: HeaderField): void {
    const plain = this.#plain;
    if (!plain.counts(field)) return;
    const { kind } = field;
    if (kind < h2Kinds.method || kind > h2Kinds.protocol || !plain.none) {
      plain.take(field);
      return;
    }
    if (kind === h2Kinds.status || this.#pseudo[kind] !== undefined) plain.fail(`each pseudo-field of a request once, found ${field.name}`);
    this.#pseudo[kind] = field.value;
  }

  #decode(bytes: Uint8Array, range: { readonly at: number; readonly end: number }): RequestHead {
    const plain = this.#plain;
    plain.begin();
    this.#pseudo.fill(undefined);
    for (let kind = this.#pseudo.length; kind <= h2Kinds.protocol; kind += 1) this.#pseudo.push(undefined);
    this.#decoder.decode(bytes, range, this);
    const method = this.#pseudo[h2Kinds.method] ?? "";
    const target = this.#pseudo[h2Kinds.path] ?? "";
    const protocol = this.#pseudo[h2Kinds.protocol];
    const authority = this.#pseudo[h2Kinds.authority] ?? plain.host ?? "";
    if (!plain.tooLong) this.#checkPseudo(method, authority);
    return {
      method,
      target,
      authority,
      headers: plain.headers,
      upgrade: protocol?.toLowerCase(),
      contentLength: plain.contentLength,
      expectsContinue: plain.expect !== undefined && plain.expect.toLowerCase() === "100-continue",
      malformed: plain.malformed,
      refusal: plain.malformed === undefined ? this.#refusal(method, target, authority) : undefined,
    };
  }

  /** RFC 9113 §8.3.1 and §8.5, RFC 8441 §4. */
  #checkPseudo(method: string, authority: string): void {
    const plain = this.#plain;
    const pseudo = this.#pseudo;
    const path = pseudo[h2Kinds.path];
    const scheme = pseudo[h2Kinds.scheme];
    const protocol = pseudo[h2Kinds.protocol];
    if (method === "" || method.length > methodLengthMax || !isToken(method)) plain.fail("a :method that is a token");
    if (protocol !== undefined && (method !== "CONNECT" || !/^[!#$%&'*+\-.^_`|~0-9A-Za-z/]+$/.test(protocol))) {
      plain.fail(":protocol to be a protocol's name, and with CONNECT only");
    }
    if (method === "CONNECT" && protocol === undefined) {
      if (path !== undefined || scheme !== undefined || authority === "") plain.fail("CONNECT with :authority only");
      return;
    }
    if (scheme === undefined || !/^[A-Za-z][A-Za-z0-9+.-]*$/.test(scheme)) plain.fail("a :scheme");
    if (path === undefined || path === "") plain.fail("a :path that is not empty");
    if (authority === "") plain.fail(":authority or host");
    const named = pseudo[h2Kinds.authority];
    if (named !== undefined && plain.host !== undefined && named.toLowerCase() !== plain.host.toLowerCase()) {
      plain.fail(":authority and host to be the same");
    }
  }

  #refusal(method: string, target: string, authority: string): WireError | undefined {
    const limits = this.#limits;
    const plain = this.#plain;
    if (plain.tooLong) {
      const expected = `expected at most ${limits.headerCountMax} fields of at most ${limits.headBytesMax} bytes`;
      return new WireError(wireReasons.HEAD_TOO_LARGE, `${expected}, found more`);
    }
    if (method === "CONNECT" && this.#pseudo[h2Kinds.protocol] === undefined) {
      return new WireError(wireReasons.CONNECT_UNSUPPORTED, "expected another method, found CONNECT");
    }
    if (!isHost(authority)) {
      const found = JSON.stringify(authority.slice(0, 80));
      return new WireError(wireReasons.HOST_INVALID, `expected a host with an optional port, found ${found}`);
    }
    if (target.length > limits.targetBytesMax) {
      return new WireError(wireReasons.TARGET_TOO_LONG, `expected a target of at most ${limits.targetBytesMax} bytes, found more`);
    }
    if (plain.contentLength > limits.bodyBytesMax) {
      const found = `found ${plain.contentLength} announced`;
      return new WireError(wireReasons.BODY_TOO_LARGE, `expected a body of at most ${limits.bodyBytesMax} bytes, ${found}`);
    }
    if (plain.expect !== undefined && plain.expect.toLowerCase() !== "100-continue") {
      const found = JSON.stringify(plain.expect.slice(0, 40));
      return new WireError(wireReasons.EXPECTATION_UNKNOWN, `expected Expect to be 100-continue, found ${found}`);
    }
    if (target === "*" && method === "OPTIONS") return undefined;
    try {
      checkTarget(target, limits.encodedSlash);
    } catch (thrown) {
      return thrown as WireError;
    }
    return undefined;
  }
}

function isSame(block: Uint8Array, bytes: Uint8Array, at: number, length: number): boolean {
  if (block.length !== length) return false;
  for (let index = 0; index < length; index += 1) if (block[index] !== bytes[at + index]) return false;
  return true;
}
