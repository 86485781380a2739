import { constants } from "node:crypto";
import tls from "node:tls";
import { WireError, wireReasons } from "./reasons.ts";
import { checkedAuthorities, checkedCertificate, type TlsMaterial } from "./tls-material.ts";

/** How a server speaks TLS. Sessions are resumed by tickets, whose keys are new after each replacement and every 12 hours. */
export interface TlsServerOptions extends TlsMaterial {
  /**
   * Certificates of clients: "none" asks for none; "request" serves clients without one, and refuses wrong ones; "require"
   * refuses clients without a certificate that an authority of `clientCa` has issued. Default "require" with `clientCa`, else "none".
   */
  readonly clientCertificates?: "none" | "request" | "require";
  /** Default "1.2", with forward secrecy and authenticated ciphers only. */
  readonly versionMin?: "1.2" | "1.3";
  /** Serve cleartext on the same port too. Default false: it is refused with TLS_REQUIRED. */
  readonly cleartext?: boolean;
  /** Handshakes under way at once; one more connection is cut. Default 1,000. */
  readonly handshakesMax?: number;
  /** From the beginning of the connection to the end of its handshake. Default 10,000. */
  readonly handshakeMs?: number;
  /** How long a session may be resumed, in seconds. Default 3,600. */
  readonly sessionSeconds?: number;
}

/** TlsServerOptions with every default filled in. */
export interface TlsServerSettings {
  readonly clientCertificates: "none" | "request" | "require";
  readonly versionMin: "TLSv1.2" | "TLSv1.3";
  readonly cleartext: boolean;
  readonly handshakesMax: number;
  readonly handshakeMs: number;
  readonly sessionSeconds: number;
}

/** Fills in the defaults. */
export function tlsServerSettingsFrom(options: TlsServerOptions): TlsServerSettings {
  return Object.freeze({
    clientCertificates: options.clientCertificates ?? (options.clientCa === undefined ? "none" : "require"),
    versionMin: options.versionMin === "1.3" ? "TLSv1.3" : "TLSv1.2",
    cleartext: options.cleartext ?? false,
    handshakesMax: options.handshakesMax ?? 1000,
    handshakeMs: options.handshakeMs ?? 10_000,
    sessionSeconds: options.sessionSeconds ?? 3600,
  });
}

/** RFC 9113 §9.2.2 forbids the others for HTTP/2, and nobody needs them for HTTP/1.1. */
export const ciphers: string = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

/** The contexts of one set of certificates: made whole, or not at all. */
export interface TlsContexts {
  /** For clients that ask for no name, or for one that no certificate has; as `tls.Server.setSecureContext` takes it. */
  readonly first: tls.SecureContextOptions;
  /** The context for a name, if it is another than the first. */
  find(name: string): tls.SecureContext | undefined;
}

/** Makes the contexts. Throws a WireError when anything of the material cannot be used at `nowMs`. */
export function tlsContextsFrom(material: TlsMaterial, settings: TlsServerSettings, nowMs: number): TlsContexts {
  const { clientCertificates, versionMin, sessionSeconds } = settings;
  const { certificates, clientCa } = material;
  if (certificates.length === 0) throw new WireError(wireReasons.TLS_CERTIFICATE_INVALID, "expected at least one certificate, found none");
  if (clientCertificates !== "none" && clientCa === undefined) {
    const message = `expected clientCa where clientCertificates is "${clientCertificates}", found none`;
    throw new WireError(wireReasons.TLS_CERTIFICATE_INVALID, message);
  }
  const ca = clientCa === undefined ? undefined : checkedAuthorities(clientCa);
  const common = {
    ciphers,
    minVersion: versionMin,
    sessionTimeout: sessionSeconds,
    sessionIdContext: "weir",
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ...(ca === undefined ? {} : { ca }),
  };
  const exact = new Map<string, tls.SecureContext>();
  const options = certificates.map((pair) => {
    const { cert, key, names } = checkedCertificate(pair, nowMs);
    const made = { ...common, cert, key };
    const context = contextFrom(made);
    for (const name of names) if (!exact.has(name)) exact.set(name, context);
    return made;
  });
  return {
    first: options[0] as tls.SecureContextOptions,
    find(name) {
      const asked = name.toLowerCase();
      return exact.get(asked) ?? exact.get(`*${asked.slice(asked.indexOf("."))}`);
    },
  };
}

/** A context, or TLS_CERTIFICATE_INVALID: OpenSSL refuses more than we look for, such as keys that are too short. */
export function contextFrom(options: tls.SecureContextOptions): tls.SecureContext {
  try {
    return tls.createSecureContext(options);
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : "an error";
    throw new WireError(wireReasons.TLS_CERTIFICATE_INVALID, `expected certificates that can be used, found: ${found}`, { cause });
  }
}
