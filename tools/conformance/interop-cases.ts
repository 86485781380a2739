import assert from "node:assert/strict";
import process from "node:process";
import { runProgram } from "./suite-programs.ts";

/** Every case that our client has; grpc-go's client and server have them too. */
export const clientCases: readonly string[] = [
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
const serverCases: readonly string[] = [...clientCases, "pick_first_unary", "rpc_soak", "channel_soak"];

/** Lets grpc-go's interoperability client run each case against a server; rejects with what it said at the first that fails. */
export async function runServerCases(port: string, more: readonly string[] = []): Promise<void> {
  const client = process.env["WEIR_GRPC_INTEROP_CLIENT"] ?? "";
  for (const name of serverCases) {
    const words = ["-server_host", "127.0.0.1", "-server_port", port, "-test_case", name, ...more];
    const { code, errors } = await runProgram(client, words, 60_000);
    assert.equal(code, 0, `${name}: ${errors}`);
  }
}
