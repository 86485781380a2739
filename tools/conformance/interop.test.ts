import assert from "node:assert/strict";
import process from "node:process";
import { before, describe, test } from "node:test";
import { freePort } from "../services/host.ts";
import { generateSuites } from "./contracts.ts";
import { programFile, runProgram, startProgram, suiteMissing } from "./suite-programs.ts";

/** Every case that our client has; grpc-go's server answers all of them. */
const clientCases = [
  "empty_unary",
  "large_unary",
  "client_streaming",
  "server_streaming",
  "ping_pong",
  "empty_stream",
  "custom_metadata",
  "status_code_and_message",
  "special_status_message",
  "unimplemented_method",
  "unimplemented_service",
  "cancel_after_begin",
  "cancel_after_first_response",
  "timeout_on_sleeping_server",
];

/** Every case of grpc-go's client, but those that need accounts of Google and those of ORCA load reports, which we do not send. */
const serverCases = [...clientCases, "pick_first_unary", "rpc_soak", "channel_soak"];

describe("gRPC's interoperability tests", { skip: suiteMissing("WEIR_GRPC_INTEROP_CLIENT", "WEIR_GRPC_INTEROP_SERVER") }, () => {
  before(generateSuites);

  test("our client passes against grpc-go's server", async (t) => {
    const port = await freePort(0);
    const server = await startProgram(process.env["WEIR_GRPC_INTEROP_SERVER"] ?? "", ["-port", String(port)], {
      ready: /interop server listening/,
      env: { GRPC_GO_LOG_SEVERITY_LEVEL: "info" },
    });
    t.after(server.stop);
    const { output, errors } = await runProgram(process.execPath, [programFile("interop-client"), "--url", `http://127.0.0.1:${port}`]);
    assert.deepEqual(
      output.trim().split("\n"),
      clientCases.map((name) => `passed ${name}`),
      errors,
    );
  });

  test("grpc-go's client passes against our server", async (t) => {
    const server = await startProgram(process.execPath, [programFile("interop-server")], { ready: /^(\d+)$/m });
    t.after(server.stop);
    const where = ["-server_host", "127.0.0.1", "-server_port", server.found[1] ?? ""];
    for (const name of serverCases) {
      const words = [...where, "-test_case", name];
      const { code, errors } = await runProgram(process.env["WEIR_GRPC_INTEROP_CLIENT"] ?? "", words, 60_000);
      assert.equal(code, 0, `${name}: ${errors}`);
    }
  });
});
