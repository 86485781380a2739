/**
 * The server. A handler sees `HttpRequest` and answers `HttpResponse`; neither says which protocol carried it. One cleartext
 * port speaks HTTP/1.1 and HTTP/2: the first bytes of a connection tell which (`ProtocolChoice`). A stream of HTTP/2 looks
 * like this:
 *
 * - `:method`, `:path` and `:authority` are `method`, `target` and `authority`; the other fields are `headers`, which are
 *   lower case already and hold nothing of the framing, so both protocols hand over the same list.
 * - DATA frames are `body`: whole when short, else a pulled stream. Pulling gives window back to the sender (WINDOW_UPDATE)
 *   where HTTP/1.1 resumes the socket. Trailers are the second HEADERS frame.
 * - An answer is one HEADERS frame and DATA frames, all streams answered in one tick in one write. `Connection: close`
 *   becomes GOAWAY, and so does `drain`.
 * - `exchange.onCancel` is RST_STREAM or the end of the connection; `exchange.version` is "2".
 * - Extended CONNECT (RFC 8441) is `upgrade` with the method as received; answering 200 with `takeOver` hands over the
 *   stream as the same `ByteDuplex` that a 101 hands over.
 */
import net from "node:net";
import { countRefusal, type ServerCounters } from "./counters.ts";
import { ServerConnection } from "./http1/connection.ts";
import { Http2ServerConnection } from "./http2/server-connection.ts";
import type { Peer } from "./http1/exchange.ts";
import type { ConnectionSink } from "./http1/output.ts";
import { refusalFrom } from "./http1/serialise.ts";
import type { HttpHandler } from "./http.ts";
import { serverSettingsFrom, type ServerOptions, type ServerSettings } from "./options.ts";
import { ProtocolChoice } from "./protocol-choice.ts";
import { WireError, wireReasons } from "./reasons.ts";
import { acceptedSocket, SocketLine, SocketOutput } from "./socket.ts";

/** Where to listen. */
export interface ListenOptions {
  /** Default "127.0.0.1". */
  readonly host?: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Several processes share the port, the kernel spreads connections. Default false. */
  readonly reusePort?: boolean;
}

/** Where a server listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** An HTTP server. */
export interface Server {
  readonly counters: ServerCounters;
  /** Rejects with the platform's error (EADDRINUSE, EACCES) when the address cannot be had. */
  listen(options: ListenOptions): Promise<ListenAddress>;
  /**
   * Accepts no more connections, closes idle ones at once, answers what is in flight with `Connection: close`, and cuts
   * what is left after `timeoutMs`. Resolves when the last connection is gone.
   */
  drain(timeoutMs: number): Promise<void>;
  /** Cuts everything at once. */
  close(): Promise<void>;
}

/** A server that answers with `handler`. It listens nowhere until told to. */
export function createServer(handler: HttpHandler, options: ServerOptions = {}): Server {
  return new NetServer(handler, serverSettingsFrom(options));
}

class NetServer implements Server {
  readonly counters: ServerCounters;
  readonly #handler: HttpHandler;
  readonly #settings: ServerSettings;
  readonly #net: net.Server;
  readonly #lines = new Set<SocketLine>();
  #onEmpty: (() => void) | undefined;
  readonly #onClosed = (line: SocketLine): void => {
    this.counters.connectionsOpen -= 1;
    this.#lines.delete(line);
    if (this.#lines.size === 0) this.#onEmpty?.();
  };

  constructor(handler: HttpHandler, settings: ServerSettings) {
    this.#handler = handler;
    this.#settings = settings;
    this.counters = settings.counters;
    this.#net = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => this.#accept(socket));
  }

  listen(options: ListenOptions): Promise<ListenAddress> {
    const host = options.host ?? "127.0.0.1";
    return new Promise((resolve, reject) => {
      this.#net.once("error", reject);
      this.#net.listen({ host, port: options.port, reusePort: options.reusePort ?? false, backlog: 1024 }, () => {
        this.#net.off("error", reject);
        // An error of accept (too many open files) concerns one connection; the server goes on.
        this.#net.on("error", () => undefined);
        resolve({ host, port: (this.#net.address() as net.AddressInfo).port });
      });
    });
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#stopListening();
    for (const line of this.#lines) line.sink?.shut?.();
    if (this.#lines.size === 0) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#settings.clock.after(timeoutMs, () => {
        for (const line of this.#lines) line.socket.destroy();
      });
      this.#onEmpty = () => {
        cancel();
        resolve();
      };
    });
  }

  close(): Promise<void> {
    return this.drain(0);
  }

  #stopListening(): void {
    if (this.#net.listening) this.#net.close();
  }

  #accept(accepted: net.Socket): void {
    const { counters, limits } = this.#settings;
    counters.connectionsTotal += 1;
    if (this.#lines.size >= limits.connectionsMax) {
      this.#turnAway(accepted);
      return;
    }
    counters.connectionsOpen += 1;
    const { socket, listen } = acceptedSocket(accepted);
    const peer = { address: `${socket.remoteAddress ?? ""}:${socket.remotePort ?? 0}`, secure: false };
    const line = new SocketLine(socket, this.#onClosed);
    line.sink = this.#sink(line, { output: new SocketOutput(socket, line), peer });
    this.#lines.add(line);
    listen(line);
  }

  #sink(line: SocketLine, ends: { readonly output: SocketOutput; readonly peer: Peer }): ConnectionSink {
    const { protocol } = this.#settings;
    const http2 = (): ConnectionSink => new Http2ServerConnection(this.#handler, this.#settings, ends);
    if (protocol === "http2") return http2();
    const http1 = new ServerConnection(this.#handler, this.#settings, ends);
    if (protocol === "http1") return http1;
    const chosen = (sink: ConnectionSink): void => {
      line.sink = sink;
    };
    return new ProtocolChoice({ http1, http2, chosen });
  }

  #turnAway(socket: net.Socket): void {
    const error = new WireError(
      wireReasons.CONNECTIONS_TOO_MANY,
      `expected at most ${this.#settings.limits.connectionsMax} connections, found one more`,
    );
    countRefusal(this.counters, error.reason);
    const body = refusalFrom(error);
    socket.on("error", () => undefined);
    socket.end(
      `HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
    );
    socket.destroySoon();
  }
}
