import http2 from "node:http2";
import https from "node:https";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { createServer } from "@weir/wire";
import { createAuthority } from "@weir/wire/testing/certificates";
import { collectWhenAsked } from "./collect.ts";

/** Answers "hello" over TLS, on any free port that it tells its parent. Argument: weir, node:https or node:http2. */

// Those that wire takes, in its order, so that all encrypt alike.
const ciphers = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
const { certificate, key } = createAuthority().issue({ dns: ["localhost"], ip: ["127.0.0.1"] });
const body = Buffer.from("hello");
const headers = { "content-type": "text/plain", "content-length": body.length };

const listening: Readonly<Record<string, () => Promise<number>>> = {
  async weir() {
    const answer = { status: 200, headers: ["content-type", "text/plain"], body };
    const server = createServer(async () => answer, { tls: { certificates: [{ certificate, key }] }, timeouts: { idleMs: 600_000 } });
    return (await server.listen({ port: 0 })).port;
  },
  "node:https": () =>
    portOf(
      https.createServer({ cert: certificate, key, ciphers, keepAliveTimeout: 600_000 }, (_request, response) => {
        response.writeHead(200, headers).end(body);
      }),
    ),
  "node:http2": () => {
    const server = http2.createSecureServer({ cert: certificate, key, ciphers });
    server.on("stream", (stream: http2.ServerHttp2Stream) => {
      stream.respond({ ":status": 200, ...headers });
      stream.end(body);
    });
    return portOf(server);
  },
};

function portOf(server: https.Server | http2.Http2SecureServer): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

const port = await listening[process.argv[2] ?? ""]?.();
process.send?.({ port });
collectWhenAsked();
