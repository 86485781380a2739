import type { Body } from "../http.ts";
import { GatheredBytes } from "../gathered-bytes.ts";
import { WireError, wireReasons } from "../reasons.ts";
import { bodyWithTrailers } from "../whole-body.ts";
import { BodyReader } from "./body-reader.ts";
import type { ServerCodec } from "./codec.ts";
import { readHead } from "./head-text.ts";
import { IncomingBody, type BodySource } from "./incoming-body.ts";
import { lengthChunked, type MessageLimits } from "./limits.ts";
import { Input } from "./input.ts";
import type { RequestHead, RequestHeadReader } from "./request-head.ts";

/** Who hears of requests. */
export interface RequestSink extends BodySource {
  /** A request: `head` is only good during the call; the body is nothing, whole, or a stream that the reader goes on filling. */
  request(head: RequestHead, body: Body): void;
  /** Whether another request may be read now. */
  ready(): boolean;
}

/** Bounds of requests. */
export interface RequestReaderLimits extends MessageLimits {
  readonly encodedSlash: boolean;
  readonly unreadBytesMax: number;
}

type Mode = "head" | "whole" | "stream" | "skip";

/** Turns the bytes of one connection into requests. It knows no socket, no time and no answers. */
export class RequestReader {
  readonly #sink: RequestSink;
  readonly #limits: RequestReaderLimits;
  readonly #codec: ServerCodec;
  /** The head whose body is being collected. */
  #head: RequestHead | undefined = undefined;
  #mode: Mode = "head";
  readonly #input = new Input();
  #lineSkipped = false;
  #body: BodyReader | undefined;
  #stream: IncomingBody | undefined;
  readonly #parts = new GatheredBytes();
  #skipped = 0;

  constructor(sink: RequestSink, limits: RequestReaderLimits, codec: ServerCodec) {
    this.#sink = sink;
    this.#limits = limits;
    this.#codec = codec;
  }

  /** Whether the connection stands between two requests with nothing read of the next. */
  get between(): boolean {
    return this.#mode === "head" && this.#input.end === 0;
  }

  /** Whether bytes lie here that have not been looked at, because `ready` said no. */
  get holds(): boolean {
    return this.#mode === "head" && this.#input.end > 0;
  }

  /** Whether part of a body is still to come. */
  get inBody(): boolean {
    return this.#mode !== "head";
  }

  /** Whether the rest of a body is read only to be thrown away. */
  get skipping(): boolean {
    return this.#mode === "skip";
  }

  /** The stream that is being filled. */
  get stream(): IncomingBody | undefined {
    return this.#mode === "stream" ? this.#stream : undefined;
  }

  /** Takes `bytes` up to `end`; `borrowed` ones may be overwritten after the call, so what is kept of them is copied. Throws a WireError. */
  receive(bytes: Uint8Array, end: number, borrowed: boolean): void {
    this.#input.add(bytes, end, borrowed);
    this.resume();
  }

  /** Reads on in what is there already. Throws a WireError. */
  resume(): void {
    while (this.#input.at < this.#input.end) {
      if (this.#mode === "head" ? !this.#readHead() : !this.#readBody()) break;
    }
    this.#input.settle();
  }

  /** Hands out what has not been looked at, for whoever takes the connection over. */
  rest(): Uint8Array {
    return this.#input.rest();
  }

  /** Whether the rest of a body that nobody reads is short enough to be skipped. */
  get skippable(): boolean {
    const remaining = this.#body?.remaining ?? 0;
    return remaining <= this.#limits.unreadBytesMax;
  }

  /** From now on the body is read and thrown away. */
  skip(): void {
    if (this.#mode === "stream") this.#mode = "skip";
    this.#stream = undefined;
  }

  /** Tells the reader of a body that no more will come. */
  fail(error: WireError): void {
    this.#stream?.fail(error);
    this.#stream = undefined;
  }

  #readHead(): boolean {
    if (!this.#sink.ready()) return false;
    const { bytes, at, end } = this.#input;
    // One empty line before a request is let through (RFC 9112 §2.2): old clients send it after a body.
    if (!this.#lineSkipped && bytes[at] === 13) {
      if (at + 1 >= end) return false;
      if (bytes[at + 1] === 10) {
        this.#input.at += 2;
        this.#lineSkipped = true;
        return true;
      }
    }
    const head = this.#codec.requests;
    const { bound } = this.#codec;
    if (this.#input.staysOpen(bound.bytesMax)) return false;
    head.source.bytes = bytes;
    head.source.base = at;
    const length = readHead(head, end, bound);
    if (length === -1) {
      this.#input.open();
      return false;
    }
    this.#lineSkipped = false;
    this.#input.at += length;
    if (head.length === 0) this.#sink.request(head, undefined);
    else this.#beginBody(head);
    return true;
  }

  #beginBody(head: RequestHeadReader): void {
    const { length } = head;
    const available = this.#input.end - this.#input.at;
    const whole = length !== lengthChunked && length <= this.#limits.inlineBytesMax;
    if (whole && available >= length) {
      const content = this.#input.kept(this.#input.at, this.#input.at + length);
      this.#input.at += length;
      this.#sink.request(head, content);
      return;
    }
    this.#body = new BodyReader(length, this.#codec.chunked);
    if (whole && !head.expectsContinue) {
      this.#mode = "whole";
      this.#head = head.copy();
      return;
    }
    this.#mode = "stream";
    if (length === lengthChunked) this.#beginChunked(head, this.#body);
    else this.#beginStream(head, length);
  }

  /** A chunked body that has arrived whole is handed over whole. */
  #beginChunked(head: RequestHead, body: BodyReader): void {
    this.#input.at = body.read(this.#input.owned(), this.#input.at, (content) => this.#parts.push(content));
    if (!body.done) {
      this.#beginStream(head, undefined);
      for (const part of this.#parts.take()) this.#stream?.push(part);
      return;
    }
    const bytes = this.#parts.whole();
    this.#bodyRead();
    if (body.trailers !== undefined) this.#sink.request(head, bodyWithTrailers(bytes, body.trailers));
    else this.#sink.request(head, bytes.length === 0 ? undefined : bytes);
  }

  #beginStream(head: RequestHead, length: number | undefined): void {
    this.#stream = new IncomingBody(this.#sink, length);
    this.#sink.request(head, this.#stream);
  }

  #readBody(): boolean {
    const body = this.#body as BodyReader;
    this.#input.at = body.read(this.#input.owned(), this.#input.at, (content) => this.#take(content));
    if (!body.done) return true;
    const { trailers } = body;
    const stream = this.#stream;
    const whole = this.#mode === "whole";
    const head = this.#head;
    const bytes = this.#parts.whole();
    this.#bodyRead();
    if (whole) this.#sink.request(head as RequestHead, bytes);
    else stream?.finish(trailers);
    return true;
  }

  #take(content: Uint8Array): void {
    if (this.#mode === "whole") this.#parts.push(content);
    else if (this.#mode === "stream") this.#stream?.push(content);
    else {
      this.#skipped += content.length;
      if (this.#skipped > this.#limits.unreadBytesMax) {
        throw new WireError(
          wireReasons.BODY_TOO_LARGE,
          `expected at most ${this.#limits.unreadBytesMax} bytes of a body that nobody reads`,
        );
      }
    }
  }

  #bodyRead(): void {
    this.#mode = "head";
    this.#body = undefined;
    this.#stream = undefined;
    this.#head = undefined;
    this.#skipped = 0;
  }
}
