import { existsSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Suite } from "./contest.ts";
import type { Contestant } from "./contestant.ts";
import { buildGoPeers } from "./go-peers.ts";
import { envoyGateway } from "./suts/envoy.ts";
import { nginxBackend, nginxGateway } from "./suts/nginx.ts";

function node(name: string, file: string): Contestant {
  const path = fileURLToPath(new URL(file, import.meta.url));
  if (!existsSync(path)) throw new Error(`expected the contestant ${path}, found no such file`);
  return {
    name,
    command: ({ port, backendPort, tls }) => [process.execPath, path, `${port}`, `${backendPort}`, ...(tls ? [tls.cert, tls.key] : [])],
  };
}

/** A peer in Go, on one core as the others. */
function goPeer(name: string, folder: string): Contestant {
  const command: Contestant["command"] = ({ port, tls }) => [
    "env",
    "GOMAXPROCS=1",
    `${folder}/${name}`,
    `${port}`,
    ...(tls ? [tls.cert, tls.key] : []),
  ];
  return { name, command };
}

/** One load of gRPC; those in Go take part where there is Go. */
async function rpc(name: string, load: Pick<Suite, "connections" | "streams" | "scheme">): Promise<Suite> {
  const folder = await buildGoPeers((line) => void process.stderr.write(`${line}\n`));
  // Kitex speaks gRPC without TLS only.
  const inGo = folder === undefined ? [] : load.scheme === "grpcs" ? ["grpc-go"] : ["grpc-go", "kitex"];
  return {
    name,
    contestants: [
      node("weir", "./suts/http-weir.ts"),
      node("@grpc/grpc-js", "./suts/rpc-grpc-js.ts"),
      node("connect-node", "./suts/rpc-connect-node.ts"),
      ...inGo.map((one) => goPeer(one, folder ?? "")),
    ],
    backend: undefined,
    path: "/weir.bench.v1.Hello/Greet",
    ...load,
  };
}

/** The contests of each suite. Made when asked for, so that one suite does not need what another needs. */
export const suites: Readonly<Record<string, () => readonly Suite[] | Promise<readonly Suite[]>>> = {
  rpc: async () => [
    await rpc("rpc", { connections: 8, streams: 32, scheme: "grpc" }),
    await rpc("rpc-64x1", { connections: 64, streams: 1, scheme: "grpc" }),
    await rpc("rpc-tls", { connections: 8, streams: 32, scheme: "grpcs" }),
    await rpc("rpc-64x1-tls", { connections: 64, streams: 1, scheme: "grpcs" }),
  ],
  http: () => [
    {
      name: "http",
      contestants: [
        node("weir", "./suts/http-weir.ts"),
        node("fastify", "./suts/http-fastify.ts"),
        node("node:http", "./suts/http-node.ts"),
      ],
      backend: undefined,
      path: "/v1/hello/weir",
      connections: 64,
    },
  ],
  gateway: () => [
    {
      name: "gateway",
      contestants: [
        node("weir", "./suts/gateway-weir.ts"),
        node("@fastify/http-proxy", "./suts/gateway-fastify-http-proxy.ts"),
        node("http-proxy-3", "./suts/gateway-http-proxy-3.ts"),
        node("undici", "./suts/gateway-undici.ts"),
        nginxGateway,
        envoyGateway,
      ],
      backend: nginxBackend,
      path: "/v1/feed?userId=u1",
      connections: 64,
    },
  ],
  websocket: () => [
    {
      name: "websocket",
      contestants: [
        node("weir", "./suts/websocket-weir.ts"),
        node("weir, for await", "./suts/websocket-weir-pull.ts"),
        node("ws", "./suts/websocket-ws.ts"),
      ],
      backend: undefined,
      path: "/echo",
      connections: 64,
      scheme: "ws",
    },
  ],
};

/** What the ratio to a peer should reach, per suite; above 1 means that we use less CPU than the peer. */
export const targets: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  rpc: { "@grpc/grpc-js": 8, "connect-node": 20, "grpc-go": 2 },
  "rpc-64x1": { "@grpc/grpc-js": 3 },
  http: { fastify: 1.3 },
  gateway: { "@fastify/http-proxy": 2.5, nginx: 1 / 1.6, envoy: 1 },
};
