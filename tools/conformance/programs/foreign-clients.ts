import process from "node:process";
import { parseArgs } from "node:util";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import type { ConnectTransportOptions, GrpcTransportOptions } from "@connectrpc/connect-node";
import { callByConnect } from "./connect-cases.ts";
import { callByGrpcJs } from "./grpc-js-cases.ts";
import { testServiceSchema } from "./test-service-schema.ts";

/* Lets grpc-js and connect-node call a server of the interoperability tests: a line for each way, and exit code 1 when one failed. */
const { values } = parseArgs({ options: { url: { type: "string", default: "" } } });
const { url: baseUrl } = values;
const schema = await testServiceSchema();

const creators = { connect: createConnectTransport, "gRPC-Web": createGrpcWebTransport, gRPC: createGrpcTransport } as const;
const ways = (["gRPC", "gRPC-Web", "connect"] as const).flatMap((protocol) =>
  ([true, false] as const).flatMap((useBinaryFormat) =>
    (["2", "1.1"] as const)
      .filter((version) => protocol !== "gRPC" || version === "2")
      .map((httpVersion) => ({ protocol, useBinaryFormat, httpVersion })),
  ),
);

await attempt("grpc-js", () => callByGrpcJs(schema, baseUrl));
for (const { protocol, useBinaryFormat, httpVersion } of ways) {
  const options = { baseUrl, httpVersion, useBinaryFormat } as GrpcTransportOptions & ConnectTransportOptions;
  const kinds = { clientStreams: true, bothWays: httpVersion === "2" };
  const name = `connect-node, ${protocol} over HTTP/${httpVersion} in ${useBinaryFormat ? "proto" : "JSON"}`;
  await attempt(name, () => callByConnect(schema, creators[protocol](options), kinds));
}
// connect-node keeps its HTTP/2 sessions for minutes.
process.exit();

async function attempt(name: string, call: () => Promise<void>): Promise<void> {
  try {
    await call();
    process.stdout.write(`passed ${name}\n`);
  } catch (thrown) {
    process.exitCode = 1;
    process.stdout.write(`failed ${name}\n`);
    process.stderr.write(`${name}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`);
  }
}
