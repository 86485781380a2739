import type { Body } from "../http.ts";
import { WireError, wireReasons } from "../reasons.ts";
import { BodyReader } from "./body-reader.ts";
import { requestChunkedReasons, type ChunkedOptions } from "./chunked.ts";
import { headTextFrom, type HeadTextOptions } from "./head-text.ts";
import { bodyStreamOf, IncomingBody, type BodySource } from "./incoming-body.ts";
import type { MessageLimits } from "./limits.ts";
import { copied, joined } from "./output.ts";
import { requestHeadFrom, requestLineFrom, type RequestHead } from "./request-head.ts";
import { lengthChunked } from "./response-head.ts";

/** Who hears of requests. */
export interface RequestSink extends BodySource {
  /** A request: its body is nothing, whole, or a stream that the reader goes on filling. */
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
const nothing = new Uint8Array(0);

/** Turns the bytes of one connection into requests. It knows no socket, no time and no answers. */
export class RequestReader {
  readonly #sink: RequestSink;
  readonly #limits: RequestReaderLimits;
  readonly #headOptions: HeadTextOptions;
  readonly #chunkedOptions: ChunkedOptions;
  #mode: Mode = "head";
  #input: Uint8Array = nothing;
  #at = 0;
  #borrowed = false;
  #lineSkipped = false;
  #head: RequestHead | undefined;
  #body: BodyReader | undefined;
  #stream: IncomingBody | undefined;
  #parts: Uint8Array[] = [];
  #skipped = 0;

  constructor(sink: RequestSink, limits: RequestReaderLimits) {
    this.#sink = sink;
    this.#limits = limits;
    this.#headOptions = {
      bytesMax: limits.headBytesMax,
      tooLarge: wireReasons.HEAD_TOO_LARGE,
      checkStart: (text, lineEnd) => void requestLineFrom(text, lineEnd, limits.targetBytesMax),
    };
    this.#chunkedOptions = { ...limits, reasons: requestChunkedReasons };
  }

  /** Whether the connection stands between two requests with nothing read of the next. */
  get between(): boolean {
    return this.#mode === "head" && this.#input.length === 0;
  }

  /** Whether bytes lie here that have not been looked at, because `ready` said no. */
  get holds(): boolean {
    return this.#mode === "head" && this.#input.length > 0;
  }

  /** Whether part of a body is still to come. */
  get inBody(): boolean {
    return this.#mode !== "head";
  }

  /** The stream that is being filled. */
  get stream(): IncomingBody | undefined {
    return this.#mode === "stream" ? this.#stream : undefined;
  }

  /** Takes bytes; `borrowed` ones may be overwritten after the call, so what is kept of them is copied. Throws a WireError. */
  receive(bytes: Uint8Array, borrowed: boolean): void {
    if (this.#input.length > 0) {
      this.#input = joined([this.#input, bytes]);
      this.#borrowed = false;
    } else {
      this.#input = bytes;
      this.#borrowed = borrowed;
    }
    this.resume();
  }

  /** Reads on in what is there already. Throws a WireError. */
  resume(): void {
    while (this.#at < this.#input.length) {
      if (this.#mode === "head" ? !this.#readHead() : !this.#readBody()) break;
    }
    if (this.#at >= this.#input.length) this.#input = nothing;
    else if (this.#at > 0 || this.#borrowed) {
      this.#input = this.#borrowed ? copied(this.#input.subarray(this.#at)) : this.#input.subarray(this.#at);
    }
    this.#at = 0;
    this.#borrowed = false;
  }

  /** Hands out what has not been looked at, for whoever takes the connection over. */
  rest(): Uint8Array {
    const rest = this.#input.subarray(this.#at);
    this.#input = nothing;
    this.#at = 0;
    return this.#borrowed ? copied(rest) : rest;
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
    const input = this.#input;
    // One empty line before a request is let through (RFC 9112 §2.2): old clients send it after a body.
    if (!this.#lineSkipped && input[this.#at] === 13) {
      if (this.#at + 1 >= input.length) return false;
      if (input[this.#at + 1] === 10) {
        this.#at += 2;
        this.#lineSkipped = true;
        return true;
      }
    }
    const text = headTextFrom(input, this.#at, this.#headOptions);
    if (text === undefined) return false;
    this.#lineSkipped = false;
    const head = requestHeadFrom(text, this.#limits);
    this.#at += text.length;
    if (head.length === 0) this.#sink.request(head, undefined);
    else this.#beginBody(head);
    return true;
  }

  #beginBody(head: RequestHead): void {
    const { length } = head;
    const available = this.#input.length - this.#at;
    const whole = length !== lengthChunked && length <= this.#limits.inlineBytesMax;
    if (whole && available >= length) {
      const content = this.#kept(this.#input.subarray(this.#at, this.#at + length));
      this.#at += length;
      this.#sink.request(head, content);
      return;
    }
    this.#body = new BodyReader(length, this.#chunkedOptions);
    this.#parts = [];
    if (whole && !head.expectsContinue) {
      this.#head = head;
      this.#mode = "whole";
      return;
    }
    this.#mode = "stream";
    if (length === lengthChunked) this.#beginChunked(head, this.#body);
    else this.#beginStream(head, length);
  }

  /** A chunked body that has arrived whole is handed over whole. */
  #beginChunked(head: RequestHead, body: BodyReader): void {
    this.#at = body.read(this.#input, this.#at, (content) => this.#parts.push(this.#kept(content)));
    const parts = this.#parts;
    this.#parts = [];
    if (!body.done) {
      this.#beginStream(head, undefined);
      for (const part of parts) this.#stream?.push(part);
      return;
    }
    this.#bodyRead();
    if (body.trailers !== undefined) this.#sink.request(head, bodyStreamOf(parts, body.trailers));
    else this.#sink.request(head, parts.length === 0 ? undefined : joined(parts));
  }

  #beginStream(head: RequestHead, length: number | undefined): void {
    this.#stream = new IncomingBody(this.#sink, length);
    this.#sink.request(head, this.#stream);
  }

  #readBody(): boolean {
    const body = this.#body as BodyReader;
    this.#at = body.read(this.#input, this.#at, (content) => this.#take(content));
    if (!body.done) return true;
    const { trailers } = body;
    const stream = this.#stream;
    const whole = this.#mode === "whole";
    const head = this.#head as RequestHead;
    const parts = this.#parts;
    this.#bodyRead();
    if (whole) this.#sink.request(head, joined(parts));
    else stream?.finish(trailers);
    return true;
  }

  #take(content: Uint8Array): void {
    if (this.#mode === "whole") this.#parts.push(this.#kept(content));
    else if (this.#mode === "stream") this.#stream?.push(this.#kept(content));
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
    this.#parts = [];
    this.#skipped = 0;
  }

  #kept(content: Uint8Array): Uint8Array {
    return this.#borrowed ? copied(content) : content;
  }
}
