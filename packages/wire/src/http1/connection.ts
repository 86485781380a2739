import type { Body, BodyStream, HttpHandler, HttpRequest, HttpResponse } from "../http.ts";
import { dateLineAt } from "../clock.ts";
import { countRefusal } from "../counters.ts";
import { serverSettingsFrom, type ServerOptions, type ServerSettings } from "../options.ts";
import { WireError, wireReasons } from "../reasons.ts";
import type { WheelEntry } from "../timing-wheel.ts";
import { answerHeadFrom } from "./answer.ts";
import { ConnectionDuplex } from "./byte-duplex.ts";
import { ServerExchange } from "./exchange.ts";
import { copied, type ConnectionOutput } from "./output.ts";
import type { RequestHead } from "./request-head.ts";
import { RequestReader, type RequestSink } from "./request-reader.ts";
import { refusalFrom } from "./serialise.ts";
import { ConnectionWriter, leaveBody, wireErrorFrom, writeBody } from "./writer.ts";

/** Who is at the other end. */
export interface Peer {
  readonly address: string;
  readonly secure: boolean;
}

type Wait = "none" | "idle" | "head" | "body" | "write" | "linger";
const lingerBytesMax = 262_144;

/**
 * One HTTP/1.1 connection of a server, as a state machine: tell it what happens (`receive`, `end`, `drained`, `closed`),
 * and it calls the handler and the output. It never throws.
 */
export class ServerConnection implements RequestSink, WheelEntry {
  deadlineMs = Infinity;
  lookMs = Infinity;
  readonly #handler: HttpHandler;
  readonly #settings: ServerSettings;
  readonly #output: ConnectionOutput;
  readonly #writer: ConnectionWriter;
  readonly #reader: RequestReader;
  readonly #peer: Peer;
  #first: ServerExchange | undefined;
  #last: ServerExchange | undefined;
  #depth = 0;
  #served = 0;
  #wait: Wait = "none";
  #duplex: ConnectionDuplex | undefined;
  /** No more requests are read: the last answer is on its way, or has been sent. */
  #ending = false;
  /** The last request of this connection has been read. */
  #lastRead = false;
  #shutting = false;
  #inputEnded = false;
  #closed = false;
  #reading = true;
  #processing = false;
  #held = false;
  #lingerBytes = 0;
  #requestStartMs = -1;

  constructor(handler: HttpHandler, settings: ServerSettings, ends: { output: ConnectionOutput; peer: Peer }) {
    this.#handler = handler;
    this.#settings = settings;
    this.#output = ends.output;
    this.#peer = ends.peer;
    this.#writer = new ConnectionWriter(ends.output);
    this.#reader = new RequestReader(this, settings.limits);
    this.#arm();
  }

  /** Bytes came. `borrowed` ones are only valid during the call. */
  receive(bytes: Uint8Array, borrowed = false): void {
    this.#settings.counters.bytesRead += bytes.length;
    if (this.#closed) return;
    if (this.#duplex !== undefined) {
      this.#duplex.receive(borrowed ? copied(bytes) : bytes);
      return;
    }
    if (this.#ending) {
      this.#lingerBytes += bytes.length;
      if (this.#lingerBytes > lingerBytesMax) this.#output.destroy();
      return;
    }
    this.#read(() => this.#reader.receive(bytes, borrowed));
  }

  /** The other side has ended its direction. */
  end(): void {
    if (this.#closed || this.#inputEnded) return;
    this.#inputEnded = true;
    if (this.#duplex !== undefined) {
      this.#duplex.finish();
      return;
    }
    if (this.#reader.inBody) this.#refuse(new WireError(wireReasons.BODY_TRUNCATED, "expected the rest of the body, found the end"));
    for (let exchange = this.#first; exchange !== undefined; exchange = exchange.next) exchange.cancel();
    if (this.#first === undefined) this.#output.end();
  }

  /** There is room for more writing. */
  drained(): void {
    this.#writer.drained();
    this.#duplex?.drained();
    if (this.#closed || this.#duplex !== undefined) return;
    this.#read(() => this.#reader.resume());
  }

  /** The connection is gone. */
  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#settings.wheel.set(this, Infinity);
    this.#settings.counters.bytesWritten += this.#writer.bytes;
    this.#writer.close();
    const gone = new WireError(wireReasons.CLIENT_GONE, "expected an open connection, found it closed");
    this.#reader.fail(gone);
    this.#duplex?.closed();
    for (let exchange = this.#first; exchange !== undefined; exchange = exchange.next) {
      exchange.over = true;
      if (exchange.iterator !== undefined) leaveBody(exchange.iterator);
      exchange.cancel();
      this.#settings.counters.requestsInFlight -= 1;
    }
    this.#first = undefined;
    this.#last = undefined;
  }

  /** Finish what has been asked, then close. A connection that stands idle is closed at once. */
  shut(): void {
    this.#shutting = true;
    if (this.#closed || this.#duplex !== undefined || this.#ending) return;
    if (this.#first === undefined && this.#reader.between) this.#finishConnection();
  }

  /** A deadline has passed. */
  expire(): void {
    const { counters } = this.#settings;
    switch (this.#wait) {
      case "idle":
        this.#finishConnection();
        return;
      case "head":
        this.#refuse(new WireError(wireReasons.HEAD_TIMEOUT, "expected the rest of the head in time, found nothing"));
        return;
      case "body":
        this.#refuse(new WireError(wireReasons.BODY_TIMEOUT, "expected more of the body in time, found nothing"));
        return;
      case "write":
        countRefusal(counters, wireReasons.CLIENT_GONE.reason);
        this.#output.destroy();
        return;
      case "linger":
      case "none":
        this.#output.destroy();
    }
  }

  ready(): boolean {
    return !this.#held && !this.#lastRead && !this.#ending && this.#depth < this.#settings.limits.pipelineDepthMax && !this.#writer.full;
  }

  request(head: RequestHead, body: Body): void {
    const exchange = new ServerExchange(head, this.#peer);
    this.#served += 1;
    if (this.#served >= this.#settings.limits.requestsPerConnectionMax) exchange.keepAlive = false;
    if (!exchange.keepAlive) this.#lastRead = true;
    if (head.upgrade !== undefined) this.#held = true;
    if (head.expectsContinue && this.#reader.inBody) exchange.continueOwed = true;
    exchange.body = this.#reader.stream;
    this.#queue(exchange);
    const { counters } = this.#settings;
    counters.requestsTotal += 1;
    const request: HttpRequest = {
      method: head.method,
      target: head.target,
      authority: head.authority,
      headers: head.headers,
      body,
      upgrade: head.upgrade,
    };
    void this.#handle(request, exchange);
  }

  pull(): void {
    const exchange = this.#last;
    if (exchange?.continueOwed === true && exchange === this.#first) this.#sendContinue(exchange);
    this.#settle();
  }

  cancel(): void {
    if (this.#last !== undefined) this.#last.keepAlive = false;
    this.#settle();
  }

  async #handle(request: HttpRequest, exchange: ServerExchange): Promise<void> {
    let response: HttpResponse;
    try {
      response = await this.#handler(request, exchange);
    } catch (thrown) {
      response = this.#failed(thrown);
    }
    this.#answered(exchange, response);
  }

  #failed(thrown: unknown): HttpResponse {
    const error = new WireError(wireReasons.HANDLER_FAILED, "expected an answer from the handler, found a rejection", { cause: thrown });
    countRefusal(this.#settings.counters, error.reason);
    this.#settings.onFailure(error);
    return { status: 500, headers: [] };
  }

  #queue(exchange: ServerExchange): void {
    if (this.#last === undefined) this.#first = exchange;
    else this.#last.next = exchange;
    this.#last = exchange;
    this.#depth += 1;
    this.#settings.counters.requestsInFlight += 1;
  }

  #answered(exchange: ServerExchange, response: HttpResponse): void {
    if (exchange.over) {
      const { body } = response;
      if (body !== undefined && !(body instanceof Uint8Array)) leaveBody(body[Symbol.asyncIterator]());
      return;
    }
    exchange.response = response;
    if (exchange === this.#first) this.#writeAnswers();
  }

  #writeAnswers(): void {
    for (let exchange = this.#first; exchange?.response !== undefined && !exchange.begun; exchange = this.#first) {
      exchange.begun = true;
      if (!this.#writeAnswer(exchange, exchange.response)) break;
    }
    const next = this.#first;
    if (next?.continueOwed === true && next.body?.wanted === true) this.#sendContinue(next);
    if (this.#first === undefined || this.#first === this.#last) this.#writer.flush();
    else this.#writer.flushSoon();
  }

  /** Writes one answer; false when its body goes on later. */
  #writeAnswer(exchange: ServerExchange, response: HttpResponse): boolean {
    const settings = this.#settings;
    if (exchange === this.#last && this.#reader.inBody && !this.#bodyMayStay(exchange)) exchange.keepAlive = false;
    const options = {
      isHead: exchange.isHead,
      version: exchange.version,
      keepAlive: exchange.keepAlive && (exchange !== this.#last || (!this.#shutting && !this.#inputEnded)),
      upgrade: exchange.upgrade,
      dateLine: dateLineAt(settings.clock.nowMs()),
    };
    let head;
    let { body } = response;
    try {
      head = answerHeadFrom(response, options);
    } catch (thrown) {
      const error = wireErrorFrom(thrown);
      countRefusal(settings.counters, error.reason);
      settings.onFailure(error);
      if (body !== undefined && !(body instanceof Uint8Array)) leaveBody(body[Symbol.asyncIterator]());
      body = undefined;
      head = answerHeadFrom({ status: 500, headers: [] }, options);
    }
    exchange.keepAlive = head.keepAlive;
    // A streamed answer may be made of the body that it has not asked for yet, and after the head it is too late to say 100.
    if (exchange.continueOwed && (head.framing === "length" || head.framing === "chunked")) this.#sendContinue(exchange);
    this.#writer.text(head.text);
    if (response.status === 101 && response.takeOver !== undefined && head.text.startsWith("HTTP/1.1 101")) {
      this.#handOver(exchange, response.takeOver);
      return false;
    }
    if (body !== undefined && !(body instanceof Uint8Array)) {
      const iterator = body[Symbol.asyncIterator]();
      if (head.framing !== "none" && head.framing !== "whole") {
        exchange.iterator = iterator;
        void this.#writeStream(exchange, { stream: body, iterator }, head.framing);
        this.#writer.flushSoon();
        return false;
      }
      leaveBody(iterator);
    } else if (head.framing === "whole" && body !== undefined && body.length > 0) this.#writer.content(body);
    this.#finish(exchange);
    return true;
  }

  /** Whether a body that nobody has read yet leaves the connection usable. */
  #bodyMayStay(exchange: ServerExchange): boolean {
    if (exchange.continueOwed && (exchange.response?.body === undefined || exchange.response.body instanceof Uint8Array)) return false;
    if (exchange.body === undefined) return true;
    return exchange.body.iterated || exchange.response?.body === exchange.body ? !exchange.body.left : this.#reader.skippable;
  }

  async #writeStream(
    exchange: ServerExchange,
    body: { stream: BodyStream; iterator: AsyncIterator<Uint8Array> },
    framing: "length" | "chunked" | "close",
  ): Promise<void> {
    try {
      await writeBody(this.#writer, body, { framing, reason: wireReasons.RESPONSE_INVALID, onProgress: () => this.#settle() });
    } catch (thrown) {
      if (exchange.over) return;
      const error = wireErrorFrom(thrown);
      countRefusal(this.#settings.counters, error.reason);
      this.#settings.onFailure(error);
      this.#writer.flush();
      this.#output.destroy();
      return;
    }
    if (exchange.over) return;
    this.#finish(exchange);
    this.#writeAnswers();
  }

  /** The first exchange has been answered. */
  #finish(exchange: ServerExchange): void {
    exchange.over = true;
    this.#first = exchange.next;
    if (this.#first === undefined) this.#last = undefined;
    this.#depth -= 1;
    this.#settings.counters.requestsInFlight -= 1;
    if (this.#last === undefined && this.#reader.inBody && !this.#ending) {
      if (this.#reader.skippable && exchange.keepAlive) this.#reader.skip();
      else exchange.keepAlive = false;
    }
    if (!exchange.keepAlive) this.#finishConnection();
    else if (exchange.upgrade !== undefined) this.#held = false;
    if (!this.#processing) this.#read(() => this.#reader.resume());
  }

  #handOver(exchange: ServerExchange, takeOver: (duplex: ConnectionDuplex) => void): void {
    this.#writer.flush();
    this.#first = undefined;
    this.#last = undefined;
    exchange.over = true;
    this.#settings.counters.requestsInFlight -= 1;
    this.#settings.wheel.set(this, Infinity);
    this.#wait = "none";
    const duplex = new ConnectionDuplex(this.#output);
    this.#duplex = duplex;
    const rest = this.#reader.rest();
    if (rest.length > 0) duplex.receive(rest);
    if (this.#inputEnded) duplex.finish();
    takeOver(duplex);
  }

  #sendContinue(exchange: ServerExchange): void {
    exchange.continueOwed = false;
    this.#writer.text("HTTP/1.1 100 Continue\r\n\r\n");
    this.#writer.flush();
  }

  /** Answers a request that cannot be taken, in its turn, and reads nothing more. */
  #refuse(error: WireError): void {
    if (this.#closed || this.#ending) {
      if (this.#wait === "body") this.#output.destroy();
      return;
    }
    countRefusal(this.#settings.counters, error.reason);
    const unfinished = this.#reader.inBody ? this.#last : undefined;
    this.#reader.fail(error);
    this.#ending = true;
    this.#settings.wheel.set(this, Infinity);
    if (unfinished?.begun === true) {
      this.#output.destroy();
      return;
    }
    const exchange = new ServerExchange(undefined, this.#peer);
    exchange.response = {
      status: error.status,
      headers: ["content-type", "application/json"],
      body: Buffer.from(refusalFrom(error)),
    };
    if (unfinished !== undefined && unfinished.body !== undefined) this.#replace(unfinished, exchange);
    else this.#queue(exchange);
    if (this.#first === exchange) this.#writeAnswers();
  }

  /** The refusal takes the place of a request whose body turned out bad. */
  #replace(old: ServerExchange, exchange: ServerExchange): void {
    old.over = true;
    old.cancel();
    if (this.#first === old) this.#first = exchange;
    else for (let before = this.#first; before !== undefined; before = before.next) if (before.next === old) before.next = exchange;
    this.#last = exchange;
  }

  /** Ends our direction; the other side gets a moment to read and to end its own. */
  #finishConnection(): void {
    this.#ending = true;
    this.#writer.flush();
    this.#output.end();
    if (this.#inputEnded) return;
    this.#wait = "linger";
    this.#settings.wheel.set(this, this.#settings.clock.monotonicMs() + this.#settings.timeouts.lingerMs);
    this.#setReading(true);
  }

  #read(action: () => void): void {
    this.#processing = true;
    try {
      action();
    } catch (thrown) {
      this.#refuse(wireErrorFrom(thrown));
    }
    this.#processing = false;
    if (this.#inputEnded && this.#first === undefined && !this.#closed && !this.#ending) this.#finishConnection();
    this.#settle();
  }

  /** Reading and deadline follow from the state. */
  #settle(): void {
    if (this.#closed || this.#wait === "linger" || this.#duplex !== undefined) return;
    const { stream } = this.#reader;
    const unasked = stream !== undefined && !stream.wanted && !stream.left;
    this.#setReading(!(this.#writer.full || unasked || (this.#reader.holds && !this.ready())));
    this.#arm();
  }

  #setReading(reading: boolean): void {
    if (reading === this.#reading || this.#closed) return;
    this.#reading = reading;
    if (reading) this.#output.resume();
    else this.#output.pause();
  }

  #arm(): void {
    const { wheel, clock, timeouts } = this.#settings;
    let wait: Wait = "none";
    if (this.#writer.full) wait = "write";
    else if (this.#reader.inBody) wait = this.#reading ? "body" : "none";
    else if (this.#reader.holds) wait = this.ready() ? "head" : "none";
    else if (this.#first === undefined) wait = "idle";
    if (wait === "none") {
      this.#wait = wait;
      wheel.set(this, Infinity);
      return;
    }
    const nowMs = clock.monotonicMs();
    if (wait === "head" && this.#wait === "head") return;
    if (wait !== "head" && wait !== "body") this.#requestStartMs = -1;
    else if (this.#requestStartMs < 0) this.#requestStartMs = nowMs;
    const untilMs = { idle: timeouts.idleMs, head: timeouts.headerMs, body: timeouts.bodyIdleMs, write: timeouts.writeIdleMs, linger: 0 }[
      wait
    ];
    const requestEndMs = wait === "body" ? this.#requestStartMs + timeouts.requestMs : Infinity;
    this.#wait = wait;
    wheel.set(this, Math.min(nowMs + untilMs, requestEndMs));
  }
}

/**
 * One connection without a socket: bytes in by `receive`, bytes out by `output`. The same state machine that `createServer`
 * runs; for tests, fuzzers, and transports of one's own.
 */
export function createConnection(
  handler: HttpHandler,
  options: ServerOptions & { readonly peer?: Peer },
  output: ConnectionOutput,
): ServerConnection {
  return new ServerConnection(handler, serverSettingsFrom(options), { output, peer: options.peer ?? { address: "memory", secure: false } });
}
