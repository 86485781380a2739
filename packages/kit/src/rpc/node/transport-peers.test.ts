// The client of every protocol against servers that others wrote, and ours.
import { createFetchTransport } from "../fetch-transport.ts";
import type { Encoding } from "../message-codec.ts";
import { startConnectNode } from "../testdata/connect-node-server.ts";
import type { ForeignGreeter } from "../testdata/foreign-greeter.ts";
import { startGrpcJs } from "../testdata/grpc-js-server.ts";
import { startOwnGreeter } from "../testdata/own-server.ts";
import type { RunningCase } from "../transport.suite.ts";
import { testTransport } from "../transport.suite.ts";
import { gzip } from "./gzip.ts";
import type { WireTransportOptions } from "./transport.ts";
import { createWireTransport } from "./transport.ts";

async function over(greeter: Promise<ForeignGreeter>, options: Omit<WireTransportOptions, "url">): Promise<RunningCase> {
  const server = await greeter;
  const transport = createWireTransport({ ...options, url: server.url });
  return {
    transport,
    open: server.open,
    async close() {
      await transport.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

const everything = { accepts: [gzip], sends: gzip, bytesMin: 0 };

for (const compression of [undefined, everything]) {
  const packed = compression ? ", gzip" : "";
  testTransport({
    name: `gRPC to grpc-js${packed}`,
    begin: () => over(startGrpcJs({ compress: compression !== undefined }), { protocol: "grpc", compression }),
  });
  for (const encoding of (compression ? ["proto"] : ["proto", "json"]) satisfies Encoding[]) {
    testTransport({
      name: `gRPC to connect-node, ${encoding}${packed}`,
      begin: () => over(startConnectNode({ http2: true }), { protocol: "grpc", encoding, compression }),
    });
    for (const protocol of ["connect", "grpc-web"] as const) {
      for (const http2 of [false, true]) {
        testTransport({
          name: `${protocol} to connect-node, ${encoding}, HTTP/${http2 ? "2" : "1.1"}${packed}`,
          lacks: http2 ? [] : ["full duplex"],
          begin: () => over(startConnectNode({ http2 }), { protocol, encoding, compression, http2, useGet: http2 }),
        });
      }
    }
  }
}

for (const compression of [undefined, everything]) {
  for (const encoding of (compression ? ["proto"] : ["proto", "json"]) satisfies Encoding[]) {
    for (const protocol of ["connect", "grpc", "grpc-web"] as const) {
      for (const http2 of protocol === "grpc" ? [true] : [false, true]) {
        testTransport({
          name: `${protocol} to Weir, ${encoding}, HTTP/${http2 ? "2" : "1.1"}${compression ? ", gzip" : ""}`,
          begin: () => over(startOwnGreeter(), { protocol, encoding, compression, http2, useGet: http2 }),
        });
      }
    }
  }
}

for (const protocol of ["connect", "grpc-web"] as const) {
  testTransport({
    name: `${protocol} by fetch to connect-node`,
    lacks: ["request streams"],
    async begin() {
      const server = await startConnectNode({ http2: false });
      const transport = createFetchTransport({ baseUrl: server.url, protocol });
      return { transport, open: server.open, close: async () => server[Symbol.asyncDispose]() };
    },
  });
}
