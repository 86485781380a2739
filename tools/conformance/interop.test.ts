import assert from "node:assert/strict";
import process from "node:process";
import { after, before, describe, test } from "node:test";
import { freePort } from "../services/host.ts";
import { generateSuites } from "./contracts.ts";
import { clientCases, runServerCases } from "./interop-cases.ts";
import { programFile, runProgram, startProgram, suiteMissing } from "./suite-programs.ts";
import { writeTestCertificate } from "./test-certificate.ts";

describe("gRPC's interoperability tests", { skip: suiteMissing("WEIR_GRPC_INTEROP_CLIENT", "WEIR_GRPC_INTEROP_SERVER") }, () => {
  const certificate = writeTestCertificate();
  before(generateSuites);
  after(() => certificate.remove());

  for (const secure of [false, true]) {
    const over = secure ? "TLS" : "cleartext";

    test(`our client passes against grpc-go's server over ${over}`, async (t) => {
      const port = await freePort(0);
      const tls = secure ? ["-use_tls", "-tls_cert_file", certificate.cert, "-tls_key_file", certificate.key] : [];
      const server = await startProgram(process.env["WEIR_GRPC_INTEROP_SERVER"] ?? "", ["-port", String(port), ...tls], {
        ready: /interop server listening/,
        env: { GRPC_GO_LOG_SEVERITY_LEVEL: "info" },
      });
      t.after(server.stop);
      const where = secure ? ["--url", `https://127.0.0.1:${port}`, "--ca", certificate.ca] : ["--url", `http://127.0.0.1:${port}`];
      const { output, errors } = await runProgram(process.execPath, [programFile("interop-client"), ...where]);
      assert.deepEqual(
        output.trim().split("\n"),
        clientCases.map((name) => `passed ${name}`),
        errors,
      );
    });

    test(`grpc-go's client passes against our server over ${over}`, async (t) => {
      const words = secure ? ["--cert", certificate.cert, "--key", certificate.key] : [];
      const server = await startProgram(process.execPath, [programFile("interop-server"), ...words], { ready: /^(\d+)$/m });
      t.after(server.stop);
      const tls = secure ? ["-use_tls", "-use_test_ca", "-ca_file", certificate.ca, "-server_host_override", "localhost"] : [];
      await runServerCases(server.found[1] ?? "", tls);
    });
  }
});
