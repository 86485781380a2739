import { ClientCall, type ClientRequest, type ClientResponse, type RequestOptions } from "../client-call.ts";
import type { ClientSettings } from "../client-options.ts";
import { LastGone } from "../last-gone.ts";
import { WireError, wireReasons } from "../reasons.ts";
import { SocketOutput } from "../socket.ts";
import { Http2ClientConnection, type Http2ClientOwner } from "./client-connection.ts";
import type { Http2ClientSettings } from "./client-options.ts";
import { WaitingCalls } from "../waiting-calls.ts";

// What a connection that is being made is trusted to take; RFC 9113 §6.5.2 recommends that origins allow no less.
const streamsExpected = 100;

/** Connections of one client that speaks HTTP/2: as few as there are places needed. */
export class Http2Pool implements Http2ClientOwner {
  readonly #settings: ClientSettings & { readonly http2: Http2ClientSettings };
  readonly #connections = new Set<Http2ClientConnection>();
  readonly #waiting: WaitingCalls;
  #closed = false;
  readonly #lastGone = new LastGone();

  constructor(settings: ClientSettings & { readonly http2: Http2ClientSettings }) {
    this.#settings = settings;
    this.#waiting = new WaitingCalls(settings);
  }

  get state(): { readonly open: number; readonly idle: number; readonly inFlight: number; readonly waiting: number } {
    let idle = 0;
    for (const connection of this.#connections) if (connection.inFlight === 0 && !connection.connecting) idle += 1;
    return { open: this.#connections.size, idle, inFlight: this.#connections.size - idle, waiting: this.#waiting.size };
  }

  request(request: ClientRequest, options: RequestOptions = {}): Promise<ClientResponse> {
    return new Promise((resolve, reject) => {
      const { timeoutMs } = options;
      const deadlineMs = timeoutMs === undefined ? Infinity : this.#settings.clock.monotonicMs() + timeoutMs;
      const call = new ClientCall(request, options, { deadlineMs, resolve, reject });
      if (this.#closed) call.fail(closedError());
      else if (options.signal?.aborted === true) call.cancel();
      else if (!call.over) this.start(call);
    });
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#closed = true;
    this.#waiting.failAll(closedError());
    for (const connection of this.#connections) connection.retire();
    if (this.#connections.size === 0) return;
    await this.#lastGone.wait(this.#settings.clock, timeoutMs, () => {
      const error = new WireError(wireReasons.CLIENT_CLOSED, "expected an open client, found it closed", { sent: true });
      for (const connection of this.#connections) connection.destroy(error);
    });
  }

  close(): Promise<void> {
    return this.drain(0);
  }

  roomy(connection: Http2ClientConnection): void {
    while (connection.room > 0 && this.#waiting.size > 0) {
      const call = this.#waiting.take();
      if (call !== undefined) connection.send(call);
    }
  }

  retired(_connection: Http2ClientConnection): void {
    this.#grow();
  }

  gone(connection: Http2ClientConnection, error: WireError): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#lastGone.told();
    if (this.#closed) return;
    // Who waits would wait for the same failure, unless another connection stands.
    if (connection.neverStood && !this.#usable()) this.#waiting.failAll(error);
    else this.#grow();
  }

  /** Takes a call on, or lets it wait. */
  start(call: ClientCall): void {
    for (const connection of this.#connections) {
      if (connection.room === 0) continue;
      connection.send(call);
      return;
    }
    this.#waiting.add(call);
    this.#grow();
  }

  /** Makes a connection when those that are being made cannot take all who wait. */
  #grow(): void {
    if (this.#closed || this.#waiting.size === 0) return;
    let places = 0;
    for (const connection of this.#connections) if (connection.connecting) places += streamsExpected;
    if (places >= this.#waiting.size || this.#connections.size >= this.#settings.connectionsMax) return;
    const { host, port, secure } = this.#settings;
    const { socket, listen } = this.#settings.connect();
    const peer = { address: `${host}:${port}`, secure };
    const connection = new Http2ClientConnection(this.#settings, this, { output: new SocketOutput(socket), peer });
    this.#connections.add(connection);
    listen(connection);
  }

  #usable(): boolean {
    for (const connection of this.#connections) if (connection.room > 0 || connection.connecting || connection.inFlight > 0) return true;
    return false;
  }
}

function closedError(): WireError {
  return new WireError(wireReasons.CLIENT_CLOSED, "expected an open client, found it closed");
}
