import type tls from "node:tls";
import { platformClock, type WireClock } from "./clock.ts";
import { WireError, wireReasons } from "./reasons.ts";
import { ciphers, contextFrom } from "./tls.ts";
import { checkedAuthorities, checkedCertificate, type Pem } from "./tls-material.ts";

/** What a client shows and whom it trusts. */
export interface TlsClientMaterial {
  /** PEM of the authorities to trust. Default those of the platform. */
  readonly ca?: Pem | undefined;
  /** PEM of the certificate to show, with those between it and its authority, and of its key. Default none. */
  readonly certificate?: Pem | undefined;
  readonly key?: Pem | undefined;
}

/** Material that can be replaced while clients run; any number of them share it, and what it costs. */
export interface SharedTlsMaterial {
  /**
   * From the next handshake on this is shown and trusted, and no session of before is resumed; connections that stand go on as they are.
   * Throws what `createTlsMaterial` throws, and then nothing has changed.
   */
  replace(material: TlsClientMaterial): void;
  /** What connections are made with just now, for one least version. For wire itself. */
  contextOf(versionMin: "1.2" | "1.3"): tls.SecureContext;
}

/**
 * Material for `tls: { material }` of clients. Throws a WireError when it cannot be used now: TLS_CERTIFICATE_INVALID,
 * TLS_CERTIFICATE_EXPIRED, TLS_KEY_MISMATCH.
 */
export function createTlsMaterial(material: TlsClientMaterial, clock: WireClock = platformClock): SharedTlsMaterial {
  let contexts = contextsFrom(material, clock.nowMs());
  return {
    replace(next) {
      contexts = contextsFrom(next, clock.nowMs());
    },
    contextOf: (versionMin) => contexts(versionMin),
  };
}

type Contexts = (versionMin: "1.2" | "1.3") => tls.SecureContext;

/** One context is made at once, since OpenSSL refuses more than we look for; the other when somebody asks for it. */
function contextsFrom({ ca, certificate, key }: TlsClientMaterial, nowMs: number): Contexts {
  if ((certificate === undefined) !== (key === undefined)) {
    const message = "expected a certificate together with its key, found one without the other";
    throw new WireError(wireReasons.TLS_CERTIFICATE_INVALID, message);
  }
  const own = certificate === undefined || key === undefined ? undefined : checkedCertificate({ certificate, key }, nowMs);
  const common = {
    ciphers,
    ...(ca === undefined ? {} : { ca: checkedAuthorities(ca) }),
    ...(own === undefined ? {} : { cert: own.cert, key: own.key }),
  };
  const first = contextFrom({ ...common, minVersion: "TLSv1.2" });
  let second: tls.SecureContext | undefined;
  return (versionMin) => (versionMin === "1.2" ? first : (second ??= contextFrom({ ...common, minVersion: "TLSv1.3" })));
}
