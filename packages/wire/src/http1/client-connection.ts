import type { Body, BodyStream, HeaderList } from "../http.ts";
import type { CallCarrier, ClientCall, ClientResponse } from "../client-call.ts";
import type { ClientSettings } from "../client-options.ts";
import { WireError, wireReasons } from "../reasons.ts";
import type { WheelEntry } from "../timing-wheel.ts";
import { clientCodecOf, type ClientCodec } from "./codec.ts";
import { ConnectionDuplex, joinDuplexes } from "./byte-duplex.ts";
import type { ConnectionOutput } from "./output.ts";
import type { ResponseHead } from "./response-head.ts";
import { ResponseReader, type ResponseSink } from "./response-reader.ts";
import { ConnectionWriter, leaveBody, wireErrorFrom, writeBody } from "./writer.ts";

/** Whom a connection tells that it can be used again, or never. */
export interface ClientConnectionOwner {
  free(connection: ClientConnection): void;
  gone(connection: ClientConnection): void;
}

type Wait = "none" | "connect" | "head" | "continue" | "body" | "idle";
type Framing = "none" | "length" | "chunked";

/**
 * One connection of a client, as a state machine: tell it what happens (`opened`, `receive`, `end`, `drained`, `closed`).
 * One request at a time; requests are not pipelined, since one slow answer would hold up the others.
 */
export class ClientConnection implements ResponseSink, WheelEntry, CallCarrier {
  deadlineMs: number = Infinity;
  lookMs: number = Infinity;
  readonly #settings: ClientSettings;
  readonly #owner: ClientConnectionOwner;
  readonly #output: ConnectionOutput;
  readonly #writer: ConnectionWriter;
  readonly #reader: ResponseReader;
  readonly #codec: ClientCodec;
  #call: ClientCall | undefined;
  #served = 0;
  #wait: Wait = "none";
  #open = false;
  #closed = false;
  #reading = true;
  #keepAlive = true;
  #sending = false;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #continued: (() => void) | undefined;
  #duplex: ConnectionDuplex | undefined;
  #failure: WireError | undefined;

  constructor(settings: ClientSettings, owner: ClientConnectionOwner, output: ConnectionOutput) {
    this.#settings = settings;
    this.#owner = owner;
    this.#output = output;
    this.#writer = new ConnectionWriter(output, { bytesWritten: 0 });
    this.#codec = clientCodecOf(settings);
    this.#reader = new ResponseReader(this, settings.limits, this.#codec);
    this.#arm("connect");
  }

  /** Whether it can take a call now. */
  get usable(): boolean {
    return this.#open && !this.#closed && this.#call === undefined;
  }

  /** Takes a call; one that is not open yet sends it when it is. */
  send(call: ClientCall): void {
    this.#call = call;
    call.carrier = this;
    if (this.#open) this.#write(call);
  }

  /** The connection stands. */
  opened(): void {
    this.#open = true;
    if (this.#call !== undefined) this.#write(this.#call);
    else this.#rest();
  }

  /** Bytes came, up to `end`. `borrowed` ones are only valid during the call. */
  receive(bytes: Uint8Array, end: number = bytes.length, borrowed = false): void {
    if (this.#closed) return;
    if (this.#duplex !== undefined) {
      this.#duplex.receive(bytes, end, borrowed);
      return;
    }
    const call = this.#call;
    if (call !== undefined) call.answered = true;
    try {
      this.#reader.receive(bytes, end, borrowed);
    } catch (thrown) {
      this.#break(upstreamError(thrown));
      return;
    }
    if (this.#call === call && call !== undefined) this.#settle();
  }

  /** The other side has ended its direction. */
  end(): void {
    if (this.#closed) return;
    if (this.#duplex !== undefined) this.#duplex.finish();
    else {
      // The other side has said that it is done: only so may the end of the connection be the end of a body.
      if (this.#call !== undefined && this.#reader.endsWithConnection) this.#reader.end();
      else this.#ended(undefined);
      this.#output.destroy();
    }
  }

  drained(): void {
    this.#writer.drained();
    this.#duplex?.drained();
  }

  /** The connection is gone; `cause` is the platform's error. */
  closed(cause?: unknown): void {
    if (this.#closed) return;
    this.#ended(cause);
    this.#closed = true;
    this.#settings.wheel.set(this, Infinity);
    this.#writer.close();
    this.#duplex?.closed(cause);
    this.#owner.gone(this);
  }

  /** Closes a connection that nobody uses, or cuts one that is used. */
  destroy(error?: WireError): void {
    this.#failure ??= error;
    this.#output.destroy();
  }

  expire(): void {
    const call = this.#call;
    if (call === undefined) {
      this.#output.destroy();
      return;
    }
    if (this.#settings.clock.monotonicMs() >= call.deadlineMs) {
      this.#break(
        call.error(wireReasons.TOTAL_TIMEOUT, `expected the answer within ${call.options.timeoutMs ?? 0} ms, found it unfinished`),
      );
    } else if (this.#wait === "connect") {
      const { connectMs } = this.#settings.timeouts;
      this.#break(call.error(wireReasons.CONNECT_TIMEOUT, `expected a connection within ${connectMs} ms, found none`));
    } else if (this.#wait === "continue") {
      this.#continued?.();
      this.#arm("head");
    } else if (this.#wait === "head") {
      this.#break(
        call.error(wireReasons.UPSTREAM_HEAD_TIMEOUT, `expected the answer's head within ${this.#headerMs(call)} ms, found none`),
      );
    } else {
      const bodyIdleMs = call.options.bodyIdleMs ?? this.#settings.timeouts.bodyIdleMs;
      this.#break(call.error(wireReasons.UPSTREAM_BODY_TIMEOUT, `expected more of the body within ${bodyIdleMs} ms, found nothing`));
    }
  }

  abandon(_call: ClientCall, error: WireError): void {
    this.#break(error);
  }

  interim(status: number, headers: HeaderList): void {
    if (status === 100) this.#continued?.();
    else this.#call?.interim(status, headers);
  }

  response(head: ResponseHead, body: Body): void {
    const call = this.#call as ClientCall;
    if (head.status === 101 && head.upgrade?.toLowerCase() !== call.request.upgrade) {
      const asked = call.request.upgrade ?? "no other protocol";
      throw new WireError(wireReasons.UPSTREAM_HEAD_INVALID, `expected ${asked} in a 101 answer, found ${JSON.stringify(head.upgrade)}`);
    }
    this.#keepAlive = head.keepAlive;
    // Whoever answers early does not want the rest of the body.
    this.#continued?.();
    const response: ClientResponse = { status: head.status, headers: head.headers, body, lengthOfGet: head.lengthOfGet };
    if (head.status === 101) this.#switch(call, response);
    else call.resolve(response);
  }

  complete(): void {
    const call = this.#call as ClientCall;
    this.#call = undefined;
    call.finish();
    if (this.#sending) {
      this.#keepAlive = false;
      if (this.#iterator !== undefined) leaveBody(this.#iterator);
    }
    if (this.#keepAlive) this.#rest();
    else this.#output.destroy();
  }

  pull(): void {
    this.#settle();
  }

  cancel(): void {
    const call = this.#call;
    if (call !== undefined) this.#break(call.error(wireReasons.REQUEST_CANCELLED, "expected the body to be read, found its reader gone"));
  }

  #rest(): void {
    this.#served += 1;
    this.#arm("idle");
    this.#setReading(true);
    this.#owner.free(this);
  }

  #write(call: ClientCall): void {
    const { request } = call;
    const { body } = request;
    let head: string;
    let framing: Framing = "none";
    try {
      head = this.#codec.starts.start(request.method, request.target, request.authority || this.#settings.authority);
      head += this.#codec.headers.lines(request.headers);
      if (body === undefined) {
        if (request.method === "POST" || request.method === "PUT" || request.method === "PATCH") head += "\r\ncontent-length: 0";
      } else if (body.length === undefined) {
        framing = "chunked";
        head += "\r\ntransfer-encoding: chunked";
      } else {
        framing = "length";
        head += `\r\ncontent-length: ${body.length}`;
      }
      if (request.upgrade !== undefined) head += upgradeLines(request.upgrade);
    } catch (thrown) {
      this.#call = undefined;
      call.fail(wireErrorFrom(thrown));
      this.#rest();
      return;
    }
    call.sent = true;
    this.#keepAlive = true;
    this.#reader.begin(request.method);
    this.#writer.text(`${head}\r\n\r\n`);
    this.#arm("head");
    if (body === undefined) this.#writer.flush();
    else void this.#writeBody(call, body, framing);
  }

  async #writeBody(call: ClientCall, body: Uint8Array | BodyStream, framing: Framing): Promise<void> {
    const expects = call.request.headers.includes("expect");
    if (body instanceof Uint8Array && !expects) {
      if (body.length > 0) this.#writer.content(body);
      this.#writer.flush();
      return;
    }
    this.#sending = true;
    if (expects) {
      this.#writer.flush();
      this.#arm("continue");
      await new Promise<void>((resolve) => {
        this.#continued = resolve;
      });
      this.#continued = undefined;
      if (this.#call !== call || this.#closed) {
        this.#sending = false;
        return;
      }
      this.#arm("head");
    }
    if (body instanceof Uint8Array) this.#writer.content(body);
    else if (!(await this.#writeStream(call, body, framing === "length" ? "length" : "chunked"))) return;
    this.#sending = false;
    this.#iterator = undefined;
    this.#writer.flush();
  }

  async #writeStream(call: ClientCall, stream: BodyStream, framing: "length" | "chunked"): Promise<boolean> {
    try {
      const iterator = stream[Symbol.asyncIterator]();
      this.#iterator = iterator;
      this.#writer.flushSoon();
      const onProgress = (): void => {
        if (this.#wait === "head" && this.#call === call) this.#arm("head");
      };
      await writeBody(this.#writer, { stream, iterator }, { framing, reason: wireReasons.REQUEST_INVALID, onProgress });
      return this.#call === call;
    } catch (thrown) {
      if (this.#call === call)
        this.#break(call.error(wireReasons.REQUEST_CANCELLED, "expected the rest of the request's body, found an error", thrown));
      return false;
    }
  }

  #switch(call: ClientCall, response: ClientResponse): void {
    const duplex = new ConnectionDuplex(this.#output);
    this.#duplex = duplex;
    this.#call = undefined;
    this.#settings.wheel.set(this, Infinity);
    call.finish();
    const rest = this.#reader.rest();
    if (rest.length > 0) duplex.receive(rest, rest.length, false);
    call.resolve({ ...response, duplex, takeOver: (other) => void joinDuplexes(other, duplex) });
  }

  /** The connection has ended under whatever was going on. */
  #ended(cause: unknown): void {
    const call = this.#call;
    if (call === undefined) return;
    const error = this.#failure ?? this.#endError(call, cause);
    this.#reader.fail(error);
    this.#call = undefined;
    this.#continued?.();
    if (this.#iterator !== undefined) leaveBody(this.#iterator);
    call.fail(error);
  }

  #endError(call: ClientCall, cause: unknown): WireError {
    const where = `${this.#settings.host}:${this.#settings.port}`;
    // What TLS had to say is told as it is. That we were not welcome comes after our handshake is done.
    if (cause instanceof WireError && (!this.#open || (cause.reason !== wireReasons.TLS_CUT.reason && !call.answered))) {
      return new WireError(cause, cause.message, { sent: call.sent, answered: false, cause: cause.cause });
    }
    if (!this.#open) return call.error(wireReasons.CONNECT_FAILED, `expected a connection to ${where}, found ${causeText(cause)}`, cause);
    if (this.#reader.inBody)
      return call.error(wireReasons.UPSTREAM_BODY_TRUNCATED, `expected the rest of the body from ${where}, found the end`, cause);
    if (this.#served > 0 && !call.answered) {
      return call.error(wireReasons.CONNECTION_STALE, `expected an answer from ${where} on a kept connection, found it closed`, cause);
    }
    return call.error(wireReasons.CONNECTION_RESET, `expected an answer from ${where}, found the connection closed`, cause);
  }

  #break(error: WireError): void {
    const call = this.#call;
    this.#failure =
      call === undefined ? error : new WireError(error, error.message, { sent: call.sent, answered: call.answered, cause: error.cause });
    this.#keepAlive = false;
    this.#ended(undefined);
    this.#output.destroy();
  }

  #headerMs(call: ClientCall): number {
    return call.options.headerTimeoutMs ?? this.#settings.timeouts.headerMs;
  }

  /** Reading and deadline follow from what is awaited. */
  #settle(): void {
    if (this.#closed || this.#duplex !== undefined) return;
    const { stream } = this.#reader;
    const wanted = stream === undefined || stream.wanted;
    this.#setReading(wanted);
    if (this.#reader.inBody) this.#arm(wanted ? "body" : "none");
  }

  #setReading(reading: boolean): void {
    if (reading === this.#reading || this.#closed) return;
    this.#reading = reading;
    if (reading) this.#output.resume();
    else this.#output.pause();
  }

  #arm(wait: Wait): void {
    const { wheel, clock, timeouts } = this.#settings;
    this.#wait = wait;
    const call = this.#call;
    if (wait === "idle") {
      wheel.set(this, wheel.coarseMs() + timeouts.idleMs);
      return;
    }
    let forMs = Infinity;
    if (wait === "head") forMs = call === undefined ? timeouts.headerMs : this.#headerMs(call);
    else if (wait === "connect") forMs = timeouts.connectMs;
    else if (wait === "continue") forMs = timeouts.continueMs;
    else if (wait === "body") forMs = call?.options.bodyIdleMs ?? timeouts.bodyIdleMs;
    const untilMs = forMs === Infinity ? Infinity : clock.monotonicMs() + forMs;
    wheel.set(this, Math.min(untilMs, call?.deadlineMs ?? Infinity));
  }
}

function upgradeLines(upgrade: string): string {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z/]+$/.test(upgrade)) {
    throw new WireError(wireReasons.REQUEST_INVALID, `expected a protocol to upgrade to, found ${JSON.stringify(upgrade)}`);
  }
  return `\r\nconnection: upgrade\r\nupgrade: ${upgrade}`;
}

/** Faults of a head are named for requests where they are found; here the other side made them. */
function upstreamError(thrown: unknown): WireError {
  const error = wireErrorFrom(thrown);
  if (error.reason.startsWith("UPSTREAM_")) return error;
  return new WireError(wireReasons.UPSTREAM_HEAD_INVALID, error.message, { cause: error.cause });
}

function causeText(cause: unknown): string {
  return cause instanceof Error ? cause.message : "none";
}
