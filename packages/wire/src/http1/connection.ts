import type { Body, HttpHandler } from "../http.ts";
import { countRefusal } from "../counters.ts";
import { serverSettingsFrom, type ServerOptions, type ServerSettings } from "../options.ts";
import { WireError, wireReasons } from "../reasons.ts";
import type { WheelEntry } from "../timing-wheel.ts";
import { Answers, type AnswersOwner } from "./answers.ts";
import { ConnectionDuplex } from "./byte-duplex.ts";
import { serverCodecOf } from "./codec.ts";
import { ServerExchange, type Peer } from "./exchange.ts";
import type { ConnectionOutput } from "./output.ts";
import type { RequestHead } from "./request-head.ts";
import { RequestReader, type RequestSink } from "./request-reader.ts";
import { refusalFrom } from "./serialise.ts";
import { ConnectionWriter, wireErrorFrom } from "./writer.ts";

type Wait = "none" | "idle" | "head" | "body" | "write" | "linger";
const lingerBytesMax = 262_144;
const refusedHead = { method: "", minor: 1, keepAlive: false, upgrade: undefined };

/**
 * One HTTP/1.1 connection of a server, as a state machine: tell it what happens (`receive`, `end`, `drained`, `closed`),
 * and it calls the handler and the output. It never throws.
 */
export class ServerConnection implements RequestSink, AnswersOwner, WheelEntry {
  deadlineMs: number = Infinity;
  lookMs: number = Infinity;
  readonly #handler: HttpHandler;
  readonly #settings: ServerSettings;
  readonly #output: ConnectionOutput;
  readonly #writer: ConnectionWriter;
  readonly #reader: RequestReader;
  readonly #answers: Answers;
  #served = 0;
  #wait: Wait = "none";
  #duplex: ConnectionDuplex | undefined = undefined;
  /** The last answer is on its way or has been written: what comes in is thrown away. */
  #ending = false;
  /** The last request of this connection has been read. */
  #lastRead = false;
  #shutting = false;
  #inputEnded = false;
  #closed = false;
  #reading = true;
  /** Whether bytes are being read right now, up the stack. */
  #receiving = false;
  /** An upgrade has been asked for: what follows is not HTTP if it is granted. */
  #held = false;
  #lingerBytes = 0;
  #requestStartMs = -1;

  constructor(handler: HttpHandler, settings: ServerSettings, ends: { output: ConnectionOutput; peer: Peer }) {
    this.#handler = handler;
    this.#settings = settings;
    this.#output = ends.output;
    this.#writer = new ConnectionWriter(ends.output, settings.counters);
    const codec = serverCodecOf(settings);
    this.#reader = new RequestReader(this, settings.limits, codec);
    this.#answers = new Answers(this, settings, { peer: ends.peer, writer: this.#writer, head: codec.answers });
    this.#arm();
  }

  /** Bytes came, up to `end`. `borrowed` ones are only valid during the call. */
  receive(bytes: Uint8Array, end: number = bytes.length, borrowed = false): void {
    this.#settings.counters.bytesRead += end;
    if (this.#closed) return;
    if (this.#duplex !== undefined) {
      this.#duplex.receive(bytes, end, borrowed);
      return;
    }
    if (this.#ending) {
      this.#lingerBytes += end;
      if (this.#lingerBytes > lingerBytesMax) this.#output.destroy();
      return;
    }
    this.#receiving = true;
    try {
      this.#reader.receive(bytes, end, borrowed);
    } catch (thrown) {
      this.#refuse(wireErrorFrom(thrown));
    }
    this.#receiving = false;
    this.#settle();
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
    for (let exchange = this.#answers.first; exchange !== undefined; exchange = exchange.next) exchange.cancel();
    if (this.#answers.first === undefined && !this.#ending) this.#finish();
    else if (this.#ending && this.#answers.first === undefined) this.#output.destroy();
  }

  /** There is room for more writing. */
  drained(): void {
    this.#writer.drained();
    this.#duplex?.drained();
    this.#readOn();
  }

  /** The connection is gone. */
  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#settings.wheel.set(this, Infinity);
    this.#writer.close();
    this.#reader.fail(new WireError(wireReasons.CLIENT_GONE, "expected an open connection, found it closed"));
    this.#duplex?.closed();
    this.#answers.clear();
  }

  /** Finish what has been asked, then close. A connection that stands idle is closed at once. */
  shut(): void {
    this.#shutting = true;
    if (this.#closed || this.#duplex !== undefined || this.#ending) return;
    if (this.#answers.first === undefined && this.#reader.between) this.#finish();
  }

  /** A deadline has passed. */
  expire(): void {
    switch (this.#wait) {
      case "idle":
        this.#finish();
        return;
      case "head":
        this.#refuse(new WireError(wireReasons.HEAD_TIMEOUT, "expected the rest of the head in time, found nothing"));
        return;
      case "body":
        this.#refuse(this.#bodyTimeout());
        return;
      case "write":
        countRefusal(this.#settings.counters, wireReasons.CLIENT_GONE.reason);
        this.#output.destroy();
        return;
      case "linger":
      case "none":
        this.#output.destroy();
    }
  }

  ready(): boolean {
    const { depth, last } = this.#answers;
    // RFC 9112 §9.3.2: only requests with safe methods may be worked on beside each other.
    const mayJoin = last?.isSafe !== false && depth < this.#settings.limits.pipelineDepthMax;
    return mayJoin && !this.#held && !this.#lastRead && !this.#ending && !this.#writer.full;
  }

  request(head: RequestHead, body: Body): void {
    const { counters, limits } = this.#settings;
    const exchange = new ServerExchange(this.#answers, head);
    this.#served += 1;
    counters.requestsTotal += 1;
    if (this.#served >= limits.requestsPerConnectionMax) exchange.keepAlive = false;
    if (!exchange.keepAlive) this.#lastRead = true;
    if (head.upgrade !== undefined) this.#held = true;
    if (this.#reader.inBody) {
      exchange.body = this.#reader.stream;
      exchange.continueOwed = head.expectsContinue;
    }
    const mayAsk = exchange.isSafe || this.#answers.first === undefined;
    this.#answers.push(exchange);
    const { method, target, authority, headers, upgrade } = head;
    const request = { method, target, authority, headers, body, upgrade };
    if (mayAsk) this.#answers.ask(this.#handler, request, exchange);
    else exchange.parked = request;
  }

  pull(): void {
    const exchange = this.#answers.last;
    if (exchange?.continueOwed === true) this.#answers.sendContinue(exchange);
    this.#settle();
  }

  cancel(): void {
    const exchange = this.#answers.last;
    if (exchange !== undefined) exchange.keepAlive = false;
    this.#lastRead = true;
    this.#settle();
  }

  keeps(exchange: ServerExchange): boolean {
    if (!exchange.keepAlive) return false;
    if (exchange !== this.#answers.last) return true;
    if (this.#shutting || this.#inputEnded) return false;
    return !this.#unfinished(exchange) || this.#bodyMayStay(exchange);
  }

  answered(exchange: ServerExchange): void {
    if (exchange.keepAlive && this.#unfinished(exchange)) {
      if (this.#reader.skippable) this.#reader.skip();
      else exchange.keepAlive = false;
    }
    if (!exchange.keepAlive) {
      this.#finish();
      return;
    }
    if (exchange.upgrade !== undefined) this.#held = false;
    this.#unpark();
    this.#readOn();
  }

  /** Asks the request that waited for all answers before it. */
  #unpark(): void {
    const { first } = this.#answers;
    if (first?.parked === undefined) return;
    const request = first.parked;
    first.parked = undefined;
    this.#answers.ask(this.#handler, request, first);
  }

  progressed(): void {
    this.#settle();
  }

  switched(takeOver: (duplex: ConnectionDuplex) => void): void {
    this.#settings.wheel.set(this, Infinity);
    this.#wait = "none";
    const duplex = new ConnectionDuplex(this.#output);
    this.#duplex = duplex;
    const rest = this.#reader.rest();
    if (rest.length > 0) duplex.receive(rest, rest.length, false);
    if (this.#inputEnded) duplex.finish();
    takeOver(duplex);
  }

  broken(): void {
    this.#writer.flush();
    this.#output.destroy();
  }

  /** Whether the body of `exchange` is still being received. */
  #unfinished(exchange: ServerExchange): boolean {
    return exchange.body !== undefined && exchange.body === this.#reader.stream;
  }

  /** Whether a body that has not been read to its end leaves the connection usable. */
  #bodyMayStay(exchange: ServerExchange): boolean {
    const { body, response } = exchange;
    const streams = response?.body !== undefined && !(response.body instanceof Uint8Array);
    if (exchange.continueOwed && !streams) return false;
    if (body === undefined) return true;
    return body.iterated || response?.body === body ? !body.left : this.#reader.skippable;
  }

  /** Answers a request that cannot be taken, in its turn, and reads nothing more. */
  #refuse(error: WireError): void {
    if (this.#closed || this.#ending) return;
    countRefusal(this.#settings.counters, error.reason);
    const { last } = this.#answers;
    const unfinished = last !== undefined && this.#unfinished(last) ? last : undefined;
    const skipped = this.#reader.skipping;
    this.#reader.fail(error);
    this.#ending = true;
    if (skipped || unfinished?.begun === true) {
      this.#output.destroy();
      return;
    }
    const exchange = new ServerExchange(this.#answers, refusedHead);
    const body = Buffer.from(refusalFrom(error));
    exchange.response = { status: error.status, headers: ["content-type", "application/json"], body };
    if (unfinished !== undefined) this.#answers.replace(unfinished, exchange);
    else this.#answers.push(exchange);
    if (this.#answers.first === exchange) this.#answers.write();
  }

  #bodyTimeout(): WireError {
    const { bodyIdleMs, requestMs } = this.#settings.timeouts;
    if (this.#settings.clock.monotonicMs() - this.#requestStartMs >= requestMs) {
      return new WireError(wireReasons.REQUEST_TIMEOUT, `expected the whole request within ${requestMs} ms, found it unfinished`);
    }
    return new WireError(wireReasons.BODY_TIMEOUT, `expected more of the body within ${bodyIdleMs} ms, found nothing`);
  }

  /** Ends our direction; the other side gets a moment to read and to end its own. */
  #finish(): void {
    this.#ending = true;
    this.#writer.flush();
    this.#output.end();
    this.#wait = "linger";
    this.#settings.wheel.set(this, this.#settings.clock.monotonicMs() + this.#settings.timeouts.lingerMs);
    this.#setReading(true);
  }

  /** Something that held up reading may be over. */
  #readOn(): void {
    if (this.#receiving || this.#closed || this.#duplex !== undefined) return;
    if (this.#reader.holds) {
      this.#receiving = true;
      try {
        this.#reader.resume();
      } catch (thrown) {
        this.#refuse(wireErrorFrom(thrown));
      }
      this.#receiving = false;
    }
    if (this.#inputEnded && this.#answers.first === undefined && !this.#ending) this.#finish();
    else this.#settle();
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
    const wait = this.#waitNow();
    if (wait === "none") {
      this.#wait = wait;
      wheel.set(this, Infinity);
      return;
    }
    if (wait === "idle") {
      this.#wait = wait;
      this.#requestStartMs = -1;
      wheel.set(this, wheel.coarseMs() + timeouts.idleMs);
      return;
    }
    if (wait === "head" && this.#wait === "head") return;
    const nowMs = clock.monotonicMs();
    this.#wait = wait;
    if (wait === "write") {
      wheel.set(this, nowMs + timeouts.writeIdleMs);
      return;
    }
    if (this.#requestStartMs < 0) this.#requestStartMs = nowMs;
    if (wait === "head") wheel.set(this, nowMs + timeouts.headerMs);
    else wheel.set(this, Math.min(nowMs + timeouts.bodyIdleMs, this.#requestStartMs + timeouts.requestMs));
  }

  #waitNow(): Wait {
    if (this.#writer.full) return "write";
    if (this.#reader.inBody) return this.#reading ? "body" : "none";
    if (this.#reader.holds) return this.ready() ? "head" : "none";
    return this.#answers.first === undefined ? "idle" : "none";
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
