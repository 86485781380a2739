import { interimMax, type Body, type HeaderList } from "../http.ts";
import { GatheredBytes } from "../gathered-bytes.ts";
import { WireError, wireReasons } from "../reasons.ts";
import { bodyWithTrailers } from "../whole-body.ts";
import { BodyReader } from "./body-reader.ts";
import type { ClientCodec } from "./codec.ts";
import { readHead } from "./head-text.ts";
import { IncomingBody, type BodySource } from "./incoming-body.ts";
import type { MessageLimits } from "./limits.ts";
import { Input } from "./input.ts";
import type { ResponseHead, ResponseHeadReader } from "./response-head.ts";

/** Who hears of answers. */
export interface ResponseSink extends BodySource {
  /** A 1xx other than 101. */
  interim(status: number, headers: HeaderList): void;
  /** The final answer: `head` is only good during the call; the body is nothing, whole, or a stream that the reader goes on filling. */
  response(head: ResponseHead, body: Body): void;
  /** The answer has been read to its end. */
  complete(): void;
}

type Mode = "none" | "head" | "whole" | "stream" | "taken";

/** Turns the bytes of one connection into answers, one for each `begin`. It knows no socket and no time. */
export class ResponseReader {
  readonly #sink: ResponseSink;
  readonly #limits: MessageLimits;
  readonly #codec: ClientCodec;
  #method = "";
  /** The head whose body is being collected. */
  #head: ResponseHead | undefined = undefined;
  #mode: Mode = "none";
  readonly #input = new Input();
  #interims = 0;
  #body: BodyReader | undefined;
  #stream: IncomingBody | undefined;
  readonly #parts = new GatheredBytes();

  constructor(sink: ResponseSink, limits: MessageLimits, codec: ClientCodec) {
    this.#sink = sink;
    this.#limits = limits;
    this.#codec = codec;
  }

  /** Whether an answer is awaited or being read. */
  get busy(): boolean {
    return this.#mode !== "none";
  }

  /** Whether the head of an answer has been read and its body is still coming. */
  get inBody(): boolean {
    return this.#mode === "whole" || this.#mode === "stream";
  }

  /** The stream that is being filled. */
  get stream(): IncomingBody | undefined {
    return this.#stream;
  }

  /** A request with `method` has been sent: its answer comes next. */
  begin(method: string): void {
    this.#mode = "head";
    this.#method = method;
    this.#interims = 0;
  }

  /** Takes `bytes` up to `end`; `borrowed` ones may be overwritten after the call. Throws a WireError, after which nothing more can be read. */
  receive(bytes: Uint8Array, end: number, borrowed: boolean): void {
    this.#input.add(bytes, end, borrowed);
    while (this.#input.at < this.#input.end) {
      if (this.#mode === "none")
        throw new WireError(wireReasons.UPSTREAM_FRAMING_INVALID, "expected no bytes between two answers, found some");
      if (this.#mode === "taken") return;
      if (this.#mode === "head" ? !this.#readHead() : !this.#readBody()) break;
    }
    this.#input.settle();
  }

  /** Whether the end of the connection is the end of the body that is being read. */
  get endsWithConnection(): boolean {
    return this.#mode === "stream" && this.#body?.endsWithConnection === true;
  }

  /** The connection has ended, and the body with it. */
  end(): void {
    this.#done(undefined);
  }

  /** Tells the reader of a body that no more will come. */
  fail(error: WireError): void {
    this.#stream?.fail(error);
    this.#stream = undefined;
    this.#mode = "none";
    this.#input.clear();
  }

  /** Hands out what has not been looked at, for whoever takes the connection over. */
  rest(): Uint8Array {
    return this.#input.rest();
  }

  #readHead(): boolean {
    const head = this.#codec.responses;
    head.method = this.#method;
    const input = this.#input;
    const { bound } = this.#codec;
    if (input.staysOpen(bound.bytesMax)) return false;
    head.source.bytes = input.bytes;
    head.source.base = input.at;
    const length = readHead(head, input.end, bound);
    if (length === -1) {
      input.open();
      return false;
    }
    this.#input.at += length;
    if (head.status < 200 && head.status !== 101) {
      this.#interims += 1;
      if (this.#interims > interimMax)
        throw new WireError(wireReasons.UPSTREAM_HEAD_INVALID, `expected at most ${interimMax} interim answers`);
      this.#sink.interim(head.status, head.headers);
      return true;
    }
    if (head.status === 101) {
      if (head.upgrade === undefined)
        throw new WireError(wireReasons.UPSTREAM_HEAD_INVALID, "expected Upgrade in a 101 answer, found none");
      this.#mode = "taken";
      this.#sink.response(head, undefined);
    } else if (head.length === 0) {
      this.#mode = "none";
      this.#sink.response(head, undefined);
      this.#sink.complete();
    } else this.#beginBody(head);
    return true;
  }

  #beginBody(head: ResponseHeadReader): void {
    const { length } = head;
    const { bodyBytesMax, inlineBytesMax } = this.#limits;
    if (length > bodyBytesMax) {
      throw new WireError(wireReasons.UPSTREAM_BODY_INVALID, `expected a body of at most ${bodyBytesMax} bytes, found ${length} announced`);
    }
    const whole = length > 0 && length <= inlineBytesMax;
    if (whole && this.#input.end - this.#input.at >= length) {
      const content = this.#input.kept(this.#input.at, this.#input.at + length);
      this.#input.at += length;
      this.#mode = "none";
      this.#sink.response(head, content);
      this.#sink.complete();
      return;
    }
    this.#body = new BodyReader(length, this.#codec.chunked);
    this.#mode = "whole";
    this.#head = head.copy();
    if (whole) return;
    this.#input.at = this.#body.read(this.#input.owned(), this.#input.at, (content) => this.#take(content));
    if (this.#body.done) this.#done(this.#body.trailers);
    else this.#beginStream(head, length);
  }

  #beginStream(head: ResponseHead, length: number): void {
    const stream = new IncomingBody(this.#sink, length >= 0 ? length : undefined);
    for (const part of this.#parts.take()) stream.push(part);
    this.#stream = stream;
    this.#mode = "stream";
    this.#sink.response(head, stream);
  }

  #readBody(): boolean {
    const body = this.#body as BodyReader;
    this.#input.at = body.read(this.#input.owned(), this.#input.at, (content) => this.#take(content));
    if (body.bytes > this.#limits.bodyBytesMax) {
      throw new WireError(wireReasons.UPSTREAM_BODY_INVALID, `expected a body of at most ${this.#limits.bodyBytesMax} bytes, found more`);
    }
    if (body.done) this.#done(body.trailers);
    return true;
  }

  #done(trailers: HeaderList | undefined): void {
    const whole = this.#mode === "whole";
    const bytes = this.#parts.whole();
    const stream = this.#stream;
    const head = this.#head as ResponseHead;
    this.#mode = "none";
    this.#stream = undefined;
    this.#head = undefined;
    this.#body = undefined;
    if (!whole) stream?.finish(trailers);
    else if (trailers !== undefined) this.#sink.response(head, bodyWithTrailers(bytes, trailers));
    else this.#sink.response(head, bytes.length === 0 ? undefined : bytes);
    this.#sink.complete();
  }

  #take(content: Uint8Array): void {
    if (this.#mode === "whole") this.#parts.push(content);
    else this.#stream?.push(content);
  }
}
