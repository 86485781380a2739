import type { X509Certificate } from "node:crypto";
import type net from "node:net";
import tls from "node:tls";
import { countRefusal } from "./counters.ts";
import type { ServerSettings } from "./options.ts";
import { WireError, wireReasons, type WireReason } from "./reasons.ts";
import type { WheelEntry } from "./timing-wheel.ts";
import { tlsContextsFrom, tlsServerSettingsFrom, type TlsContexts, type TlsServerOptions, type TlsServerSettings } from "./tls.ts";
import { identityOf, type TlsMaterial } from "./tls-material.ts";

// The first byte of a handshake record (RFC 8446 §5.1). No request of HTTP begins with it.
const handshakeType = 0x16;
const ticketKeysMs = 12 * 3_600_000;
const alpn = { both: ["h2", "http/1.1"], http1: ["http/1.1"], http2: ["h2"] };

/** A connection whose handshake is done. */
export interface SecureArrival {
  readonly socket: tls.TLSSocket;
  /** By ALPN; undefined when the client named none. */
  readonly protocol: "http1" | "http2" | undefined;
  readonly identity: string | undefined;
}

/** What becomes of connections that a TLS listener has looked at. */
export interface TlsListenerOwner {
  /** It is TLS; `entry` is over. */
  secured(entry: TlsEntry, arrival: SecureArrival): void;
  /** It is not, and may go on so; `entry` is over. Reading has to be resumed. */
  cleartext(entry: TlsEntry, first: Uint8Array): void;
  /** It began in cleartext, which is not served here: answer `error` and close. */
  refused(entry: TlsEntry, error: WireError): void;
  /** It is gone before it came to anything. */
  gone(entry: TlsEntry): void;
}

/** One connection from its first byte to the end of its handshake. */
export class TlsEntry implements WheelEntry {
  deadlineMs: number = Infinity;
  lookMs: number = Infinity;
  readonly socket: net.Socket;
  /** Both addresses of the connection once its handshake has begun: the platform tells whose it was by nothing else. */
  key: string | undefined = undefined;
  over = false;
  /** We have ended it: what the platform then calls a failure is none. */
  isCut = false;
  readonly #onExpire: (entry: TlsEntry) => void;

  constructor(socket: net.Socket, onExpire: (entry: TlsEntry) => void) {
    this.socket = socket;
    this.#onExpire = onExpire;
  }

  expire(): void {
    this.#onExpire(this);
  }

  /** Ends it at once. */
  cut(): void {
    this.isCut = true;
    this.socket.destroy();
  }
}

/**
 * Tells TLS from cleartext by the first byte, and leads through the handshake. The platform's own server, which listens
 * nowhere, holds the contexts and judges clients' certificates.
 */
export class TlsListener {
  readonly #settings: TlsServerSettings;
  readonly #server: ServerSettings;
  readonly #owner: TlsListenerOwner;
  readonly #tls: tls.Server;
  /** Handshakes under way, by both addresses of the connection. */
  readonly #handshakes = new Map<string, TlsEntry>();
  readonly #begun = new WeakMap<net.Socket, TlsEntry>();
  #contexts: TlsContexts;
  #ticketsMs: number;

  constructor(options: TlsServerOptions, server: ServerSettings, owner: TlsListenerOwner) {
    const settings = tlsServerSettingsFrom(options);
    this.#settings = settings;
    this.#server = server;
    this.#owner = owner;
    this.#contexts = tlsContextsFrom(options, settings, server.clock.nowMs());
    this.#ticketsMs = server.clock.monotonicMs();
    this.#tls = tls.createServer({
      ...this.#contexts.first,
      requestCert: settings.clientCertificates !== "none",
      // Absent ones are refused by the handshake itself, with its alert; others once they have been read.
      rejectUnauthorized: settings.clientCertificates === "require",
      ALPNProtocols: alpn[server.protocol],
      SNICallback: (name, done) => done(null, this.#contexts.find(name)),
      // Ours is shorter, and goes by the clock of the server.
      handshakeTimeout: 0x7fff_ffff,
    });
    this.#tls.on("secureConnection", (socket) => this.#secured(socket));
    this.#tls.on("tlsClientError", (error, socket) => {
      const { _parent: under } = socket as unknown as { readonly _parent: net.Socket };
      if (this.#begun.get(under)?.isCut !== true) this.#count(failureReason(error, socket));
    });
  }

  /** Shows other certificates from now on. Throws a WireError, and changes nothing, when they cannot be used. */
  replace(material: TlsMaterial): void {
    const { certificates, clientCa } = material;
    const contexts = tlsContextsFrom({ certificates, clientCa }, this.#settings, this.#server.clock.nowMs());
    this.#tls.setSecureContext(contexts.first);
    this.#contexts = contexts;
    this.#ticketsMs = this.#server.clock.monotonicMs();
  }

  /** Takes a connection that was accepted with `pauseOnConnect`. */
  take(socket: net.Socket): TlsEntry {
    const { wheel, timeouts, clock } = this.#server;
    const entry = new TlsEntry(socket, () => this.#expired(entry));
    const first = (bytes: Buffer): void => {
      socket.pause();
      socket.off("data", first);
      socket.off("end", ended);
      if (bytes[0] === handshakeType) this.#begin(entry, bytes);
      else this.#cleartext(entry, bytes);
    };
    const ended = (): void => void socket.destroy();
    socket.on("data", first);
    socket.on("end", ended);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      if (!entry.over) this.#end(entry, () => this.#owner.gone(entry));
    });
    const waitMs = this.#settings.cleartext ? timeouts.idleMs : this.#settings.handshakeMs;
    wheel.set(entry, clock.monotonicMs() + waitMs);
    socket.resume();
    return entry;
  }

  #begin(entry: TlsEntry, bytes: Buffer): void {
    const { socket } = entry;
    const { handshakesMax, handshakeMs } = this.#settings;
    if (this.#handshakes.size >= handshakesMax) {
      this.#count(wireReasons.TLS_HANDSHAKES_TOO_MANY);
      socket.destroy();
      return;
    }
    const nowMs = this.#server.clock.monotonicMs();
    if (this.#settings.cleartext) this.#server.wheel.set(entry, nowMs + handshakeMs);
    if (nowMs >= this.#ticketsMs + ticketKeysMs) {
      this.#tls.setSecureContext(this.#contexts.first);
      this.#ticketsMs = nowMs;
    }
    entry.key = addressesOf(socket);
    this.#handshakes.set(entry.key, entry);
    this.#begun.set(socket, entry);
    // A client that ends its direction before the handshake is done will not finish it.
    socket.allowHalfOpen = false;
    socket.unshift(bytes);
    this.#tls.emit("connection", socket);
  }

  #secured(socket: tls.TLSSocket): void {
    const { counters } = this.#server;
    const entry = this.#handshakes.get(addressesOf(socket));
    // The error belongs to whoever listens from now on; until then nobody must fall over it.
    socket.on("error", () => undefined);
    if (entry === undefined) {
      socket.destroy();
      return;
    }
    const client = this.#client(socket);
    if (client instanceof WireError) {
      this.#count(client);
      socket.destroy();
      return;
    }
    counters.tlsHandshakesTotal += 1;
    if (socket.isSessionReused()) counters.tlsResumptionsTotal += 1;
    const { alpnProtocol } = socket;
    const protocol = alpnProtocol === "h2" ? "http2" : alpnProtocol === "http/1.1" ? "http1" : undefined;
    socket.allowHalfOpen = true;
    this.#end(entry, () => this.#owner.secured(entry, { socket, protocol, identity: client.identity }));
  }

  /** Who the client has proven to be, or why it may not stay. */
  #client(socket: tls.TLSSocket): { readonly identity: string | undefined } | WireError {
    if (this.#settings.clientCertificates === "none") return { identity: undefined };
    const certificate: X509Certificate | undefined = socket.getPeerX509Certificate();
    if (certificate === undefined) {
      if (this.#settings.clientCertificates === "request") return { identity: undefined };
      return new WireError(wireReasons.TLS_CLIENT_CERTIFICATE_MISSING, "expected a certificate of the client, found none");
    }
    // A resumed session has been judged when it began; time has passed since.
    const isLate = this.#server.clock.nowMs() > Date.parse(certificate.validTo);
    if (socket.authorized && !isLate) return { identity: identityOf(certificate) };
    return new WireError(wireReasons.TLS_CLIENT_CERTIFICATE_INVALID, "expected a valid certificate of the client, found another");
  }

  #cleartext(entry: TlsEntry, bytes: Buffer): void {
    if (this.#settings.cleartext) {
      this.#end(entry, () => this.#owner.cleartext(entry, bytes));
      return;
    }
    this.#count(wireReasons.TLS_REQUIRED);
    const error = new WireError(wireReasons.TLS_REQUIRED, "expected TLS on this port, found cleartext");
    this.#end(entry, () => this.#owner.refused(entry, error));
  }

  #expired(entry: TlsEntry): void {
    // Who has said nothing at all has not failed at anything.
    if (entry.key !== undefined) this.#count(wireReasons.TLS_HANDSHAKE_TIMEOUT);
    entry.cut();
  }

  #end(entry: TlsEntry, tell: () => void): void {
    entry.over = true;
    this.#server.wheel.set(entry, Infinity);
    if (entry.key !== undefined) this.#handshakes.delete(entry.key);
    tell();
  }

  #count(reason: { readonly reason: string }): void {
    countRefusal(this.#server.counters, reason.reason);
  }
}

function addressesOf(socket: net.Socket): string {
  return `${socket.remoteAddress}|${socket.remotePort}|${socket.localAddress}|${socket.localPort}`;
}

function failureReason(error: Error, socket: tls.TLSSocket): WireReason {
  // Judged by the platform after the handshake, which then cuts the connection without a word.
  if (socket.authorizationError) return wireReasons.TLS_CLIENT_CERTIFICATE_INVALID;
  if (/peer did not return a certificate/.test(error.message)) return wireReasons.TLS_CLIENT_CERTIFICATE_MISSING;
  return wireReasons.TLS_HANDSHAKE_FAILED;
}
