import { countRefusal } from "../counters.ts";
import type { ByteDuplex, HttpRequest, HttpResponse } from "../http.ts";
import { refusalFrom } from "../http1/serialise.ts";
import { LastGone } from "../last-gone.ts";
import { WireError, wireReasons } from "../reasons.ts";
import { closeCodes } from "./close-codes.ts";
import { WebSocketConnection, type WebSocketOwner } from "./connection.ts";
import { connectDuplex } from "./duplex-output.ts";
import { acceptHandshake, type Handshake, type HandshakeRules, type OriginRule } from "./handshake.ts";
import { websocketSettingsFrom, type WebSocketCounters, type WebSocketOptions, type WebSocketSettings } from "./options.ts";
import type { WebSocketSession } from "./session.ts";

/** How a server keeps sessions. Everything has a default. */
export interface WebSocketServerOptions extends WebSocketOptions {
  /** Subprotocols that it speaks, the best first. Default none. */
  readonly protocols?: readonly string[];
  /**
   * Pages that may open sessions: "same" (those of the host that was asked), "any", a list of origins as
   * "https://example.com", or a function. Requests without Origin, which no browser makes, always may. Default "same".
   */
  readonly origins?: OriginRule;
}

/** Accepts WebSocket sessions from any HttpHandler, over HTTP/1.1 (RFC 6455) and HTTP/2 (RFC 8441). */
export interface WebSocketServer {
  readonly counters: WebSocketCounters;
  /**
   * The answer to an opening handshake: 101 (or 200 to an extended CONNECT), then `onSession` is called; or a refusal, as
   * JSON with its reason. Never throws. Use it in a handler: `if (request.upgrade === "websocket") return sockets.accept(…)`.
   */
  accept(request: HttpRequest, onSession: (session: WebSocketSession) => void): HttpResponse;
  /** Accepts no more sessions, closes all with 1001, and cuts what is left after `timeoutMs`. Resolves when the last is gone. */
  drain(timeoutMs: number): Promise<void>;
}

/** A server of WebSocket sessions. It has no socket of its own. */
export function createWebSocketServer(options: WebSocketServerOptions = {}): WebSocketServer {
  return new Sessions(websocketSettingsFrom(options), options);
}

class Sessions implements WebSocketServer, WebSocketOwner {
  readonly counters: WebSocketCounters;
  readonly #settings: WebSocketSettings;
  readonly #rules: HandshakeRules;
  #first: WebSocketConnection | undefined = undefined;
  #draining = false;
  readonly #lastGone = new LastGone();

  constructor(settings: WebSocketSettings, options: WebSocketServerOptions) {
    this.#settings = settings;
    this.counters = settings.counters;
    this.#rules = { protocols: options.protocols ?? [], origins: options.origins ?? "same", deflate: settings.deflate };
  }

  accept(request: HttpRequest, onSession: (session: WebSocketSession) => void): HttpResponse {
    try {
      if (this.#draining) throw new WireError(wireReasons.WEBSOCKET_DRAINING, "expected an open server, found it draining");
      const handshake = acceptHandshake(request, this.#rules);
      const { status, headers } = handshake;
      return { status, headers, takeOver: (duplex) => this.#begin(duplex, handshake, onSession) };
    } catch (thrown) {
      if (!(thrown instanceof WireError)) throw thrown;
      countRefusal(this.counters, thrown.reason);
      const headers = ["content-type", "application/json"];
      if (thrown.status === wireReasons.WEBSOCKET_VERSION_UNSUPPORTED.status) headers.push("sec-websocket-version", "13");
      return { status: thrown.status, headers, body: Buffer.from(refusalFrom(thrown)) };
    }
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    for (let one = this.#first; one !== undefined; one = one.after) void one.close(closeCodes.goingAway);
    if (this.#first === undefined) return;
    await this.#lastGone.wait(this.#settings.clock, timeoutMs, () => {
      for (let one = this.#first; one !== undefined; one = one.after) one.destroy();
    });
  }

  gone(connection: WebSocketConnection): void {
    const { before, after } = connection;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after !== undefined) after.before = before;
    if (this.#first === undefined) this.#lastGone.told();
  }

  #begin(duplex: ByteDuplex, handshake: Handshake, onSession: (session: WebSocketSession) => void): void {
    const { protocol, deflate } = handshake;
    const connection = connectDuplex(duplex, (output) => {
      const made = new WebSocketConnection(this.#settings, output, { role: "server", protocol, deflate });
      made.owner = this;
      made.after = this.#first;
      if (this.#first !== undefined) this.#first.before = made;
      this.#first = made;
      return made;
    });
    onSession(connection);
    // The server may have begun to drain between the answer and this.
    if (this.#draining) void connection.close(closeCodes.goingAway);
  }
}
