import type { HeaderList } from "../http.ts";
import { fieldKinds, fieldNameFrom, isFieldValue, trimmed } from "../http1/syntax.ts";
import { WireError, wireReasons, type WireReason } from "../reasons.ts";
import { HpackEncoder } from "./hpack/encoder.ts";

// One block at a time is written, by whichever connection.
let buffer: Uint8Array = Buffer.allocUnsafeSlow(16_384);

/** A list that has been written without changing the encoder's table, with its bytes. */
interface Remembered {
  readonly list: HeaderList;
  readonly bytes: Uint8Array;
  readonly generation: number;
  readonly dated: boolean;
  readonly trailers: boolean;
}

const rememberedMax = 4;
const rememberedBytesMax = 512;
const fieldBytesMax = 16;

/**
 * Writes header blocks of one connection. A list that comes again is copied instead of coded: its bytes were made by
 * references to a table that has not changed since, or by no reference at all, so they mean the same.
 */
export class HeaderBlocks {
  readonly encoder: HpackEncoder;
  readonly #reason: WireReason;
  readonly #remembered: Remembered[] = [];
  #place = 0;
  #end = 0;
  /** Whether the last list had a `date`. */
  dated = false;

  /** `reason` is what to call a list that cannot be sent. */
  constructor(tableBytes: number, reason: WireReason) {
    this.encoder = new HpackEncoder(tableBytes);
    this.#reason = reason;
  }

  /** The block: bytes up to `end`, good until the next `begin` of anyone. */
  get bytes(): Uint8Array {
    return buffer;
  }

  get end(): number {
    return this.#end;
  }

  begin(): void {
    this.#end = this.encoder.begin(buffer, 0);
  }

  /** Adds a field that is known to be good. */
  field(name: string, value: string): void {
    this.#room(name.length + value.length + fieldBytesMax);
    this.#end = this.encoder.field(buffer, this.#end, { name, value });
  }

  /**
   * Adds the fields of a list. Throws for names that are not tokens in lower case or belong to the framing, and for values
   * with control characters; the block must then be begun anew.
   */
  list(headers: HeaderList, trailers = false): void {
    const { encoder } = this;
    const remembered = this.#find(headers, trailers);
    if (remembered !== undefined) {
      this.dated = remembered.dated;
      this.#room(remembered.bytes.length);
      const { bytes } = remembered;
      for (let index = 0; index < bytes.length; index += 1) buffer[this.#end + index] = bytes[index] as number;
      this.#end += bytes.length;
      return;
    }
    try {
      this.#check(headers, trailers);
    } catch (thrown) {
      encoder.abandoned();
      throw thrown;
    }
    const { generation } = encoder;
    const from = this.#end;
    encoder.settled = true;
    for (let index = 0; index < headers.length; index += 2) {
      // White space at the ends of a value means nothing, and HTTP/2 forbids it.
      this.field(headers[index] as string, trimmed(headers[index + 1] as string));
    }
    if (encoder.settled && encoder.generation === generation && this.#end - from <= rememberedBytesMax) {
      const bytes = Uint8Array.prototype.slice.call(buffer, from, this.#end);
      this.#remembered[this.#place] = { list: headers.slice(), bytes, generation, dated: this.dated, trailers };
      this.#place = (this.#place + 1) % rememberedMax;
    }
  }

  #find(headers: HeaderList, trailers: boolean): Remembered | undefined {
    const { generation } = this.encoder;
    for (const one of this.#remembered) {
      if (one.generation === generation && one.trailers === trailers && isSame(one.list, headers)) return one;
    }
    return undefined;
  }

  #check(headers: HeaderList, trailers: boolean): void {
    this.dated = false;
    for (let index = 0; index < headers.length; index += 2) {
      const name = headers[index] as string;
      const value = headers[index + 1] as string;
      const known = typeof name === "string" ? fieldNameFrom(name) : undefined;
      if (known === undefined || known.name !== name) throw this.#error(`header names in lower case, found ${shown(name)}`);
      if (trailers && known.trailerForbidden) throw this.#error(`no ${name} among the trailers`);
      if (known.kind === fieldKinds.date) this.dated = true;
      else if (known.kind !== fieldKinds.plain && known.kind !== fieldKinds.expect) {
        throw this.#error(`no ${name} among the headers: framing is the codec's`);
      }
      if (typeof value !== "string" || !isFieldValue(value)) {
        throw this.#error(`a value without control characters for ${name}, found ${shown(value)}`);
      }
    }
  }

  #error(expected: string): WireError {
    return new WireError(this.#reason, `expected ${expected}`);
  }

  #room(bytes: number): void {
    if (this.#end + bytes <= buffer.length) return;
    const grown = Buffer.allocUnsafeSlow((this.#end + bytes) * 2);
    grown.set(buffer.subarray(0, this.#end));
    buffer = grown;
  }
}

/** Bytes that the decoded list counts at the other side (RFC 9113 §6.5.2). */
export function listBytes(headers: HeaderList): number {
  let bytes = 0;
  for (let index = 0; index < headers.length; index += 2) {
    bytes += (headers[index] as string).length + (headers[index + 1] as string).length + 32;
  }
  return bytes;
}

/** The error of a block that no list of this kind can be. */
export const headerReasons: { readonly response: WireReason; readonly request: WireReason } = {
  response: wireReasons.RESPONSE_HEADER_INVALID,
  request: wireReasons.REQUEST_INVALID,
};

function isSame(one: HeaderList, other: HeaderList): boolean {
  const { length } = one;
  if (length !== other.length) return false;
  for (let index = length - 1; index >= 0; index -= 1) if (one[index] !== other[index]) return false;
  return true;
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 64)) : typeof value;
}
