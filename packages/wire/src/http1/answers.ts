import { interimMax, type BodyStream, type HeaderList, type HttpHandler, type HttpRequest, type HttpResponse } from "../http.ts";
import { countRefusal } from "../counters.ts";
import type { ServerSettings } from "../options.ts";
import { WireError, wireReasons } from "../reasons.ts";
import { interimHead, type AnswerFraming, type AnswerHeadWriter } from "./answer.ts";
import { leaveAnswer, type ConnectionDuplex } from "./byte-duplex.ts";
import type { ExchangeOwner, Peer, ServerExchange } from "./exchange.ts";
import { leaveBody, listenerError, unsaid, wireErrorFrom, writeBody, type ConnectionWriter } from "./writer.ts";

/** The connection that the answers leave by. */
export interface AnswersOwner {
  /** Whether the connection can serve another request after this answer, as far as it knows. */
  keeps(exchange: ServerExchange): boolean;
  /** An answer has been written to its end. */
  answered(exchange: ServerExchange): void;
  /** A chunk of an answer has been written. */
  progressed(): void;
  /** A 101 has been written. */
  switched(takeOver: (duplex: ConnectionDuplex) => void): void;
  /** An answer cannot be finished: the connection has to be cut, so that nobody takes it for whole. */
  broken(): void;
}

/** What the answers of one connection are written with, and for whom. */
export interface AnswersEnds {
  readonly peer: Peer;
  readonly writer: ConnectionWriter;
  readonly head: AnswerHeadWriter;
}

/** The requests of one connection that wait for their answers, and the writing of those in order. */
export class Answers implements ExchangeOwner {
  readonly peer: Peer;
  first: ServerExchange | undefined = undefined;
  last: ServerExchange | undefined = undefined;
  depth = 0;
  readonly #owner: AnswersOwner;
  readonly #settings: ServerSettings;
  readonly #writer: ConnectionWriter;
  readonly #head: AnswerHeadWriter;

  constructor(owner: AnswersOwner, settings: ServerSettings, ends: AnswersEnds) {
    this.peer = ends.peer;
    this.#owner = owner;
    this.#settings = settings;
    this.#writer = ends.writer;
    this.#head = ends.head;
  }

  /** Puts a request in the queue. */
  push(exchange: ServerExchange): void {
    if (this.last === undefined) this.first = exchange;
    else this.last.next = exchange;
    this.last = exchange;
    this.depth += 1;
    this.#settings.counters.requestsInFlight += 1;
  }

  /** Asks the handler, and writes what it answers in its turn. */
  ask(handler: HttpHandler, request: HttpRequest, exchange: ServerExchange): void {
    let answer: Promise<HttpResponse>;
    try {
      answer = Promise.resolve(handler(request, exchange));
    } catch (thrown) {
      this.set(exchange, this.#failed(thrown));
      return;
    }
    answer.then(
      (response: HttpResponse | null | undefined) => this.set(exchange, response ?? unsaid),
      (thrown: unknown) => this.set(exchange, this.#failed(thrown)),
    );
  }

  /** The answer of a request is there. */
  set(exchange: ServerExchange, response: HttpResponse): void {
    if (exchange.over) {
      leaveAnswer(response);
      return;
    }
    exchange.response = response;
    if (exchange === this.first) this.write();
  }

  /** Writes what can be written. */
  write(): void {
    for (let exchange = this.first; exchange?.response !== undefined && !exchange.begun; exchange = this.first) {
      exchange.begun = true;
      if (!this.#write(exchange, exchange.response)) break;
    }
    const next = this.first;
    if (next === undefined) {
      this.#writer.flush();
      return;
    }
    this.#writeInterims(next);
    if (next.continueOwed && next.body?.wanted === true) this.sendContinue(next);
    // More answers may be ready in a moment; they leave together.
    this.#writer.flushSoon();
  }

  /** Says that the body may come, in its turn. */
  sendContinue(exchange: ServerExchange): void {
    if (exchange !== this.first || !exchange.continueOwed) return;
    exchange.continueOwed = false;
    this.#writer.text("HTTP/1.1 100 Continue\r\n\r\n");
    this.#writer.flush();
  }

  interim(exchange: ServerExchange, status: number, headers: HeaderList): void {
    if (exchange.over || exchange.begun || exchange.version === "1.0" || this.#writer.full || exchange.interimCount >= interimMax) return;
    exchange.interimCount += 1;
    exchange.interims += interimHead(status, headers);
    if (exchange !== this.first) return;
    this.#writeInterims(exchange);
    this.#writer.flush();
  }

  #writeInterims(exchange: ServerExchange): void {
    if (exchange.interims === "") return;
    this.#writer.text(exchange.interims);
    exchange.interims = "";
  }

  /** Puts `exchange` in the place of `old`, whose body turned out bad. */
  replace(old: ServerExchange, exchange: ServerExchange): void {
    old.over = true;
    old.cancel();
    if (this.first === old) this.first = exchange;
    else for (let before = this.first; before !== undefined; before = before.next) if (before.next === old) before.next = exchange;
    this.last = exchange;
  }

  /** The connection is gone: nobody waits any more. */
  clear(): void {
    for (let exchange = this.first; exchange !== undefined; exchange = exchange.next) {
      exchange.over = true;
      if (exchange.iterator !== undefined) leaveBody(exchange.iterator);
      if (exchange.response !== undefined && !exchange.begun) leaveAnswer(exchange.response);
      exchange.cancel();
    }
    this.#settings.counters.requestsInFlight -= this.depth;
    this.depth = 0;
    this.first = undefined;
    this.last = undefined;
  }

  listenerFailed(thrown: unknown): void {
    this.#count(listenerError(thrown));
  }

  #failed(thrown: unknown): HttpResponse {
    this.#count(new WireError(wireReasons.HANDLER_FAILED, "expected an answer from the handler, found a rejection", { cause: thrown }));
    return { status: 500, headers: [] };
  }

  #count(error: WireError): void {
    countRefusal(this.#settings.counters, error.reason);
    this.#settings.onFailure(error);
  }

  /** Writes one answer; false when its body goes on later. */
  #write(exchange: ServerExchange, response: HttpResponse): boolean {
    const head = this.#head;
    const options = { dateLine: this.#settings.date.line(this.#settings.wheel.coarseMs()), keepAlive: this.#owner.keeps(exchange) };
    let text: string;
    let sent = response;
    try {
      text = head.head(response, exchange, options);
    } catch (thrown) {
      this.#count(wireErrorFrom(thrown));
      leaveAnswer(response);
      sent = { status: 500, headers: [] };
      text = head.head(sent, exchange, options);
    }
    const { body } = sent;
    const { framing } = head;
    exchange.keepAlive = head.keepAlive;
    this.#writeInterims(exchange);
    // A streamed answer may be made of the body that it has not asked for yet, and after the head it is too late to say 100.
    if (framing === "length" || framing === "chunked") this.sendContinue(exchange);
    this.#writer.text(text);
    if (sent.status === 101) {
      this.#switch(exchange, sent);
      return false;
    }
    if (framing === "whole") this.#writer.content(body as Uint8Array);
    else if (framing === "none") leaveAnswer(sent);
    else {
      void this.#writeStream(exchange, body as BodyStream, framing);
      return false;
    }
    this.#finish(exchange);
    return true;
  }

  async #writeStream(exchange: ServerExchange, stream: BodyStream, framing: Exclude<AnswerFraming, "none" | "whole">): Promise<void> {
    try {
      const iterator = stream[Symbol.asyncIterator]();
      exchange.iterator = iterator;
      const onProgress = (): void => this.#owner.progressed();
      await writeBody(this.#writer, { stream, iterator }, { framing, reason: wireReasons.RESPONSE_INVALID, onProgress });
    } catch (thrown) {
      if (exchange.over) return;
      this.#count(wireErrorFrom(thrown));
      if (exchange.iterator !== undefined) leaveBody(exchange.iterator);
      this.#owner.broken();
      return;
    }
    if (exchange.over) return;
    this.#finish(exchange);
    this.write();
  }

  #switch(exchange: ServerExchange, response: HttpResponse): void {
    this.#writer.flush();
    this.#remove(exchange);
    try {
      this.#owner.switched(response.takeOver as (duplex: ConnectionDuplex) => void);
    } catch (thrown) {
      this.#count(wireErrorFrom(thrown));
      this.#owner.broken();
    }
  }

  #finish(exchange: ServerExchange): void {
    this.#remove(exchange);
    this.#owner.answered(exchange);
  }

  #remove(exchange: ServerExchange): void {
    exchange.over = true;
    exchange.iterator = undefined;
    this.first = exchange.next;
    if (this.first === undefined) this.last = undefined;
    this.depth -= 1;
    this.#settings.counters.requestsInFlight -= 1;
  }
}
