import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { WireError, wireReasons } from "./reasons.ts";

/** PEM text, or its bytes. */
export type Pem = string | Uint8Array;

/** A certificate that a server or client shows. */
export interface TlsCertificate {
  /** PEM: the certificate itself first, then those between it and the authority. */
  readonly certificate: Pem;
  /** PEM: the private key, not encrypted. */
  readonly key: Pem;
}

/** What a server shows and whom it trusts: the part that can be replaced while it runs. */
export interface TlsMaterial {
  /** Chosen by the name that a client asks for (SNI) among the DNS names of each, wildcards included; the first when none fits. */
  readonly certificates: readonly TlsCertificate[];
  /** PEM of the authorities that may have issued certificates of clients. */
  readonly clientCa?: Pem;
}

/** A certificate that has been found fit to be used. */
export interface CheckedCertificate {
  readonly cert: string;
  readonly key: string;
  /** Its DNS names, in lower case. */
  readonly names: readonly string[];
}

/** Checks that a certificate can be read, is valid at `nowMs`, and fits its key. Throws a WireError that says what is wrong. */
export function checkedCertificate(pair: TlsCertificate, nowMs: number): CheckedCertificate {
  const cert = textOf(pair.certificate);
  const chain = certificatesIn(cert, "a certificate");
  for (const each of chain) checkTime(each, nowMs);
  const leaf = chain[0] as X509Certificate;
  const key = textOf(pair.key);
  if (!leaf.checkPrivateKey(privateKeyFrom(key))) {
    throw new WireError(wireReasons.TLS_KEY_MISMATCH, `expected the key of the certificate for ${nameOf(leaf)}, found another key`);
  }
  return { cert, key, names: alternativeNames(leaf, "DNS").map((name) => name.toLowerCase()) };
}

/** Checks that authorities can be read. Answers their PEM. */
export function checkedAuthorities(ca: Pem): string {
  const text = textOf(ca);
  certificatesIn(text, "authorities");
  return text;
}

/** The first URI name of a certificate, else the common name of its subject when there is exactly one. */
export function identityOf(certificate: X509Certificate): string | undefined {
  const [uri] = alternativeNames(certificate, "URI");
  if (uri !== undefined) return uri;
  const { CN } = certificate.toLegacyObject().subject;
  return typeof CN === "string" && CN !== "" ? CN : undefined;
}

/** The alternative names of one type ("DNS", "URI", "IP Address") in a certificate; none at all when the list cannot be read for certain. */
export function alternativeNames(certificate: X509Certificate, type: string): string[] {
  const text = certificate.subjectAltName ?? "";
  const names: string[] = [];
  // Node quotes what holds a comma or a quote, so that one name cannot pass for two.
  const one = /([A-Za-z][A-Za-z ]*):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;
  while (one.lastIndex < text.length) {
    const found = one.exec(text);
    if (found === null) return [];
    const [, kind, value = ""] = found;
    if (kind === type) names.push(value.startsWith('"') ? String(JSON.parse(value)) : value);
  }
  return names;
}

function textOf(pem: Pem): string {
  return typeof pem === "string" ? pem : Buffer.from(pem).toString("latin1");
}

function certificatesIn(text: string, what: string): X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const begun = text.split("-----BEGIN CERTIFICATE-----").length - 1;
  if (blocks.length === 0 || blocks.length !== begun) {
    const found = begun === 0 ? "none" : `${begun} begun and ${blocks.length} whole`;
    throw new WireError(wireReasons.TLS_CERTIFICATE_INVALID, `expected ${what} as PEM, found ${found}`);
  }
  return blocks.map((block) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new WireError(wireReasons.TLS_CERTIFICATE_INVALID, `expected ${what} as PEM, found a block that cannot be read`, { cause });
    }
  });
}

function checkTime(certificate: X509Certificate, nowMs: number): void {
  const { validFrom, validTo } = certificate;
  if (nowMs >= Date.parse(validFrom) && nowMs <= Date.parse(validTo)) return;
  const message = `expected a certificate that is valid now, found the one for ${nameOf(certificate)} valid from ${validFrom} to ${validTo}`;
  throw new WireError(wireReasons.TLS_CERTIFICATE_EXPIRED, message);
}

function privateKeyFrom(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    // The platform's words do not repeat the key.
    throw new WireError(wireReasons.TLS_KEY_MISMATCH, "expected a private key as PEM without a passphrase, found none", { cause });
  }
}

function nameOf(certificate: X509Certificate): string {
  return certificate.subjectAltName ?? certificate.subject.replaceAll("\n", ", ");
}
