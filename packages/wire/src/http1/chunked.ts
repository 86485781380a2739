import type { HeaderList } from "../http.ts";
import { WireError, wireReasons, type WireReason } from "../reasons.ts";
import { latin1From } from "./output.ts";
import { fieldNameFrom, isFieldValue, trimmed } from "./syntax.ts";

/** Bounds of a chunked body, and what to call its faults. */
export interface ChunkedOptions {
  readonly bodyBytesMax: number;
  readonly trailerBytesMax: number;
  readonly chunkExtensionBytesMax: number;
  readonly reasons: ChunkedReasons;
}

/** Names of the faults; requests and answers have different ones. */
export interface ChunkedReasons {
  readonly chunk: WireReason;
  readonly trailer: WireReason;
  readonly trailerForbidden: WireReason;
  readonly trailersTooLarge: WireReason;
  readonly tooLarge: WireReason;
}

/** Faults of a request's chunks. */
export const requestChunkedReasons: ChunkedReasons = {
  chunk: wireReasons.CHUNK_INVALID,
  trailer: wireReasons.TRAILER_INVALID,
  trailerForbidden: wireReasons.TRAILER_FORBIDDEN,
  trailersTooLarge: wireReasons.TRAILERS_TOO_LARGE,
  tooLarge: wireReasons.BODY_TOO_LARGE,
};

/** Faults of an answer's chunks. */
export const responseChunkedReasons: ChunkedReasons = {
  chunk: wireReasons.UPSTREAM_BODY_INVALID,
  trailer: wireReasons.UPSTREAM_BODY_INVALID,
  trailerForbidden: wireReasons.UPSTREAM_BODY_INVALID,
  trailersTooLarge: wireReasons.UPSTREAM_BODY_INVALID,
  tooLarge: wireReasons.UPSTREAM_BODY_INVALID,
};

const states = { size: 0, extension: 1, sizeLf: 2, data: 3, dataCr: 4, dataLf: 5, trailer: 6, done: 7 } as const;
const sizeDigitsMax = 12;

/** Decodes a chunked body (RFC 9112 §7.1) fed in any pieces: the same bytes give the same chunks of content or the same fault. */
export class ChunkedDecoder {
  #state: number = states.size;
  #size = 0;
  #digits = 0;
  #extensionBytes = 0;
  #bytes = 0;
  // Only added to until the trailers are whole: looking into a text that grows costs as much as copying it.
  #trailerText = "";
  #trailerBytes = 0;
  /** The byte before, and how many there are of this line. */
  #trailerByte = 0;
  #lineBytes = 0;
  readonly #options: ChunkedOptions;
  /** Set once the last byte of the body has been read; undefined trailers when there were none. */
  trailers: HeaderList | undefined;

  constructor(options: ChunkedOptions) {
    this.#options = options;
  }

  get done(): boolean {
    return this.#state === states.done;
  }

  /** Reads `input` from `at` on, hands content to `take`, and answers where it stopped: behind the body, or at the end. */
  read(input: Uint8Array, at: number, take: (content: Uint8Array) => void): number {
    while (at < input.length && this.#state !== states.done) {
      if (this.#state === states.data) {
        const end = Math.min(input.length, at + this.#size);
        take(input.subarray(at, end));
        this.#size -= end - at;
        at = end;
        if (this.#size === 0) this.#state = states.dataCr;
      } else if (this.#state === states.trailer) at = this.#readTrailers(input, at);
      else {
        this.#readByte(input[at] as number);
        at += 1;
      }
    }
    return at;
  }

  #readByte(byte: number): void {
    switch (this.#state) {
      case states.size:
        this.#readSize(byte);
        return;
      case states.extension:
        this.#readExtension(byte);
        return;
      case states.sizeLf:
        if (byte !== 10) throw this.#invalid("LF after the CR of a chunk's size", byte);
        this.#sizeRead();
        return;
      case states.dataCr:
        if (byte !== 13) throw this.#invalid("CR LF after a chunk", byte);
        this.#state = states.dataLf;
        return;
      default:
        if (byte !== 10) throw this.#invalid("CR LF after a chunk", byte);
        this.#state = states.size;
    }
  }

  #readSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.#digits += 1;
      if (this.#digits > sizeDigitsMax) throw this.#invalid(`at most ${sizeDigitsMax} digits of a chunk's size`, byte);
      this.#size = this.#size * 16 + digit;
      return;
    }
    if (this.#digits === 0) throw this.#invalid("a chunk's size in hexadecimal", byte);
    if (byte === 13) this.#state = states.sizeLf;
    else if (byte === 59) this.#state = states.extension;
    else throw this.#invalid("CR or ; after a chunk's size", byte);
  }

  #readExtension(byte: number): void {
    if (byte === 13) {
      this.#state = states.sizeLf;
      return;
    }
    this.#extensionBytes += 1;
    if (this.#extensionBytes > this.#options.chunkExtensionBytesMax) throw this.#invalid("a shorter chunk extension", byte);
    if (byte !== 9 && (byte < 32 || byte === 127)) throw this.#invalid("no control characters in a chunk extension", byte);
  }

  #sizeRead(): void {
    this.#bytes += this.#size;
    if (this.#bytes > this.#options.bodyBytesMax) {
      throw new WireError(this.#options.reasons.tooLarge, `expected a body of at most ${this.#options.bodyBytesMax} bytes, found more`);
    }
    this.#state = this.#size === 0 ? states.trailer : states.data;
    this.#digits = 0;
    this.#extensionBytes = 0;
  }

  /** Reads trailers from `at` on and answers where it stopped. */
  #readTrailers(input: Uint8Array, at: number): number {
    const from = at;
    while (at < input.length) {
      const byte = input[at] as number;
      at += 1;
      if (this.#readTrailer(byte)) {
        const text = this.#trailerText + latin1From(input, from, at);
        if (text.length > 2) this.trailers = trailersFrom(text, this.#options.reasons);
        this.#trailerText = "";
        this.#state = states.done;
        return at;
      }
    }
    this.#trailerText += latin1From(input, from, at);
    return at;
  }

  /** Whether the byte ends the trailers. */
  #readTrailer(byte: number): boolean {
    const { reasons, trailerBytesMax } = this.#options;
    if (byte !== 9 && byte !== 10 && byte !== 13 && (byte < 32 || byte === 127)) {
      throw new WireError(reasons.trailer, `expected no control characters in trailers, found 0x${byte.toString(16)}`);
    }
    if ((this.#trailerByte === 13) !== (byte === 10)) {
      throw new WireError(reasons.trailer, "expected CR LF at the end of a trailer line");
    }
    this.#trailerByte = byte;
    this.#trailerBytes += 1;
    if (byte === 10 && this.#lineBytes === 1) return true;
    if (this.#trailerBytes > trailerBytesMax) {
      throw new WireError(reasons.trailersTooLarge, `expected trailers of at most ${trailerBytesMax} bytes, found more`);
    }
    this.#lineBytes = byte === 10 ? 0 : this.#lineBytes + 1;
    return false;
  }

  #invalid(expected: string, byte: number): WireError {
    return new WireError(this.#options.reasons.chunk, `expected ${expected}, found byte 0x${byte.toString(16).padStart(2, "0")}`);
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function trailersFrom(text: string, reasons: ChunkedReasons): HeaderList {
  const trailers: string[] = [];
  for (const line of text.slice(0, -4).split("\r\n")) {
    const colon = line.indexOf(":");
    const field = colon === -1 ? undefined : fieldNameFrom(line.slice(0, colon));
    const value = trimmed(line.slice(colon + 1));
    if (field === undefined || !isFieldValue(value)) {
      throw new WireError(reasons.trailer, `expected NAME: VALUE as a trailer, found ${JSON.stringify(line.slice(0, 64))}`);
    }
    if (field.trailerForbidden) throw new WireError(reasons.trailerForbidden, `expected no ${field.name} in trailers, found it`);
    trailers.push(field.name, value);
  }
  return trailers;
}
