import { readFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { TestService } from "#suites/grpc/testing/test.weir.ts";
import { createClient } from "@weir/kit/rpc/client";
import { createWireTransport } from "@weir/kit/rpc/node/transport";
import { interopCases } from "./interop-cases.ts";

/*
 * Runs every case of gRPC's interoperability tests against a server: a line for each, and exit code 1 when one failed. --ca names a file of
 * PEM with the authority of a server that speaks TLS.
 */
const { values } = parseArgs({ options: { url: { type: "string", default: "" }, ca: { type: "string" } } });
const tls = values.ca === undefined ? undefined : { ca: readFileSync(values.ca) };
const transport = createWireTransport({ url: values.url, protocol: "grpc", tls });
const client = createClient(TestService, transport);
for (const [name, run] of Object.entries(interopCases)) {
  try {
    await run(client, transport);
    process.stdout.write(`passed ${name}\n`);
  } catch (thrown) {
    process.exitCode = 1;
    process.stdout.write(`failed ${name}\n`);
    process.stderr.write(`${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`);
  }
}
await transport.close();
