import proxy from "@fastify/http-proxy";
import Fastify from "fastify";

// @fastify/http-proxy with its defaults: keep-alive connections to the upstream by undici, no log.
const [port, backendPort] = process.argv.slice(2).map(Number);

const app = Fastify();
await app.register(proxy, { upstream: `http://127.0.0.1:${backendPort}` });
await app.listen({ port: port ?? 0, host: "127.0.0.1" });
