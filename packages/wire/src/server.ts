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
import { phrases, refusalFrom } from "./http1/serialise.ts";
import type { HttpHandler } from "./http.ts";
import { LastGone } from "./last-gone.ts";
import { serverSettingsFrom, type ServerOptions, type ServerProtocol, type ServerSettings } from "./options.ts";
import { ProtocolChoice } from "./protocol-choice.ts";
import { WireError, wireReasons } from "./reasons.ts";
import { acceptedSocket, securedSocket, SocketLine, SocketOutput, tcpProbes, type SocketAndEvents } from "./socket.ts";
import type { TlsServerOptions } from "./tls.ts";
import { TlsEntry, TlsListener, type SecureArrival, type TlsListenerOwner } from "./tls-listener.ts";
import type { TlsMaterial } from "./tls-material.ts";

/** Where to listen. */
export interface ListenOptions {
  /** Default "127.0.0.1". */
  readonly host?: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Several processes share the port, the kernel spreads connections. Default false. */
  readonly reusePort?: boolean;
  /** In a worker of `node:cluster`: a socket of its own, where it would share one with the other workers. Default false. */
  readonly exclusive?: boolean;
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
   * Accepts no more connections; those that stand go on, those too that were accepted and have not said anything yet. `drain` begins with it
   * and then takes such a one for idle: whoever leaves others behind to accept does this first, and drains a moment later.
   */
  stopListening(): void;
  /**
   * Accepts no more connections, closes idle ones at once, answers what is in flight with `Connection: close`, and cuts
   * what is left after `timeoutMs`. Resolves when the last connection is gone.
   */
  drain(timeoutMs: number): Promise<void>;
  /** Cuts everything at once. */
  close(): Promise<void>;
  /**
   * Shows other certificates, and trusts other clients, from the next handshake on; connections that stand go on. Throws a
   * WireError and changes nothing when they cannot be used: TLS_CERTIFICATE_INVALID, TLS_CERTIFICATE_EXPIRED,
   * TLS_KEY_MISMATCH; TLS_NOT_SERVED for a server that was made without `tls`.
   */
  replaceTls(material: TlsMaterial): void;
}

/**
 * A server that answers with `handler`. It listens nowhere until told to. Throws a WireError when its certificates cannot be
 * used: TLS_CERTIFICATE_INVALID, TLS_CERTIFICATE_EXPIRED, TLS_KEY_MISMATCH.
 */
export function createServer(handler: HttpHandler, options: ServerOptions = {}): Server {
  return new NetServer(handler, serverSettingsFrom(options), options.tls);
}

class NetServer implements Server, TlsListenerOwner {
  readonly counters: ServerCounters;
  readonly #handler: HttpHandler;
  readonly #settings: ServerSettings;
  readonly #net: net.Server;
  readonly #tls: TlsListener | undefined;
  readonly #lines = new Set<SocketLine | TlsEntry>();
  readonly #lastGone = new LastGone();
  readonly #onClosed = (line: SocketLine): void => this.gone(line);

  constructor(handler: HttpHandler, settings: ServerSettings, tls: TlsServerOptions | undefined) {
    this.#handler = handler;
    this.#settings = settings;
    this.counters = settings.counters;
    this.#tls = tls === undefined ? undefined : new TlsListener(tls, settings, this);
    this.#net = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true, ...tcpProbes }, (socket) =>
      this.#accept(socket),
    );
  }

  listen(options: ListenOptions): Promise<ListenAddress> {
    const host = options.host ?? "127.0.0.1";
    return new Promise((resolve, reject) => {
      this.#net.once("error", reject);
      const { reusePort = false, exclusive = false } = options;
      this.#net.listen({ host, port: options.port, reusePort, exclusive, backlog: 1024 }, () => {
        this.#net.off("error", reject);
        // An error of accept (too many open files) concerns one connection; the server goes on.
        this.#net.on("error", () => undefined);
        resolve({ host, port: (this.#net.address() as net.AddressInfo).port });
      });
    });
  }

  async drain(timeoutMs: number): Promise<void> {
    this.stopListening();
    for (const line of this.#lines) {
      if (line instanceof TlsEntry) line.cut();
      else line.sink?.shut?.();
    }
    if (this.#lines.size === 0) return;
    await this.#lastGone.wait(this.#settings.clock, timeoutMs, () => {
      for (const line of this.#lines) line.socket.destroy();
    });
  }

  close(): Promise<void> {
    return this.drain(0);
  }

  stopListening(): void {
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
    if (this.#tls === undefined) this.#serve(acceptedSocket(accepted), plain);
    else this.#lines.add(this.#tls.take(accepted));
  }

  secured(entry: TlsEntry, { socket, protocol, identity }: SecureArrival): void {
    this.#serve(securedSocket(socket), { secure: true, identity, protocol: protocol ?? this.#settings.protocol });
    this.#lines.delete(entry);
  }

  cleartext(entry: TlsEntry, first: Uint8Array): void {
    const line = this.#serve(acceptedSocket(entry.socket), plain);
    this.#lines.delete(entry);
    line.receive(first, first.length, false);
  }

  refused(entry: TlsEntry, error: WireError): void {
    entry.socket.once("close", () => this.gone(entry));
    this.#answer(entry.socket, error);
  }

  gone(line: SocketLine | TlsEntry): void {
    this.counters.connectionsOpen -= 1;
    this.#lines.delete(line);
    if (this.#lines.size === 0) this.#lastGone.told();
  }

  replaceTls(material: TlsMaterial): void {
    if (this.#tls === undefined)
      throw new WireError(wireReasons.TLS_NOT_SERVED, "expected a server that speaks TLS, found one that does not");
    this.#tls.replace(material);
  }

  #serve({ socket, listen }: SocketAndEvents, kind: ConnectionKind): SocketLine {
    const address = `${socket.remoteAddress ?? ""}:${socket.remotePort ?? 0}`;
    const peer = { address, secure: kind.secure, identity: kind.identity };
    const line = new SocketLine(socket, this.#onClosed);
    line.sink = this.#sink(line, { output: new SocketOutput(socket, line), peer }, kind.protocol ?? this.#settings.protocol);
    this.#lines.add(line);
    listen(line);
    return line;
  }

  #sink(line: SocketLine, ends: { readonly output: SocketOutput; readonly peer: Peer }, protocol: ServerProtocol): ConnectionSink {
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
    // Nobody who expects TLS could read it.
    if (this.#tls === undefined) this.#answer(socket, error);
    else socket.destroy();
  }

  /** Says why in cleartext, and closes. */
  #answer(socket: net.Socket, error: WireError): void {
    const body = refusalFrom(error);
    const status = `${error.status} ${phrases[error.status] ?? ""}`;
    socket.on("error", () => undefined);
    socket.end(
      `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
    );
    socket.destroySoon();
  }
}

/** How a connection came to be. */
interface ConnectionKind {
  readonly secure: boolean;
  readonly identity: string | undefined;
  /** What it speaks, when that has been agreed. */
  readonly protocol: ServerProtocol | undefined;
}

const plain: ConnectionKind = { secure: false, identity: undefined, protocol: undefined };
