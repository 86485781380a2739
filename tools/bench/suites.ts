import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Suite } from "./contest.ts";
import type { Contestant } from "./contestant.ts";
import { nginxBackend, nginxGateway } from "./suts/nginx.ts";

function node(name: string, file: string): Contestant {
  const path = fileURLToPath(new URL(file, import.meta.url));
  if (!existsSync(path)) throw new Error(`expected the contestant ${path}, found no such file`);
  return { name, command: ({ port, backendPort }) => [process.execPath, path, `${port}`, `${backendPort}`] };
}

/** The suites by name. Made when asked for, so that one suite does not need what another needs. */
export const suites: Readonly<Record<string, () => Suite>> = {
  http: () => ({
    name: "http",
    contestants: [node("weir", "./suts/http-weir.ts"), node("fastify", "./suts/http-fastify.ts"), node("node:http", "./suts/http-node.ts")],
    backend: undefined,
    path: "/v1/hello/weir",
    connections: 64,
  }),
  gateway: () => ({
    name: "gateway",
    contestants: [
      node("weir", "./suts/gateway-weir.ts"),
      node("@fastify/http-proxy", "./suts/gateway-fastify-http-proxy.ts"),
      node("http-proxy-3", "./suts/gateway-http-proxy-3.ts"),
      node("undici", "./suts/gateway-undici.ts"),
      nginxGateway,
    ],
    backend: nginxBackend,
    path: "/v1/feed?userId=u1",
    connections: 64,
  }),
  websocket: () => ({
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
  }),
};

/** What the ratio to a peer should reach, per suite; above 1 means that we use less CPU than the peer. */
export const targets: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  http: { fastify: 1.3 },
  gateway: { "@fastify/http-proxy": 2.5, nginx: 1 / 1.6 },
};
