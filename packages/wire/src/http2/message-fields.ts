import type { HeaderList } from "../http.ts";
import { contentLengthFrom } from "../http1/head.ts";
import { WireError } from "../reasons.ts";
import type { FieldSink } from "./hpack/decoder.ts";
import { h2Kinds, type HeaderField } from "./hpack/field.ts";
import { http2Reasons } from "./reasons.ts";

/** How long a list of fields may be. */
export interface FieldBounds {
  /** Names and values and 32 for each (RFC 9113 §6.5.2). */
  readonly bytesMax: number;
  readonly countMax: number;
}

/** Collects the fields of one message that are not pseudo-fields. What is wrong with them stands in `malformed`. */
export class PlainFields {
  headers: HeaderList = [];
  bytes = 0;
  contentLength = -1;
  expect: string | undefined = undefined;
  host: string | undefined = undefined;
  malformed: WireError | undefined = undefined;
  tooLong = false;
  #cookieAt = -1;
  #count = 0;
  readonly #bounds: FieldBounds;

  constructor(bounds: FieldBounds) {
    this.#bounds = bounds;
  }

  begin(): void {
    this.headers = [];
    this.bytes = 0;
    this.contentLength = -1;
    this.expect = undefined;
    this.host = undefined;
    this.malformed = undefined;
    this.tooLong = false;
    this.#cookieAt = -1;
    this.#count = 0;
  }

  /** Whether nothing but pseudo-fields has come. */
  get none(): boolean {
    return this.#count === 0;
  }

  /** Counts any field; false when it is one too many. */
  counts(field: HeaderField): boolean {
    this.bytes += field.size;
    if (this.bytes > this.#bounds.bytesMax || this.#count > this.#bounds.countMax) this.tooLong = true;
    return !this.tooLong && this.malformed === undefined;
  }

  /** Takes a field that is not a pseudo-field. */
  take(field: HeaderField): void {
    this.#count += 1;
    const { name, value } = field;
    switch (field.kind) {
      case h2Kinds.plain:
        this.headers.push(name, value);
        return;
      case h2Kinds.cookie:
        this.#takeCookie(value);
        return;
      case h2Kinds.host:
        if (this.host !== undefined) this.fail("one host, found a second");
        this.host = value;
        return;
      case h2Kinds.contentLength:
        this.#takeLength(value);
        return;
      case h2Kinds.expect:
        this.expect = this.expect === undefined ? value : `${this.expect},${value}`;
        this.headers.push(name, value);
        return;
      case h2Kinds.te:
        if (value.toLowerCase() !== "trailers") this.fail(`te to be trailers, found ${shown(value)}`);
        return;
      case h2Kinds.connection:
        this.fail(`no ${name}: HTTP/2 has no such framing`);
        return;
      case h2Kinds.invalid:
      case h2Kinds.unknownPseudo:
        this.fail(`a name in lower case and a value without control characters, found ${shown(name)}: ${shown(value)}`);
        return;
      case h2Kinds.method:
      case h2Kinds.scheme:
      case h2Kinds.path:
      case h2Kinds.authority:
      case h2Kinds.status:
      case h2Kinds.protocol:
        this.fail(`pseudo-fields before all others, found ${name} later`);
    }
  }

  fail(expected: string): void {
    this.malformed ??= new WireError(http2Reasons.HEADER_FIELDS_INVALID, `expected ${expected}`);
  }

  /** Cookies that came in crumbs are one again (RFC 9113 §8.2.3). */
  #takeCookie(value: string): void {
    if (this.#cookieAt === -1) this.#cookieAt = this.headers.push("cookie", value) - 1;
    else this.headers[this.#cookieAt] += `; ${value}`;
  }

  #takeLength(value: string): void {
    const length = contentLengthFrom(value);
    if (length < 0) this.fail(`content-length to be one decimal number, found ${shown(value)}`);
    else if (this.contentLength >= 0 && this.contentLength !== length) this.fail("one content-length, found another");
    this.contentLength = length;
  }
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}

/** Collects trailers. `strict` refuses those that RFC 9110 §6.5.1 forbids; else they are left out. */
export class TrailerFields implements FieldSink {
  trailers: HeaderList = [];
  bytes = 0;
  malformed: WireError | undefined = undefined;
  tooLong = false;
  readonly #bytesMax: number;
  readonly #strict: boolean;

  constructor(bytesMax: number, strict: boolean) {
    this.#bytesMax = bytesMax;
    this.#strict = strict;
  }

  begin(): void {
    this.trailers = [];
    this.bytes = 0;
    this.malformed = undefined;
    this.tooLong = false;
  }

  field(field: HeaderField): void {
    this.bytes += field.size;
    if (this.bytes > this.#bytesMax) this.tooLong = true;
    if (this.tooLong || this.malformed !== undefined) return;
    const { kind, name, value } = field;
    const pseudo = name.charCodeAt(0) === 58;
    if (kind === h2Kinds.invalid || kind === h2Kinds.connection || pseudo || (this.#strict && field.trailerForbidden)) {
      this.malformed = new WireError(http2Reasons.HEADER_FIELDS_INVALID, `expected trailers that may stand there, found ${shown(name)}`);
    } else if (!field.trailerForbidden) this.trailers.push(name, value);
  }
}
