import { ClientCall, type ClientRequest, type ClientResponse, type RequestOptions } from "./client-call.ts";
import { NegotiatedClient, type ChosenPool } from "./client-negotiated.ts";
import { clientSettingsFrom, type ClientOptions, type ClientSettings } from "./client-options.ts";
import { ClientConnection, type ClientConnectionOwner } from "./http1/client-connection.ts";
import { Http2Pool } from "./http2/client-pool.ts";
import { LastGone } from "./last-gone.ts";
import { WireError, wireReasons } from "./reasons.ts";
import { SocketOutput } from "./socket.ts";
import { WaitingCalls } from "./waiting-calls.ts";

/** How busy a client is. */
export interface ClientState {
  /** Connections, those being made included. */
  readonly open: number;
  readonly idle: number;
  /** Connections that are not idle: asking, being made, or handed over after a 101. */
  readonly inFlight: number;
  /** Requests that wait for a connection. */
  readonly waiting: number;
}

/** A client of one origin, with a pool of kept connections. */
export interface Client {
  readonly state: ClientState;
  /** Rejects with a WireError only; `sent` and `answered` tell how far the request had come. */
  request(request: ClientRequest, options?: RequestOptions): Promise<ClientResponse>;
  /** Takes no more requests, lets those on their way finish, and cuts what is left after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>;
  /** Cuts everything at once. */
  close(): Promise<void>;
}

/**
 * A client of the origin at `host` and `port`. It connects when the first request comes. Throws a WireError when certificates
 * of `tls` cannot be used: TLS_CERTIFICATE_INVALID, TLS_CERTIFICATE_EXPIRED, TLS_KEY_MISMATCH.
 */
export function createClient(options: ClientOptions): Client {
  const settings = clientSettingsFrom(options);
  const { http2, dialer } = settings;
  if (dialer === undefined || http2?.fallback !== true) return poolOf(http2 === undefined ? "http1" : "http2", settings);
  return new NegotiatedClient({ ...settings, dialer, poolOf });
}

function poolOf(protocol: "http1" | "http2", settings: ClientSettings): ChosenPool {
  const { http2 } = settings;
  return http2 === undefined || protocol === "http1" ? new Pool(settings) : new Http2Pool({ ...settings, http2 });
}

class Pool implements Client, ClientConnectionOwner {
  readonly #settings: ClientSettings;
  readonly #connections = new Set<ClientConnection>();
  /** The one used last is on top, so that those not needed grow old and close. */
  readonly #idle: ClientConnection[] = [];
  readonly #waiting: WaitingCalls;
  #closed = false;
  readonly #lastGone = new LastGone();

  constructor(settings: ClientSettings) {
    this.#settings = settings;
    this.#waiting = new WaitingCalls(settings);
  }

  get state(): ClientState {
    return {
      open: this.#connections.size,
      idle: this.#idle.length,
      inFlight: this.#connections.size - this.#idle.length,
      waiting: this.#waiting.size,
    };
  }

  request(request: ClientRequest, options: RequestOptions = {}): Promise<ClientResponse> {
    return new Promise((resolve, reject) => {
      const { timeoutMs } = options;
      const deadlineMs = timeoutMs === undefined ? Infinity : this.#settings.clock.monotonicMs() + timeoutMs;
      const call = new ClientCall(request, options, { deadlineMs, resolve, reject });
      if (this.#closed) call.fail(call.error(wireReasons.CLIENT_CLOSED, "expected an open client, found it closed"));
      else if (options.signal?.aborted === true) call.cancel();
      else if (!call.over) this.start(call);
    });
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#closed = true;
    this.#waiting.failAll(new WireError(wireReasons.CLIENT_CLOSED, "expected an open client, found it closed"));
    for (const connection of this.#idle) connection.destroy();
    if (this.#connections.size === 0) return;
    await this.#lastGone.wait(this.#settings.clock, timeoutMs, () => {
      const error = new WireError(wireReasons.CLIENT_CLOSED, "expected an open client, found it closed", { sent: true });
      for (const connection of this.#connections) connection.destroy(error);
    });
  }

  close(): Promise<void> {
    return this.drain(0);
  }

  free(connection: ClientConnection): void {
    if (this.#closed) {
      connection.destroy();
      return;
    }
    const call = this.#waiting.take();
    if (call === undefined) this.#idle.push(connection);
    else connection.send(call);
  }

  gone(connection: ClientConnection): void {
    this.#connections.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
    if (this.#connections.size === 0) this.#lastGone.told();
    if (this.#closed) return;
    const call = this.#waiting.take();
    if (call !== undefined) this.#connect().send(call);
  }

  /** Takes a call on, or lets it wait. */
  start(call: ClientCall): void {
    let connection = this.#idle.pop();
    while (connection !== undefined && !connection.usable) connection = this.#idle.pop();
    if (connection !== undefined) connection.send(call);
    else if (this.#connections.size < this.#settings.connectionsMax) this.#connect().send(call);
    else this.#waiting.add(call);
  }

  #connect(): ClientConnection {
    const { socket, listen } = this.#settings.connect();
    const connection = new ClientConnection(this.#settings, this, new SocketOutput(socket));
    this.#connections.add(connection);
    listen(connection);
    return connection;
  }
}
