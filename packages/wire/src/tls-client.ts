import { X509Certificate } from "node:crypto";
import net from "node:net";
import tls from "node:tls";
import type { WireClock } from "./clock.ts";
import { WireError, wireReasons, type WireReason } from "./reasons.ts";
import type { SocketAndEvents, SocketEvents } from "./socket.ts";
import { tcpProbes } from "./socket.ts";
import { createTlsMaterial, type SharedTlsMaterial, type TlsClientMaterial } from "./tls-client-material.ts";
import { alternativeNames } from "./tls-material.ts";

/** How a client speaks TLS. What it connects to is always verified; there is no option not to. */
export interface TlsClientOptions extends TlsClientMaterial {
  /** Instead of `ca`, `certificate` and `key`: the same, shared by clients and replaced while they run. From `createTlsMaterial`. */
  readonly material?: SharedTlsMaterial | undefined;
  /** The name or address to ask for (SNI) and to find in the certificate. Default the host. */
  readonly serverName?: string;
  /** A URI to find among the certificate's names instead, such as a SPIFFE id; then its DNS names do not matter. */
  readonly serverIdentity?: string;
  /** Default "1.2". */
  readonly versionMin?: "1.2" | "1.3";
}

/** What a client offers by ALPN: one protocol, or whichever the origin likes better. */
export type TlsProtocol = "http1" | "http2" | "either";

/** A connection whose handshake is done tells which protocol was chosen, to whoever asks for one of both. */
export interface TlsSocketEvents extends SocketEvents {
  chosen?(protocol: "http1" | "http2"): void;
}

const offers = { http1: ["http/1.1"], http2: ["h2"], either: ["h2", "http/1.1"] };
const readBuffer = Buffer.allocUnsafeSlow(16_384);

/** Makes the connections of one client over TLS, each with the last one's session. */
export class TlsDialer {
  readonly #host: string;
  readonly #port: number;
  readonly #options: TlsClientOptions;
  readonly #material: SharedTlsMaterial;
  readonly #versionMin: "1.2" | "1.3";
  /** The last connection's, made with this context. */
  #session: Buffer | undefined = undefined;
  #context: tls.SecureContext | undefined = undefined;

  /** Throws a WireError when certificates cannot be used now. */
  constructor(to: { readonly host: string; readonly port: number }, options: TlsClientOptions, clock: WireClock) {
    this.#host = to.host;
    this.#port = to.port;
    this.#options = options;
    this.#versionMin = options.versionMin ?? "1.2";
    this.#material = options.material ?? createTlsMaterial(options, clock);
  }

  /** Connects. `opened` is told once the origin has been verified and has chosen a protocol that was offered. */
  connect(protocol: TlsProtocol): SocketAndEvents & { listen(events: TlsSocketEvents): void } {
    let events: TlsSocketEvents | undefined;
    const name = this.#options.serverName ?? this.#host;
    const secureContext = this.#material.contextOf(this.#versionMin);
    // A session would carry on with the certificate that it began with.
    if (secureContext !== this.#context) this.#session = undefined;
    this.#context = secureContext;
    const socket = tls.connect({
      host: this.#host,
      port: this.#port,
      // An address is no name to ask for (RFC 6066 §3), but the certificate has to hold it all the same.
      servername: net.isIP(name) === 0 ? name : "",
      checkServerIdentity: (_name, certificate) => this.#mismatch(name, certificate),
      rejectUnauthorized: true,
      secureContext,
      ALPNProtocols: offers[protocol],
      session: this.#session,
      ...tcpProbes,
      noDelay: true,
      allowHalfOpen: true,
      onread: {
        buffer: readBuffer,
        callback(length: number) {
          events?.receive(readBuffer, length, true);
          return true;
        },
      },
    } as tls.ConnectionOptions);
    const isCut = watchEnd(socket);
    let isVerified = false;
    let cause: unknown;
    // Where the first address did not answer the handle is another by now, and only that one is asked for sessions.
    socket.on("connect", () =>
      socket.on("session", (session) => {
        if (secureContext === this.#context) this.#session = session;
      }),
    );
    socket.on("secureConnect", () => {
      const chosen = socket.alpnProtocol === "h2" ? "http2" : "http1";
      if (protocol !== "either" && chosen !== protocol) {
        socket.destroy(mismatchOf(protocol, socket.alpnProtocol));
        return;
      }
      isVerified = true;
      events?.chosen?.(chosen);
      events?.opened?.();
    });
    socket.on("end", () => {
      if (isCut()) socket.destroy(new WireError(wireReasons.TLS_CUT, "expected the origin to take leave (close_notify), found the end"));
      else events?.end();
    });
    socket.on("drain", () => events?.drained());
    socket.on("error", (error) => {
      // The first is the reason. An alert behind the handshake leaves it to us to hang up.
      cause ??= error instanceof WireError ? error : (this.#refusal(error, isVerified) ?? error);
      socket.destroy();
    });
    socket.on("close", () => events?.closed(cause));
    return { socket, listen: (listener) => (events = listener) };
  }

  /** Why this certificate is not the one that was asked for. */
  #mismatch(name: string, certificate: tls.PeerCertificate): Error | undefined {
    const { serverIdentity } = this.#options;
    if (serverIdentity === undefined) return tls.checkServerIdentity(name, certificate);
    const found = alternativeNames(new X509Certificate(certificate.raw), "URI");
    if (found.includes(serverIdentity)) return undefined;
    return this.#mismatchError(serverIdentity, found.join(", "));
  }

  #mismatchError(expected: string, found: string | undefined): WireError {
    const message = `expected ${this.#host}:${this.#port} to show a certificate for ${expected}, found one for ${found || "nobody"}`;
    return new WireError(wireReasons.TLS_SERVER_NAME_MISMATCH, message);
  }

  /** What an error of the platform means, when TLS is what failed. */
  #refusal(error: Error, isVerified: boolean): WireError | undefined {
    const { code = "", cert } = error as { readonly code?: string; readonly cert?: tls.PeerCertificate };
    const where = `${this.#host}:${this.#port}`;
    if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
      const found = cert?.subjectaltname ?? cert?.subject?.CN;
      return this.#mismatchError(this.#options.serverName ?? this.#host, Array.isArray(found) ? found.join(", ") : found);
    }
    const reason = reasonOf(code, error.message, isVerified);
    if (reason === undefined) return undefined;
    return new WireError(reason, `expected ${where} to ${expectations[reason.reason] ?? "speak TLS"}, found: ${foundOf(error)}`, {
      cause: error,
    });
  }
}

/** What the origin was to do, by the reason that says it did not. */
const expectations: Readonly<Record<string, string>> = {
  TLS_SERVER_CERTIFICATE_EXPIRED: "show a certificate that is valid now",
  TLS_SERVER_ISSUER_UNKNOWN: "show a certificate of a trusted authority",
  TLS_SERVER_CERTIFICATE_INVALID: "show a certificate that can be accepted",
  TLS_CLIENT_CERTIFICATE_REFUSED: "accept our certificate",
  TLS_PROTOCOL_MISMATCH: "choose a protocol that we offer",
  TLS_HANDSHAKE_FAILED: "finish the TLS handshake",
};

const expired = new Set(["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"]);
const unknownIssuer = new Set([
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "CERT_UNTRUSTED",
  "CERT_SIGNATURE_FAILURE",
]);
const invalid = /^(CERT_|INVALID_|PATH_LENGTH_|HOSTNAME_|ERROR_IN_CERT_|UNABLE_TO_)/;
// What a peer says of the certificate that it was shown (RFC 8446 §6.2); with TLS 1.3 it does so after our handshake is done.
const ofOurs =
  /alert (certificate required|bad certificate|unsupported certificate|certificate (revoked|expired|unknown)|unknown ca|access denied)/;

function reasonOf(code: string, message: string, isVerified: boolean): WireReason | undefined {
  if (expired.has(code)) return wireReasons.TLS_SERVER_CERTIFICATE_EXPIRED;
  if (unknownIssuer.has(code)) return wireReasons.TLS_SERVER_ISSUER_UNKNOWN;
  if (invalid.test(code)) return wireReasons.TLS_SERVER_CERTIFICATE_INVALID;
  if (ofOurs.test(message)) return wireReasons.TLS_CLIENT_CERTIFICATE_REFUSED;
  if (/alert no application protocol/.test(message)) return wireReasons.TLS_PROTOCOL_MISMATCH;
  if (code.startsWith("ERR_SSL_") || code === "EPROTO") return isVerified ? undefined : wireReasons.TLS_HANDSHAKE_FAILED;
  return /before secure TLS connection was established/.test(message) ? wireReasons.TLS_HANDSHAKE_FAILED : undefined;
}

/** The platform's words without its numbers and places in OpenSSL. */
function foundOf(error: Error): string {
  return /SSL routines:[^:]*:([^:]+)/.exec(error.message)?.[1] ?? error.message;
}

function mismatchOf(protocol: TlsProtocol, found: string | false | null): WireError {
  const message = `expected the origin to choose ${offers[protocol].join(" or ")} (ALPN), found ${found || "no choice"}`;
  return new WireError(wireReasons.TLS_PROTOCOL_MISMATCH, message);
}

/**
 * Tells whether the end of a connection was cut, not said by close_notify: whoever is on the way can cut (RFC 8446 §6.1), and Node
 * reports both alike. When close_notify ends it, the handle below is still being read, so reading cannot be started; at the end
 * of the handle it has been stopped. Where the handle is hidden every end counts as cut.
 */
function watchEnd(socket: tls.TLSSocket): () => boolean {
  let isCut = true;
  const push = socket.push.bind(socket);
  socket.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk === null) isCut = !isRead(socket);
    return push(chunk, encoding);
  };
  return () => isCut;
}

interface UnderHandle {
  readonly reading?: boolean;
  readonly _parent?: { readStart?(): number; readStop?(): number };
}

function isRead(socket: tls.TLSSocket): boolean {
  const { _handle: handle } = socket as unknown as { readonly _handle: UnderHandle | null };
  const under = handle?._parent;
  if (handle === null || typeof under?.readStart !== "function") return false;
  // While we do not read, only what had been read before can end it.
  if (handle.reading === false) return true;
  if (under.readStart() !== 0) return true;
  under.readStop?.();
  return false;
}
