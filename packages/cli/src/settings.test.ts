import assert from "node:assert/strict";
import { test } from "node:test";
import { portFrom, tlsFrom } from "./settings.ts";

test("portFrom takes a port or the default, and refuses anything else", () => {
  const from = (port: string | undefined): number =>
    portFrom({ environment: port === undefined ? {} : { P: port } }, { name: "P", fallback: 80 });
  assert.deepEqual([from(undefined), from(""), from("0"), from("65535")], [80, 80, 0, 65_535]);
  for (const wrong of ["65536", "-1", "8e1.5", "http"]) assert.throws(() => from(wrong), { reason: "OPTION_INVALID" });
});

test("tlsFrom takes certificate and key together, authorities beside them, and is undefined for cleartext", () => {
  const files = { WEIR_TLS_CERTIFICATE_FILE: "tls.crt", WEIR_TLS_KEY_FILE: "tls.key" };
  assert.equal(tlsFrom({ environment: {} }), undefined);
  assert.equal(tlsFrom({ environment: { WEIR_TLS_CERTIFICATE_FILE: "", WEIR_TLS_KEY_FILE: "" } }), undefined);
  assert.deepEqual(tlsFrom({ environment: files }), { certificateFile: "tls.crt", keyFile: "tls.key" });
  const withAuthorities = tlsFrom({ environment: { ...files, WEIR_TLS_CLIENT_CA_FILE: "ca.pem" } });
  assert.deepEqual(withAuthorities, { certificateFile: "tls.crt", keyFile: "tls.key", clientCaFile: "ca.pem" });
});

test("tlsFrom refuses to serve cleartext, or everybody, where only some of the files are named", () => {
  for (const [name, lacking] of [
    ["CERTIFICATE", /WEIR_TLS_KEY_FILE/],
    ["KEY", /WEIR_TLS_CERTIFICATE_FILE/],
    ["CLIENT_CA", /WEIR_TLS_CERTIFICATE_FILE/],
  ] as const) {
    const environment = { [`WEIR_TLS_${name}_FILE`]: "some.pem" };
    assert.throws(() => tlsFrom({ environment }), { reason: "OPTION_INVALID", message: lacking });
  }
});
