import process from "node:process";
import { HTTPVersion } from "#suites/connectrpc/conformance/v1/config.weir.ts";
import type { TLSCreds } from "#suites/connectrpc/conformance/v1/config.weir.ts";
import { ServerCompatRequest, ServerCompatResponse } from "#suites/connectrpc/conformance/v1/server_compat.weir.ts";
import { createReflection } from "@weir/kit/rpc/node/reflection";
import { createRpcHandler } from "@weir/kit/rpc/node/server";
import type { TlsServerOptions } from "@weir/wire";
import { createServer } from "@weir/wire";
import { isBehindGateway, startGatewayBefore } from "./behind-gateway.ts";
import { framed, messagesFrom } from "./compat-stream.ts";
import { conformanceService } from "./conformance-service.ts";
import { losesTrailers, withoutTrailers } from "./planted-fault.ts";

/*
 * The server under test of connectconformance: one message on standard input says what to serve, one on standard output where. It ends
 * with SIGTERM.
 */
const { value: asked } = await messagesFrom(process.stdin, ServerCompatRequest).next();
if (asked === undefined) throw new Error("expected a ServerCompatRequest on standard input, found its end");
// A gateway that has to translate learns the contract by reflection.
const handler = createRpcHandler([conformanceService, ...createReflection([conformanceService])], {
  timeoutMsMax: Infinity,
  // The suite counts the details of errors, and knows none of ours.
  errorInfo: false,
  ...(asked.messageReceiveLimit === 0 ? {} : { requestBytesMax: asked.messageReceiveLimit }),
});
const { serverCreds, clientTlsCert } = asked;
const server = createServer(losesTrailers ? withoutTrailers(handler) : handler, {
  // Behind a gateway whichever it prefers.
  protocol: isBehindGateway ? "both" : asked.httpVersion === HTTPVersion.HTTP_VERSION_2 ? "http2" : "http1",
  ...(serverCreds === undefined || isBehindGateway ? {} : { tls: tlsFrom(serverCreds, clientTlsCert) }),
});
const listening = await server.listen({ port: 0 });
const credentials = serverCreds && { certificate: serverCreds.cert, key: serverCreds.key, clientCa: clientTlsCert };
const port = isBehindGateway ? await startGatewayBefore(listening.port, credentials) : listening.port;
process.stdout.write(framed(ServerCompatResponse, { host: "127.0.0.1", port, pemCert: serverCreds?.cert ?? new Uint8Array(0) }));
process.once("SIGTERM", () => void server.close().then(() => process.exit(0)));

function tlsFrom({ cert: certificate, key }: TLSCreds, clientCa: Uint8Array): TlsServerOptions {
  return { certificates: [{ certificate, key }], ...(clientCa.length === 0 ? {} : { clientCa }) };
}
