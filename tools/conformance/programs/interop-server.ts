import { readFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { createReflection } from "@weir/kit/rpc/node/reflection";
import { createRpcHandler } from "@weir/kit/rpc/node/server";
import type { TlsServerOptions } from "@weir/wire";
import { createServer } from "@weir/wire";
import { isBehindGateway, startGatewayBefore } from "./behind-gateway.ts";
import { interopService } from "./interop-service.ts";

/* Serves gRPC's interoperability tests, and reflection, on a free port, which is the one line on standard output. It ends with SIGTERM. With --cert and --key,
 * two files of PEM, it speaks TLS. */
const services = [interopService, ...createReflection([interopService])];
const { values } = parseArgs({ strict: false, options: { cert: { type: "string" }, key: { type: "string" } } });
const server = createServer(createRpcHandler(services, { corsOrigins: ["*"] }), { tls: tlsFrom(values) });
const listening = await server.listen({ port: 0 });
const port = isBehindGateway ? await startGatewayBefore(listening.port) : listening.port;
process.stdout.write(`${port}\n`);
process.once("SIGTERM", () => void server.close().then(() => process.exit(0)));

function tlsFrom({ cert, key }: { readonly cert?: string | boolean; readonly key?: string | boolean }): TlsServerOptions | undefined {
  if (typeof cert !== "string" || typeof key !== "string") return undefined;
  return { certificates: [{ certificate: readFileSync(cert), key: readFileSync(key) }] };
}
