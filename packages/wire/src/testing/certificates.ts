import { generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";

/** What a certificate of a test says. */
export interface CertificateOptions {
  readonly commonName?: string;
  readonly dns?: readonly string[];
  readonly uri?: readonly string[];
  /** IPv4 addresses. */
  readonly ip?: readonly string[];
  /** Wall time in milliseconds; default a day before and after now. */
  readonly fromMs?: number;
  readonly toMs?: number;
}

/** A certificate and its key, as PEM. */
export interface TestCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** Issues certificates. */
export interface TestAuthority {
  /** Its own certificate, as PEM. */
  readonly pem: string;
  issue(options: CertificateOptions): TestCertificate;
}

const dayMs = 86_400_000;
const ecdsaWithSha256 = sequence(objectId("2a8648ce3d040302"));

/** An authority that nobody trusts who has not been told to. */
export function createAuthority(commonName: string = "a test's authority"): TestAuthority {
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = { commonName, key: keys.privateKey };
  return {
    pem: certificateOf({ commonName }, { publicKey: keys.publicKey, issuer, isAuthority: true }),
    issue(options) {
      const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      return {
        certificate: certificateOf(options, { publicKey, issuer, isAuthority: false }),
        key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      };
    },
  };
}

interface Issuing {
  readonly publicKey: KeyObject;
  readonly issuer: { readonly commonName: string; readonly key: KeyObject };
  readonly isAuthority: boolean;
}

/** RFC 5280 §4.1, signed with ECDSA and SHA-256. */
function certificateOf(options: CertificateOptions, { publicKey, issuer, isAuthority }: Issuing): string {
  const { commonName, dns = [], uri = [], ip = [], fromMs = Date.now() - dayMs, toMs = Date.now() + dayMs } = options;
  const names = [
    ...dns.map((name) => der(0x82, Buffer.from(name))),
    ...uri.map((name) => der(0x86, Buffer.from(name))),
    ...ip.map((address) => der(0x87, Buffer.from(address.split(".").map(Number)))),
  ];
  const extensions = [
    ...(isAuthority ? [sequence(objectId("551d13"), der(1, Buffer.of(0xff)), der(4, sequence(der(1, Buffer.of(0xff)))))] : []),
    ...(names.length > 0 ? [sequence(objectId("551d11"), der(4, sequence(...names)))] : []),
  ];
  const serial = randomBytes(8);
  serial[0] = 1;
  const content = sequence(
    der(0xa0, der(2, Buffer.of(2))),
    der(2, serial),
    ecdsaWithSha256,
    nameOf(issuer.commonName),
    sequence(timeOf(fromMs), timeOf(toMs)),
    nameOf(commonName),
    publicKey.export({ type: "spki", format: "der" }),
    ...(extensions.length > 0 ? [der(0xa3, sequence(...extensions))] : []),
  );
  const signature = der(3, Buffer.concat([Buffer.of(0), sign("sha256", content, issuer.key)]));
  const text = sequence(content, ecdsaWithSha256, signature).toString("base64");
  return `-----BEGIN CERTIFICATE-----\n${text.match(/.{1,64}/g)?.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function nameOf(commonName: string | undefined): Buffer {
  if (commonName === undefined) return sequence();
  return sequence(der(0x31, sequence(objectId("550403"), der(0x0c, Buffer.from(commonName)))));
}

function timeOf(ms: number): Buffer {
  const text = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  // RFC 5280 §4.1.2.5: years up to 2049 have two digits.
  return ms < Date.UTC(2050) ? der(0x17, Buffer.from(text.slice(2))) : der(0x18, Buffer.from(text));
}

function objectId(hex: string): Buffer {
  return der(6, Buffer.from(hex, "hex"));
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function der(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}
