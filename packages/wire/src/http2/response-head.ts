import type { HeaderList } from "../http.ts";
import type { MessageLimits } from "../http1/limits.ts";
import { WireError, wireReasons } from "../reasons.ts";
import type { FieldSink, HpackDecoder } from "./hpack/decoder.ts";
import { h2Kinds, type HeaderField } from "./hpack/field.ts";
import { PlainFields } from "./message-fields.ts";

/** What the head of an answer says. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: HeaderList;
  /** -1 for none. */
  readonly contentLength: number;
  /** The answer cannot be taken. */
  readonly error: WireError | undefined;
}

/** Reads heads of answers (RFC 9113 §8.3.2) from header blocks. */
export class ResponseHeadReader implements FieldSink {
  readonly #decoder: HpackDecoder;
  readonly #limits: MessageLimits;
  readonly #plain: PlainFields;
  #status: string | undefined = undefined;

  constructor(decoder: HpackDecoder, limits: MessageLimits) {
    this.#decoder = decoder;
    this.#limits = limits;
    this.#plain = new PlainFields({ bytesMax: limits.headBytesMax, countMax: limits.headerCountMax });
  }

  /** Reads one block. Throws a ConnectionFault when it cannot be decoded. */
  read(bytes: Uint8Array, range: { readonly at: number; readonly end: number }): ResponseHead {
    const plain = this.#plain;
    plain.begin();
    this.#status = undefined;
    this.#decoder.decode(bytes, range, this);
    const status = this.#status ?? "";
    if (!/^[1-9]\d\d$/.test(status)) plain.fail("one :status of three digits");
    return { status: Number(status), headers: plain.headers, contentLength: plain.contentLength, error: this.#error() };
  }

  field(field: HeaderField): void {
    const plain = this.#plain;
    if (!plain.counts(field)) return;
    if (field.kind !== h2Kinds.status || !plain.none) {
      if (field.kind >= h2Kinds.method && field.kind <= h2Kinds.protocol) plain.fail(`:status alone and first, found ${field.name}`);
      else plain.take(field);
      return;
    }
    if (this.#status !== undefined) plain.fail("one :status, found a second");
    this.#status = field.value;
  }

  #error(): WireError | undefined {
    const plain = this.#plain;
    if (plain.tooLong) {
      const { headBytesMax } = this.#limits;
      return new WireError(wireReasons.UPSTREAM_HEAD_TOO_LARGE, `expected a head of at most ${headBytesMax} bytes, found more`);
    }
    if (plain.malformed === undefined) return undefined;
    return new WireError(wireReasons.UPSTREAM_HEAD_INVALID, plain.malformed.message);
  }
}
