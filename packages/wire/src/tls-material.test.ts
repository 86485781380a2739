import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { createServer } from "./server.ts";
import { createAuthority } from "./testing/certificates.ts";
import { VirtualClock } from "./testing/virtual-clock.ts";
import { alternativeNames, checkedAuthorities, checkedCertificate, identityOf } from "./tls-material.ts";

const authority = createAuthority();
const local = authority.issue({ dns: ["LocalHost", "*.a.example"], fromMs: 1000, toMs: 2_000_000 });
const other = authority.issue({ dns: ["other"] });

test("a certificate is taken while it is valid, with its names in lower case", () => {
  for (const nowMs of [1000, 1_000_000, 2_000_000]) {
    assert.deepEqual(checkedCertificate(local, nowMs).names, ["localhost", "*.a.example"]);
  }
  for (const nowMs of [999, 2_001_000]) {
    assert.throws(() => checkedCertificate(local, nowMs), {
      reason: "TLS_CERTIFICATE_EXPIRED",
      message: /DNS:LocalHost.* valid from .* to /,
    });
  }
});

test("a chain with one expired certificate in it is refused", () => {
  const chain = { certificate: other.certificate + local.certificate, key: other.key };
  assert.throws(() => checkedCertificate(chain, Date.now()), { reason: "TLS_CERTIFICATE_EXPIRED" });
});

test("a key that is another's, or none, is refused and never repeated", () => {
  const { certificate } = local;
  assert.throws(() => checkedCertificate({ certificate, key: other.key }, 5000), { reason: "TLS_KEY_MISMATCH", message: /another key/ });
  for (const key of ["", "secret", certificate, local.key.slice(0, 60)]) {
    assert.throws(
      () => checkedCertificate({ certificate, key }, 5000),
      (error: Error & { reason?: string }) => error.reason === "TLS_KEY_MISMATCH" && !(key.length > 0 && error.message.includes(key)),
    );
  }
});

test("what is not a whole certificate is refused, wherever it has been cut off", () => {
  const { certificate, key } = local;
  for (let end = 0; end < certificate.trimEnd().length; end += 7) {
    assert.throws(() => checkedCertificate({ certificate: certificate.slice(0, end), key }, 5000), { reason: "TLS_CERTIFICATE_INVALID" });
    const chain = { certificate: certificate + certificate.slice(0, end), key };
    if (end > 30) assert.throws(() => checkedCertificate(chain, 5000), { reason: "TLS_CERTIFICATE_INVALID" });
  }
  assert.throws(() => checkedAuthorities("no PEM"), { reason: "TLS_CERTIFICATE_INVALID" });
  assert.ok(checkedAuthorities(Buffer.from(authority.pem)).includes("BEGIN CERTIFICATE"));
});

test("a server is not made with certificates that cannot be used", () => {
  const handler = async (): Promise<{ status: number; headers: string[] }> => ({ status: 200, headers: [] });
  const clock = new VirtualClock();
  assert.throws(() => createServer(handler, { tls: { certificates: [] } }), { reason: "TLS_CERTIFICATE_INVALID" });
  assert.throws(() => createServer(handler, { tls: { certificates: [local] } }), { reason: "TLS_CERTIFICATE_EXPIRED" });
  createServer(handler, { tls: { certificates: [local] }, clock });
  for (const clientCertificates of ["request", "require"] as const) {
    const tls = { certificates: [local], clientCertificates };
    assert.throws(() => createServer(handler, { tls, clock }), { reason: "TLS_CERTIFICATE_INVALID", message: /clientCa/ });
  }
  assert.throws(() => createServer(handler).replaceTls({ certificates: [other] }), { reason: "TLS_NOT_SERVED" });
});

test("an identity cannot be forged by a name that holds another", () => {
  const identity = (options: Parameters<typeof authority.issue>[0]): string | undefined =>
    identityOf(new X509Certificate(authority.issue(options).certificate));
  assert.equal(identity({ uri: ["spiffe://a/b"] }), "spiffe://a/b");
  assert.equal(identity({ uri: ['spiffe://a/"b, URI:c'] }), 'spiffe://a/"b, URI:c');
  assert.equal(identity({ dns: ["a, URI:spiffe://forged"], commonName: "cn" }), "cn");
  assert.equal(identity({ dns: ['a", URI:spiffe://forged'], commonName: "cn" }), "cn");
  assert.equal(identity({ commonName: "a\nCN=b" }), "a\nCN=b");
  assert.equal(identity({ commonName: "" }), undefined);
  const names = new X509Certificate(authority.issue({ dns: ["a", "b,c"], ip: ["127.0.0.1"] }).certificate);
  assert.deepEqual(alternativeNames(names, "DNS"), ["a", "b,c"]);
  assert.deepEqual(alternativeNames(names, "IP Address"), ["127.0.0.1"]);
});
